"""What the fuzzer learnt and everything it ever broke, on every run of the tests; and random
mutations of it, for machines without the fuzzer."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import CORPUS
from tests.fuzz.targets import TARGETS

INPUTS = sorted(path for path in CORPUS.rglob("*") if path.is_file())
MAX_CORPUS_BYTES = 500_000


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_promises_hold_for_the_corpus(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


def test_the_corpus_is_there_and_small() -> None:
    assert {path.parent.name for path in INPUTS} == set(TARGETS)
    assert sum(path.stat().st_size for path in INPUTS) < MAX_CORPUS_BYTES


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_promises_hold_for_mutations_of_the_corpus(target: str) -> None:
    rng = random.Random(target)
    corpus = [path.read_bytes() for path in INPUTS if path.parent.name == target]
    for _ in range(3_000):
        data = bytearray(rng.choice(corpus))
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(data) + 1)
            data[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
        TARGETS[target](bytes(data))


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=500)
@given(data=st.binary(max_size=600))
def test_promises_hold_for_any_bytes(target: str, data: bytes) -> None:
    TARGETS[target](data)

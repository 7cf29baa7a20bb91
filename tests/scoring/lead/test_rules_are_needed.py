"""Each rule of the fold switched off in turn: a test of this folder must notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.mutants import Mutant, assert_noticed, assert_unmutated_pass

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

JOIN = "scoring/lead/join.py"
NAMES = ("test_talk", "test_fold_is_a_join", "test_mended", "test_sent_again")
FILES = [f"tests/scoring/lead/{name}.py" for name in NAMES]
NOTICING = [*FILES, "-m", "not slow"]
"""The long searches of properties are left out: a rule whose absence only luck would find is not
tested."""

RULES = (
    Mutant("a final text wins", JOIN, "transcript.final, transcript.revision", "0, 0"),
    Mutant("a call is evicted by its start", JOIN, "transcript.started_ms, ", ""),
    Mutant("one writing per event", JOIN, "return writing.stamp[:ID_CHARS]", "return writing"),
    Mutant("the later writing wins", JOIN, "return writing.at_ms, writing.stamp", "return 0, ''"),
    Mutant("talk is bounded", JOIN, "for piece in pieces:", "for piece in list(pieces)[:2]:"),
    Mutant("an equal text is not taken twice", JOIN, "or a == b:", "or b:"),
    Mutant(
        "the hash is of the words",
        "scoring/lead/state_bytes.py",
        "blake2b(first_line(data), digest_size=16)",
        "blake2b(data, digest_size=16)",
    ),
    Mutant(
        "damaged talk is refused", "scoring/lead/talk.py", "if _digest(encoded) != digest:", "if 0:"
    ),
    Mutant(
        "a whole event counts before its mended twin",
        "scoring/lead/fold.py",
        "None if event.mended else payload_json(event)",
        "payload_json(event)",
    ),
    Mutant(
        "a text is taken back",
        "scoring/lead/history.py",
        "if not taken_back:",
        "if talk is not None:",
    ),
    Mutant("a gap is marked", "scoring/lead/talk.py", "len(rest) - n_tail :]), n_head", "0:]), 0"),
)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_without_it_a_test_fails(rule: Mutant, tmp_path: Path) -> None:
    assert_noticed(rule, tmp_path, NOTICING)


def test_with_all_rules_they_pass(tmp_path: Path) -> None:
    assert_unmutated_pass(tmp_path, NOTICING)

"""What a prompt has in common with one read before is not read again, and that changes no bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="needs the train extra")

from scoring.engines.chunk_graph import ChunkSizes
from scoring.engines.chunked import ChunkReader, is_exact
from scoring.engines.kept_chunks import KeptChunk, KeptChunks
from scoring.engines.readout import marker_of
from tests.training.export.small_models import (
    ALL_POOLS,
    N_LAYERS,
    SHAPES,
    chunk_reader,
    error,
    served,
    small_model,
)
from training.export.shared_prefix import shared_prefix

pytestmark = pytest.mark.train

N_PREFIX = 3
READ = {"marker": marker_of(N_LAYERS), "all_pools": ALL_POOLS}
MODEL = small_model(SHAPES["llama"])


@pytest.fixture(scope="module", params=READ)
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ChunkReader:
    prefix = shared_prefix(MODEL.torch, MODEL.ids[0, :N_PREFIX].tolist())
    return chunk_reader(MODEL, READ[request.param], tmp_path_factory.mktemp("graph"), prefix)


def _with_room(reader: ChunkReader, n_bytes: int) -> ChunkReader:
    return ChunkReader(reader.graph, reader.max_tokens, KeptChunks(n_bytes))


def _prompts(seed: int, n: int = 30) -> list[list[int]]:
    """Drawn as leads are read: most begin as one before them does, up to anywhere."""
    rng = np.random.default_rng(seed)
    first = MODEL.ids[0, :N_PREFIX].tolist()
    drawn: list[list[int]] = []
    for _ in range(n):
        begun = drawn[rng.integers(len(drawn))] if drawn and rng.random() < 0.8 else first
        kept = begun[: int(rng.integers(N_PREFIX, len(begun) + 1))]
        n_more = int(rng.integers(1, 65 - len(kept))) if len(kept) < 64 else 0
        drawn.append([*kept, *rng.integers(8, 211, n_more).tolist()])
    return [ids for ids in drawn if len(ids) > N_PREFIX]


def _spoken(ids: Sequence[int]) -> NDArray[np.bool_]:
    """Follows from the tokens, so that prompts that begin alike are spoken alike."""
    return np.array(ids) % 3 == 0


@pytest.mark.parametrize("n_bytes", [1 << 30, 20_000, 6_000])
@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_kept_every_prompt_gives_the_same_bits(
    reader: ChunkReader, seed: int, n_bytes: int
) -> None:
    """With room for all, for some prompts' chunks, and for hardly one."""
    prompts = _prompts(seed)
    alone = [_with_room(reader, 0).row(ids, _spoken(ids)).tolist() for ids in prompts]
    keeping = _with_room(reader, n_bytes)
    order = np.random.default_rng(seed).permutation(2 * len(prompts)) % len(prompts)
    for i in order:
        assert keeping.row(prompts[i], _spoken(prompts[i])).tolist() == alone[i]
        assert keeping.kept.n_bytes <= n_bytes
        assert keeping.kept.n_bytes == sum(c.n_bytes for c in keeping.kept.by_digest.values())
    assert keeping.kept.by_digest


def test_only_chunks_that_are_new_are_run(reader: ChunkReader) -> None:
    """What is kept is read instead: other numbers there are other scores."""
    ids = MODEL.ids[0].tolist()
    keeping = _with_room(reader, 1 << 30)
    right = keeping.row(ids, _spoken(ids))
    n_chunks = len(reader.graph.sizes.starts(len(ids) - N_PREFIX)) - 1
    assert len(keeping.kept.by_digest) == n_chunks > 2
    for digest, chunk in keeping.kept.by_digest.items():
        keeping.kept.by_digest[digest] = KeptChunk(chunk.past * 2, chunk.sums)
    keeping.holds.clear()
    assert keeping.row(ids, _spoken(ids)).tolist() != right.tolist()
    keeping.forget()
    assert keeping.row(ids, _spoken(ids)).tolist() == right.tolist()


def test_the_same_words_said_by_somebody_else_are_read_again(reader: ChunkReader) -> None:
    ids = MODEL.ids[0].tolist()
    keeping = _with_room(reader, 1 << 30)
    for is_spoken in (_spoken(ids), ~_spoken(ids)):
        alone = _with_room(reader, 0).row(ids, is_spoken)
        assert keeping.row(ids, is_spoken).tolist() == alone.tolist()


def test_how_a_prompt_is_cut_changes_its_last_bits_only(tmp_path: Path) -> None:
    """The prompt in one go, and in chunks of one token."""
    whole = served(MODEL, ALL_POOLS, tmp_path, sizes=ChunkSizes(chunk=64, rest=64))
    for sizes in (ChunkSizes(1, 1), ChunkSizes(8, 5), ChunkSizes(16, 30)):
        assert error(served(MODEL, ALL_POOLS, tmp_path, sizes=sizes), whole) < 1e-3


def test_what_gives_no_number_is_not_kept(reader: ChunkReader) -> None:
    ids = MODEL.ids[0].tolist()
    keeping = _with_room(reader, 1 << 30)
    first = reader.graph.sizes.chunk + N_PREFIX + reader.graph.sizes.rest
    keeping.row(ids[:first], _spoken(ids[:first]))
    ((digest, chunk),) = keeping.kept.by_digest.items()
    keeping.kept.by_digest[digest] = replace(chunk, past=chunk.past * np.float16(np.nan))
    keeping.holds.clear()
    assert not np.isfinite(keeping.row(ids, _spoken(ids))).all()
    assert list(keeping.kept.by_digest) == [digest]


def test_a_prompts_end_goes_before_its_beginning() -> None:
    chunk = KeptChunk(np.zeros((2, 4, 8), np.float16), np.zeros((0, 8), np.float32))
    kept = KeptChunks(3 * chunk.n_bytes)
    kept.keep([b"a", b"ab", b"abc"], [chunk] * 3)
    kept.keep([b"a", b"ad"], [chunk] * 2)
    assert set(kept.by_digest) == {b"a", b"ab", b"ad"}
    assert len(kept.longest([b"a", b"ab", b"abc"])) == 2
    assert not kept.longest([b"x", b"a"])
    kept.keep([b"z"], [chunk])
    kept.keep([b"y"], [chunk])
    assert set(kept.by_digest) == {b"a", b"y", b"z"}


@pytest.mark.parametrize(
    ("n_tokens", "starts"), [(1, [0]), (127, [0]), (128, [0, 64]), (200, [0, 64, 128])]
)
def test_the_rest_is_as_long_as_it_has_to_be(n_tokens: int, starts: list[int]) -> None:
    assert ChunkSizes(chunk=64, rest=64).starts(n_tokens) == starts


class DriftingRuntime:
    """A runtime whose sums depend on how often it ran."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self.session = session
        self.n_runs = 0

    def run(self, names: list[str], feed: dict[str, Any]) -> list[Any]:
        self.n_runs += 1
        outputs = self.session.run(names, feed)
        return [np.asarray(each) * (1 + self.n_runs / 64) for each in outputs]


def test_a_runtime_that_gives_other_bits_is_found(reader: ChunkReader) -> None:
    assert is_exact(reader.graph, reader.max_tokens)
    drifting = cast(onnxruntime.InferenceSession, DriftingRuntime(reader.graph.session))
    assert not is_exact(replace(reader.graph, session=drifting), reader.max_tokens)

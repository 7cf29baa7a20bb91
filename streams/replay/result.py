"""What a replay leaves behind: scores and rank moves in order, and a manifest that says of what.

    OUT/scores.jsonl     one Score a line; `scored_at` is the replay's moment, latencies are 0
    OUT/moves.jsonl      one RankMove a line
    OUT/manifest.json    ReplayManifest; `digest` is the sha256 of both in the order they came

The folder appears complete or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from schemas.outputs import Score
from streams.recording import RecordingError
from streams.replay.boards import Boards, RankMove
from streams.replay.outcome import Outcome
from streams.replay.recording import LogRange

SCORES = "scores.jsonl"
MOVES = "moves.jsonl"
MANIFEST = "manifest.json"
FORMAT = 1


class ReplayManifest(BaseModel):
    """Two replays with equal `digest` said the same. `artifact` null: the policy scored nothing,
    or each score used its own. `states`: a digest of all states at the end, in hexadecimal."""

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    recording: str
    ranges: tuple[LogRange, ...]
    policy: str
    artifact: str | None
    prompt_id: str | None
    until: AwareDatetime
    code: str
    n_erased_leads: int
    erased_sha256: str
    n_records: int
    n_events: int
    n_dead_letters: int
    n_erased_records: int
    n_unscorable: int
    n_leads: int
    n_scores: int
    n_moves: int
    states: str
    digest: str


@dataclass(slots=True)
class Written:
    n_scores: int = 0
    n_moves: int = 0
    digest: str = ""
    boards: Boards = field(default_factory=Boards)


def write_outcomes(outcomes: Iterable[Outcome], folder: Path | None) -> Written:
    """Ranks and writes all of `outcomes`; without a folder only counts and digests them."""
    written, running = Written(), sha256()
    with ExitStack() as files:
        scores = files.enter_context((folder / SCORES).open("wb")) if folder else None
        moves = files.enter_context((folder / MOVES).open("wb")) if folder else None
        for outcome in outcomes:
            move = written.boards.take(outcome)
            if outcome.score is not None:
                written.n_scores += 1
                _put(b"score ", outcome.score, running.update, scores)
            if move is not None:
                written.n_moves += 1
                _put(b"move ", move.model_dump_json().encode(), running.update, moves)
    written.digest = running.hexdigest()
    return written


def _put(kind: bytes, line: bytes, update: Callable[[bytes], None], file: IO[bytes] | None) -> None:
    update(kind)
    update(line)
    update(b"\n")
    if file is not None:
        file.write(line)
        file.write(b"\n")


@dataclass(frozen=True, slots=True)
class ReplayOutput:
    """A finished replay on disk, for who compares two."""

    path: Path
    manifest: ReplayManifest

    def scores(self) -> Iterator[Score]:
        with (self.path / SCORES).open("rb") as file:
            yield from map(Score.model_validate_json, file)

    def moves(self) -> Iterator[RankMove]:
        with (self.path / MOVES).open("rb") as file:
            yield from map(RankMove.model_validate_json, file)


def open_output(path: Path) -> ReplayOutput:
    """Raises RecordingError when the folder holds no replay."""
    try:
        text = (path / MANIFEST).read_bytes()
        return ReplayOutput(path, ReplayManifest.model_validate_json(text))
    except FileNotFoundError:
        raise RecordingError(f"{path} holds no replay: it has no {MANIFEST}") from None
    except ValidationError as error:
        raise RecordingError(
            f"{path / MANIFEST} is no replay's: {error.error_count()} faults; "
            "make one with `asllr replay SOURCE --out DIR`"
        ) from None

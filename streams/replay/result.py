"""The result of a replay on disk: scores and rank moves in order (`streams.replay.sinks.sink`), and
a manifest that says of what.

    OUT/manifest.json    ReplayManifest; `digest` is the sha256 of all lines in the order they came

The folder appears complete or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from schemas.outputs import Score
from streams.recording.event_file import RecordingError
from streams.recording.folder import LogRange
from streams.replay.boards import RankMove, ReplayedBoards
from streams.replay.outcome import ReplayedStep
from streams.replay.sinks.files import read_lines
from streams.replay.sinks.sink import LineKind, Sink

MANIFEST = "manifest.json"
FORMAT = 1


class ReplayManifest(BaseModel):
    """The manifest of a replay. Two replays with equal `digest` have the same output. `artifact`
    null: the policy scored nothing, or each score used its own. `states`: a digest of all states at
    the end, in hexadecimal."""

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
    boards: ReplayedBoards = field(default_factory=ReplayedBoards)


def write_outcomes(outcomes: Iterable[ReplayedStep], sinks: Sequence[Sink] = ()) -> Written:
    """Ranks all of `outcomes` and gives every line to each of `sinks`; the digest is of the lines,
    whatever becomes of them."""
    written, running = Written(), sha256()
    for outcome in outcomes:
        move = written.boards.take(outcome)
        if outcome.score is not None:
            written.n_scores += 1
            running.update(b"score %s\n" % outcome.score)
            for sink in sinks:
                sink.take(LineKind.SCORES, outcome.lead, outcome.score)
        if move is not None:
            written.n_moves += 1
            line = move.model_dump_json().encode()
            running.update(b"move %s\n" % line)
            for sink in sinks:
                sink.take(LineKind.MOVES, outcome.lead, line)
    for sink in sinks:
        sink.end()
    written.digest = running.hexdigest()
    return written


@dataclass(frozen=True, slots=True)
class ReplayOutput:
    """A finished replay on disk, opened in order to compare it."""

    path: Path
    manifest: ReplayManifest

    def scores(self) -> Iterator[Score]:
        return map(Score.model_validate_json, read_lines(self.path, LineKind.SCORES))

    def moves(self) -> Iterator[RankMove]:
        return map(RankMove.model_validate_json, read_lines(self.path, LineKind.MOVES))


def open_output(path: Path) -> ReplayOutput:
    """Opens a finished replay. Raises RecordingError when the folder holds no replay."""
    try:
        text = (path / MANIFEST).read_bytes()
        return ReplayOutput(path, ReplayManifest.model_validate_json(text))
    except FileNotFoundError:
        raise RecordingError(f"{path} holds no replay: it has no {MANIFEST}") from None
    except ValidationError as error:
        raise RecordingError(
            f"{path / MANIFEST} is not the manifest of a replay: {error.error_count()} faults; "
            "make one with `asllr replay SOURCE --out DIR`"
        ) from None

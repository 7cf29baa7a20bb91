"""The normal form of a transcript: who said what when, in seconds from the call's beginning, and
what was mended to get there. Every reader of this folder ends here; nothing here knows a vendor.

Errors: TranscriptError, of which UnknownShape is the kind that says that no reader fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from schemas.events import Role


class TranscriptError(ValueError):
    """A transcript cannot be read. The message says what is wrong and what would do; it quotes
    names of fields and no talk."""


class UnknownShape(TranscriptError):
    """No reader fits: the message names what was found and what the nearest shape also needs."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one speaker said without a break. `speaker`: the file's own label, None where it has
    none. `role`: None where the file does not say and nobody has said so far. `confidence`: 0 to
    1."""

    speaker: str | None
    role: Role | None
    start_s: float
    end_s: float
    text: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that was mended or doubted, `n` times, the first time at `place`."""

    what: str
    n: int
    place: str

    def __str__(self) -> str:
        times = "" if self.n == 1 else f" ({self.n:,} times)"
        return f"{self.place}: {self.what}{times}"


@dataclass(frozen=True, slots=True)
class CallTranscript:
    """One call. `shape`: the name of the shape it was read from. `utterances` in order of their
    beginning, 0 <= start_s <= end_s. `has_times`: False where the file has none and they are an
    estimate from the length of the text. `is_final`: False where the newest words are partial
    results. `revision`: of two readings of one call the higher is the newer."""

    shape: str
    utterances: tuple[Utterance, ...]
    call_id: str | None = None
    started_at: datetime | None = None
    language: str | None = None
    duration_s: float | None = None
    has_times: bool = True
    is_final: bool = True
    revision: int = 0
    remarks: tuple[Remark, ...] = ()

    @property
    def speakers(self) -> tuple[str | None, ...]:
        """The labels in order of appearance."""
        return tuple(dict.fromkeys(one.speaker for one in self.utterances))

"""Finds the dead letters about one lead, for whoever asks why its records do not show."""

from __future__ import annotations

from base64 import b64decode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError
from pydantic_core import from_json

from schemas.codec import Record
from schemas.ids import lead_of
from schemas.outputs import DeadLetter
from schemas.topics import DEAD_LETTER
from streams.kafka.topic_reader import read_newest

MOST_LETTERS = 5_000
"""Of each partition, the newest."""
MOST_BYTES = 128 * 2**20
"""Of all that is read: letters may be as large as the records they are about."""


@dataclass(frozen=True, slots=True)
class LettersOfLead:
    """How many dead letters speak of a lead, by reason. `is_all`: no older one was left unread."""

    by_reason: Mapping[str, int]
    is_all: bool

    def __str__(self) -> str:
        reasons = ", ".join(f"{reason} {n}" for reason, n in sorted(self.by_reason.items()))
        at_least = "" if self.is_all else "at least "
        return f"{at_least}{sum(self.by_reason.values())} ({reasons})"


def letters_of_lead(bootstrap_servers: str, lead: str) -> LettersOfLead:
    """Counts the letters about `tenant/lead` among the newest of `leads.dead-letter`. Raises
    TopicsUnusable, KafkaException."""
    records = Bounded(read_newest(bootstrap_servers, DEAD_LETTER.name, MOST_LETTERS))
    reasons = Counter(letter.reason for _, letter in letters(records) if is_about(letter, lead))
    return LettersOfLead(dict(reasons), is_all=not records.is_cut)


@dataclass(slots=True)
class Bounded:
    """Records up to MOST_BYTES of them and MOST_LETTERS a partition; `is_cut` when it ended there,
    or began behind the first offset."""

    records: Iterable[Record]
    is_cut: bool = False
    _read: Counter[int] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[Record]:
        n_bytes = 0
        for record in self.records:
            self._read[record.partition] += 1
            self.is_cut = self.is_cut or self._read[record.partition] >= MOST_LETTERS
            n_bytes += len(record.value or b"")
            if n_bytes > MOST_BYTES:
                self.is_cut = True
                return
            yield record


def letters(records: Iterable[Record]) -> Iterator[tuple[str, DeadLetter]]:
    """The place (partition:offset) and the letter of each record that holds one."""
    for record in records:
        if record.value is None:
            continue
        try:
            letter = DeadLetter.model_validate_json(record.value)
        except ValidationError:
            continue  # somebody else's record on the topic
        yield f"{record.partition}:{record.offset}", letter


def is_about(letter: DeadLetter, lead: str) -> bool:
    """Whether the record behind a letter names `tenant/lead`: in its key, also one that is wrapped
    in quotes or a registry's frame, or in its subject."""
    return lead in map(lead_of, _names(letter))


def _names(letter: DeadLetter) -> Iterator[bytes]:
    key = b64decode(letter.key or "")
    yield key
    yield key.strip(b'"')
    if key[:1] == b"\x00":
        yield key[5:]
    for header in letter.headers:
        if header.name.strip(' "').lower() in ("ce_subject", "ce-subject"):
            yield b64decode(header.value or "").strip(b'"')
    value = b64decode(letter.value or "")
    if b'"subject"' in value:
        try:
            body = from_json(value)
        except ValueError:
            return
        if isinstance(body, dict) and isinstance(body.get("subject"), str):
            yield body["subject"].encode()

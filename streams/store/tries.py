"""What the store remembers of workers that died: how often one began at the same place, and how
often a record was tried alone."""

from __future__ import annotations

from typing import Protocol


class TriesStore(Protocol):
    """Only the worker that holds a partition asks of it, so that no step here has to be atomic."""

    def note_start(self, topic: str, partition: int) -> int:
        """Returns how many workers in a row, this one included, began at the frontier as it is."""
        ...

    def note_try(self, topic: str, partition: int, offset: int) -> int:
        """Returns how often, this time included, the record was tried alone."""
        ...

    def is_trying(self, topic: str, partition: int) -> bool:
        """Whether a record was tried alone, and nobody noted what came of it."""
        ...

    def forget_tries(self, topic: str, partition: int) -> None:
        """The last record that was tried alone did no harm."""
        ...


def next_count(noted: str, place: int) -> int:
    """The count of `place` after one more, where `noted` is "place count" of the last time.

    >>> next_count("41 2", 41), next_count("40 2", 41), next_count("", 41)
    (3, 1, 1)
    """
    last, _, count = noted.partition(" ")
    return int(count) + 1 if last == str(place) else 1

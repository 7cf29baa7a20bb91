"""Partial results of a live stream: of each utterance the newest final text, else the newest."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any

Placed = tuple[str, Mapping[str, Any]]


def newest_of(
    heard: Iterable[Placed],
    *,
    key: Callable[[Mapping[str, Any]], Hashable | None],
    is_final: Callable[[Mapping[str, Any]], bool],
) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Of results in order of arrival the newest final one of each key, and the newest partial one
    where there is no final one; with whether it is final. Results without a key all count. In the
    order in which utterances began."""
    kept: dict[Hashable, tuple[str, Mapping[str, Any], bool]] = {}
    for number, (place, one) in enumerate(heard):
        of, final = key(one), is_final(one)
        of = ("no key", number) if of is None else ("key", of)
        if of in kept and kept[of][2] and not final:
            continue
        kept[of] = place, one, final
    yield from kept.values()

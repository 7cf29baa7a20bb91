"""Checks whether what asllr keeps and publishes follows from the log: the judge of every
reliability test and of the demo's last line.

It reads the log, the store and the outputs, and recomputes; it never repairs anything. Differences
are sentences with ids only. `differences` is for a deployment at rest, after a sweep where a
publisher may have been paused; part (a) alone also serves when nothing is scored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from schemas.codec import Record
from scoring.lead.fold import listing
from scoring.lead.state import LeadState
from scoring.lead.state_bytes import canonical_line, from_bytes
from scoring.score import ScorerOf
from streams.oracle.boards import board_differences
from streams.oracle.folded_log import FoldedLog, LoggedLead, fold_log
from streams.oracle.outputs import (
    Window,
    erasure_differences,
    letter_differences,
    order_differences,
    read_outputs,
    rest_differences,
    score_differences,
)
from streams.store.contract import LeadView, Store, version_of


@dataclass(frozen=True, slots=True)
class OracleInput:
    """What the oracle compares. `log`: every record of both inputs, `outputs`: every record of
    `leads.scores`, `.ranked`, `.boards`, `.dead-letter` and `.erased`, each read once from the
    start, in any order."""

    log: Iterable[Record]
    outputs: Iterable[Record]


def differences(
    evidence: OracleInput,
    store: Store,
    n_partitions: int,
    scorer_of: ScorerOf,
    *,
    sample: int | None = None,
    excused: Sequence[Window] = (),
) -> list[str]:
    """Everything that is not as it should be: empty when all of (a) to (e) in
    docs/explanation/protocol.md holds. `sample`: how many scores to run the engine again for; None
    = all. `excused`: when Redis went back, which explains what (e) would report of that time."""
    folded = fold_log(evidence.log, n_partitions)
    published = read_outputs(evidence.outputs)
    views = all_leads(store, n_partitions)
    return [
        *state_differences(folded, store, n_partitions),
        *letter_differences(folded, published),
        *erasure_differences(folded, published),
        *score_differences(folded, published, scorer_of, sample),
        *rest_differences(views, published, store, n_partitions),
        *board_differences(views, published, store),
        *order_differences(published, excused),
    ]


def state_differences(folded: FoldedLog, store: Store, n_partitions: int) -> Iterator[str]:
    """Part (a): frontiers, states, cursors and erased flags equal the pure fold, byte for byte."""
    for (topic, partition), last in sorted(folded.ends.items()):
        frontier = store.frontier(partition).get(topic)
        if frontier != last:
            yield f"{topic}/{partition}: frontier {frontier}, the log ends at {last}"
    stored = set()
    for view in all_leads(store, n_partitions):
        stored.add(view.lead)
        lead = folded.leads.get(view.lead)
        if lead is None:
            yield f"{view.lead}: in the store, but the log has no event of it"
        else:
            yield from _lead_differences(view, lead)
    for name in sorted(folded.leads.keys() - stored):
        yield f"{name}: {len(folded.leads[name].events)} events in the log, not in the store"


def _lead_differences(view: LeadView, lead: LoggedLead) -> Iterator[str]:
    stored = view.stored
    if dict(stored.cursor or {}) != lead.cursor:
        yield f"{view.lead}: cursor {dict(stored.cursor or {})}, the log says {lead.cursor}"
    if view.version != version_of(lead.cursor):
        yield f"{view.lead}: version {view.version}, the log says {version_of(lead.cursor)}"
    if stored.erased != lead.state.erased:
        yield f"{view.lead}: erased {stored.erased}, the log says {lead.state.erased}"
    elif not stored.erased and not _holds(stored.state, lead.state):
        yield f"{view.lead}: its state is not the fold of its {len(lead.events)} events"
    if view.queue != listing(lead.state).queue:
        yield f"{view.lead}: queue {view.queue}, the log says {listing(lead.state).queue}"


def _holds(stored: bytes | None, state: LeadState) -> bool:
    """Whether it is this state to the last word, however its talk was packed."""
    if stored is None:
        return False
    read = from_bytes(stored)
    # Opening the talk checks its digest.
    said, told = (one.talk.pieces if one.talk else None for one in (read, state))
    return canonical_line(read) == canonical_line(state) and said == told


def all_leads(store: Store, n_partitions: int) -> list[LeadView]:
    """All leads of every shard, each once, by name."""
    views: dict[str, LeadView] = {}
    for shard in range(n_partitions):
        cursor = 0
        while True:
            cursor, found = store.leads(shard, cursor, 500)
            views |= {view.lead: view for view in found}
            if cursor == 0:
                break
    return [views[name] for name in sorted(views)]

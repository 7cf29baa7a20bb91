"""The first places of each board, of leads that come one after another: memory holds those places
and no other lead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from schemas.events import EventBase
from schemas.ids import LeadKey
from schemas.timestamps import to_ms
from scoring.lead.fold import fold, listing
from scoring.lead.history import LeadHistory, history_of
from scoring.lead.state import LeadState
from scoring.prompt.languages import unknown_languages
from scoring.score import Scorer
from streams.replay.rank_file import (
    MAX_TOLD,
    RankedFile,
    RankedRow,
    ScoredLead,
    row_of,
    score_leads,
)

LeadEvents = tuple[LeadKey, Sequence[EventBase]]
"""A lead and its events in order of time, at least one."""

AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class BoardTerms:
    """What is wanted of boards: their first `places`; of these the first `top` with a faithful
    reason. `newest_of_equals` as in `streams.replay.rank_file.rank_events`."""

    places: int
    top: int = 0
    newest_of_equals: bool = False


def rank_by_lead(
    leads: Iterable[LeadEvents], as_of: datetime, scorer: Scorer, terms: BoardTerms
) -> RankedFile:
    """As `streams.replay.rank_file.rank_events`, but for the rows behind the first places."""
    boards = _FirstPlaces(scorer, to_ms(as_of), terms)
    unknown = unknown_languages(boards.filled_by(leads), scorer.rendering, scorer.words_read)
    return RankedFile(as_of, boards.n_events, boards.n_leads, [*boards.rows()], unknown)


BoardPlace = tuple[float, int, str]
"""(-probability, -moment of coming in, lead): sorts as the board does."""


@dataclass(slots=True)
class _FirstPlaces:
    scorer: Scorer
    now_ms: int
    terms: BoardTerms
    n_events: int = 0
    n_leads: int = 0
    boards: dict[tuple[str, str], list[tuple[BoardPlace, ScoredLead]]] = field(default_factory=dict)

    def filled_by(self, leads: Iterable[LeadEvents]) -> Iterator[LeadHistory]:
        """Puts the leads on their boards; yields each one's history."""
        states: dict[LeadKey, LeadState] = {}
        came_in: dict[LeadKey, int] = {}
        for key, events in leads:  # events of one lead at a time: calls of many take gigabytes
            states[key], came_in[key] = fold(events), to_ms(events[0].occurred_at)
            self.n_leads += 1
            self.n_events += len(events)
            if len(states) == AT_ONCE:
                self._take(states, came_in)
                yield from map(history_of, states.values())
                states, came_in = {}, {}
        self._take(states, came_in)
        yield from map(history_of, states.values())

    def rows(self) -> Iterator[RankedRow]:
        n_told = 0
        for (_, queue), board in sorted(self.boards.items()):
            for rank, (_, scored) in enumerate(self._first(board), start=1):
                is_told = rank <= self.terms.top and n_told < MAX_TOLD
                n_told += is_told
                yield row_of(queue, rank, scored, self.scorer, is_told=is_told)

    def _take(self, states: dict[LeadKey, LeadState], came_in: dict[LeadKey, int]) -> None:
        queues = {key: queue for key in states if (queue := listing(states[key]).queue)}
        for scored in score_leads(queues, states, self.scorer, self.now_ms):
            key = scored.key
            newest = -came_in[key] if self.terms.newest_of_equals else 0
            board = self.boards.setdefault((key.tenant, queues[key]), [])
            board.append(((-scored.probability, newest, key.lead), scored))
            if len(board) > 2 * self.terms.places + AT_ONCE:
                board[:] = self._first(board)

    def _first(
        self, board: list[tuple[BoardPlace, ScoredLead]]
    ) -> list[tuple[BoardPlace, ScoredLead]]:
        return sorted(board, key=lambda each: each[0])[: self.terms.places]

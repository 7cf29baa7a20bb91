"""Which scores get a faithful reason: those at the top of a board, while time for it is left.

A faithful reason costs some dozens of scores, and people read the first rows. Which leads stand
there, and how busy a worker is, follows from no log: so a score says which kind of reason it has,
and is computed again with that kind.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic

from schemas.outputs import Score
from scoring.engine import Engine, EngineInput, Unscorable
from scoring.explain.faithful import explained, things_left_out
from scoring.lead.fold import listing
from scoring.score import Scorer, Subject
from streams.store.board import board_of
from streams.store.contract import Store
from streams.waiting import Patience

log = logging.getLogger(__name__)

ROWS = 20
"""How many rows of a board count as its top: about what a person reads of it."""

DEFAULT_SHARE = 0.2
"""Of a busy worker's time, how much may go to reasons."""

LONGEST_S = 1.0
"""How much unused time is kept, and so the longest that one score may wait for its reason."""

FRESH_S = 1.0
"""How long it is not asked again where the top of a board ends."""

MAX_BOARDS = 10_000
"""How many boards' tops are remembered."""


class TopOfBoards:
    """Knows from which probability on a lead stands among a board's first ROWS, to within
    FRESH_S."""

    def __init__(
        self, store: Store, patience: Patience, clock: Callable[[], float] = monotonic
    ) -> None:
        self._store = store
        self._patience = patience
        self._clock = clock
        self._known: dict[str, tuple[float, float]] = {}

    def has(self, board: str, probability: float) -> bool:
        """Whether a lead of this probability stands there now, or will as soon as it is placed.
        Raises RoleStopped, Stopping."""
        now_s = self._clock()
        asked_s, least = self._known.get(board, (-FRESH_S, 0.0))
        if board not in self._known or now_s - asked_s >= FRESH_S:
            last = self._patience.call(lambda: self._store.board(board, 1, ROWS - 1)).rows
            least = last[0].probability if last else 0.0
            if len(self._known) >= MAX_BOARDS:
                self._known.clear()
            self._known[board] = now_s, least
        return probability >= least


class TimeForReasons:
    """All the time in which a worker rested, and a share of the rest; at most LONGEST_S is kept.
    A share of 0 is no time at all."""

    def __init__(self, share: float, clock: Callable[[], float] = monotonic) -> None:
        self._share = share
        self._clock = clock
        self._left_s = LONGEST_S if share > 0 else 0.0
        self._counted_s = clock()

    def affords(self, seconds: float) -> bool:
        self._pass(self._share)
        return self._left_s > 0 and seconds <= self._left_s

    def rest(self) -> None:
        """The worker found nothing to do: from now until `rested` its time is free."""
        self._pass(self._share)

    def rested(self) -> None:
        self._pass(1.0 if self._share else 0.0)

    def _pass(self, share: float) -> None:
        now_s = self._clock()
        self._left_s = min(LONGEST_S, self._left_s + (now_s - self._counted_s) * share)
        self._counted_s = now_s

    def spend(self, seconds: float) -> None:
        self._left_s -= seconds


class EngineFailed(Exception):
    """An engine raised something; the message is its type, because its text may quote what was
    read."""


@dataclass(frozen=True, slots=True)
class _Fallible:
    """Engines are libraries of others: whatever they raise is no bug of ours, and the lead has its
    score."""

    engine: Engine

    @property
    def batch_size(self) -> int:
        return self.engine.batch_size

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        try:
            return self.engine.logits(inputs)
        except Exception as error:
            raise EngineFailed(type(error).__name__) from None


class Reasons:
    """Gives scores their faithful reasons where that is due and affordable."""

    def __init__(
        self, tops: TopOfBoards, time: TimeForReasons, clock: Callable[[], float] = monotonic
    ) -> None:
        self._tops = tops
        self._time = time
        self._clock = clock

    def is_due(self, score: Score, subject: Subject, scorer: Scorer, score_s: float) -> bool:
        """`score_s`: what reading and scoring one lead has just taken, from which follows what the
        many scores of a reason will take. Raises RoleStopped, Stopping."""
        queue = listing(subject.state).queue
        if queue is None or not self._time.affords(score_s):
            return False
        if not self._tops.has(board_of(str(subject.key), queue), score.probability):
            return False
        started_s = self._clock()
        n_scores = 1 + len(things_left_out(subject.history, subject.as_of_ms, scorer))
        self._time.spend(self._clock() - started_s)
        return self._time.affords(n_scores * score_s)

    def told(self, score: Score, subject: Subject, scorer: Scorer) -> Score:
        """The score with its faithful reason; as it is where nothing alone moves it, or where the
        engine does not take a lead of which something is hidden."""
        started_s = self._clock()
        try:
            return explained(score, subject, replace(scorer, engine=_Fallible(scorer.engine)))
        except (EngineFailed, Unscorable) as error:
            log.warning("no_faithful_reason lead=%s error=%s", subject.key, error)
            return score
        finally:
            self._time.spend(self._clock() - started_s)

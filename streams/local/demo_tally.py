"""What the demo has seen so far: counts, latencies, the shown queue and its last moves."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from schemas.codec import Record
from schemas.events import EventBase
from schemas.outputs import BoardSnapshot, RankUpdate, ReasonKind, Score
from schemas.topics import BOARDS, DEAD_LETTER, RANKED, SCORES

MAX_LATENCIES = 100_000
MAX_WAITING = 20_000
"""Events whose rank has not been seen; most never move a lead on their own and are forgotten."""

MOVES_SHOWN = 8
RATE_WINDOW_S = 10.0


@dataclass(frozen=True, slots=True)
class RankLatency:
    """Milliseconds from an event's broker timestamp to that of the rank it caused; None before
    the first."""

    p50: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """The demo's last line. `faithful_reasons`: how many scores have one. `oracle` is "ok" or the
    differences it found."""

    events: int
    scores: int
    faithful_reasons: int
    rank_updates: int
    latency_ms: RankLatency
    dead_letters: int
    oracle: str | Sequence[str]
    restarts: int

    def as_object(self) -> dict[str, object]:
        return asdict(self)


@dataclass(slots=True)
class DemoCounts:
    n_events: int = 0
    n_scores: int = 0
    n_faithful: int = 0
    n_rank_updates: int = 0
    n_dead_letters: int = 0
    boards: dict[str, BoardSnapshot] = field(default_factory=dict)
    moves: deque[RankUpdate] = field(default_factory=lambda: deque(maxlen=MOVES_SHOWN))
    outputs: list[Record] | None = field(default_factory=list)
    """All output records, for the oracle; None when there were more than it can hold."""

    _latencies_ms: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_LATENCIES))
    _sent_ms: dict[tuple[str, str], int] = field(default_factory=dict)
    _arrivals: deque[tuple[float, str]] = field(default_factory=deque)

    def note_event(self, event: EventBase, record: Record, at_s: float, *, is_timed: bool) -> None:
        """Notes an event that was sent. `is_timed` False: part of the backlog the demo starts with,
        whose wait says nothing."""
        self.n_events += 1
        self._arrivals.append((at_s, "events"))
        if is_timed:
            self._sent_ms[event.source, event.id] = record.timestamp_ms
            if len(self._sent_ms) > MAX_WAITING:
                del self._sent_ms[next(iter(self._sent_ms))]

    def note_output(self, record: Record, at_s: float, max_outputs: int) -> None:
        if self.outputs is not None:
            self.outputs.append(record)
            if len(self.outputs) > max_outputs:
                self.outputs = None
        match record.topic:
            case SCORES.name:
                self.n_scores += 1
                score = Score.model_validate_json(record.value or b"")
                self.n_faithful += score.reason_kind is ReasonKind.FAITHFUL
                self._arrivals.append((at_s, "scores"))
            case RANKED.name if record.value is not None:
                self._note_rank(RankUpdate.model_validate_json(record.value), record.timestamp_ms)
            case RANKED.name:
                self.n_rank_updates += 1
            case BOARDS.name if record.value is not None:
                board = BoardSnapshot.model_validate_json(record.value)
                self._keep_newest(f"{board.tenant}/{board.queue}", board)
            case DEAD_LETTER.name:
                self.n_dead_letters += 1

    def rates(self, now_s: float) -> dict[str, float]:
        """Events and scores per second over the last RATE_WINDOW_S."""
        while self._arrivals and self._arrivals[0][0] < now_s - RATE_WINDOW_S:
            self._arrivals.popleft()
        counts = Counter(kind for _, kind in self._arrivals)
        return {kind: counts[kind] / RATE_WINDOW_S for kind in ("events", "scores")}

    def latency(self) -> RankLatency:
        if not self._latencies_ms:
            return RankLatency(None, None)
        ordered = sorted(self._latencies_ms)
        return RankLatency(*(ordered[int((len(ordered) - 1) * q)] for q in (0.5, 0.99)))

    def largest_queue(self) -> str | None:
        """The queue to show: ties by name, so that the view does not jump."""
        return max(sorted(self.boards), key=lambda name: self.boards[name].size, default=None)

    def _note_rank(self, update: RankUpdate, timestamp_ms: int) -> None:
        self.n_rank_updates += 1
        self.moves.append(update)
        if update.cause.kind == "event":
            sent_ms = self._sent_ms.pop((update.cause.source, update.cause.id), None)
            if sent_ms is not None:
                self._latencies_ms.append(float(timestamp_ms - sent_ms))

    def _keep_newest(self, queue: str, board: BoardSnapshot) -> None:
        known = self.boards.get(queue)
        if known is None or board.board_version >= known.board_version:
            self.boards[queue] = board

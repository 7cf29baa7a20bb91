"""What a board holds, and the boards' half of the store's contract (`streams.store.contract`).

**Promotions.** A placement that says nothing new of its lead, only what a later promotion's
artifact makes of it, is *held*: the board keeps showing the row it has until all of its rows can be
shown as the later artifact sees them; then `flip` shows them. News of a lead (a greater scored
version) and a lead that does not stand are shown at once, whoever scored them: no call waits for a
promotion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from schemas.outputs import RankUpdate, ReasonKind, Score
from schemas.timestamps import to_ms

OrderKey = tuple[int, int, int]
"""(promotion, version, as_of_ms)."""

TOP_ROWS = 50
"""How many rows of a board its snapshot has."""

UNSCORED: OrderKey = (-1, -1, -1)
"""The order of a lead that was never scored: older than any score of the same version of the
lead."""


def order_of(score: Score | RankUpdate) -> OrderKey:
    return score.order.promotion, score.order.version, to_ms(score.order.as_of)


def board_of(lead: str, queue: str) -> str:
    return f"{lead.partition('/')[0]}/{queue}"


def is_of(name: str, tenant: str) -> bool:
    """Whether a lead or a board belongs to a tenant. `name`: the lead or board, with its tenant
    before the slash. `tenant` `*`: anybody's."""
    return tenant in ("*", name.partition("/")[0])


@dataclass(frozen=True, slots=True)
class Placement:
    """What a board should hold of a lead: compare-and-set by (version, order). Equal order with
    equal content is a retry; with other content (after a rollback) the newcomer replaces it."""

    lead: str
    version: int
    order: OrderKey
    probability: float
    reason: str
    reason_kind: ReasonKind = ReasonKind.RECENT


@dataclass(frozen=True, slots=True)
class Move:
    """The rank move a placement caused, stored so that a retry returns the same. `rank` is None
    for a removal. `applied` is False when the board already held something newer; then the rest
    tells of that."""

    rank: int | None
    previous_rank: int | None
    board_version: int
    delta: float | None
    applied: bool


@dataclass(frozen=True, slots=True)
class BoardView:
    """A board as it is read. `board_version` only grows, whatever the store forgets: it is the
    store's clock in milliseconds, or one more than the last where that is greater. `n_moves` counts
    what the store remembers: it goes back when the store does. `n_held`: rows that a flip would
    replace. `newest`: the latest promotion of all rows, shown or held, -1 when there is none."""

    board_version: int
    n_moves: int
    size: int
    rows: Sequence[Placement]
    n_held: int = 0
    newest: int = -1


def is_held(row: Placement | None, newcomer: Placement) -> bool:
    """Whether a placement waits for a flip. `row` is what the board shows of the lead, None when it
    does not stand."""
    return (
        row is not None and newcomer.order[0] > row.order[0] and newcomer.order[1] <= row.order[1]
    )


class BoardStore(Protocol):
    """The boards of all queues. Each board has a hash tag of its own; `queue` is `tenant/queue`."""

    def place(self, queue: str, placement: Placement) -> Move:
        """Puts a lead on a board. A held placement is not applied."""
        ...

    def remove(self, queue: str, lead: str, version: int, order: OrderKey | None) -> Move:
        """Removes the row of a lead, and what is held of it."""
        ...

    def board(self, queue: str, limit: int, start: int = 0) -> BoardView:
        """Reads rows by rank, from the `start`-th (0 = rank 1) on."""
        ...

    def uncovered(self, queue: str, limit: int, start: int = 0) -> list[str]:
        """Returns leads whose newest row, shown or held, is of an earlier promotion than the
        board's newest, by (promotion, lead), from the `start`-th on."""
        ...

    def flip(self, queue: str, limit: int, promotion: int) -> list[str]:
        """Shows what is held of at most `limit` leads up to `promotion`, in one step, which counts
        as one move of each; returns them. Their `place`, repeated, answers with the move of the
        flip. What a still later promotion holds back waits for its own."""
        ...

    def queues(self) -> list[str]:
        """Returns every `tenant/queue` that ever had a lead, sorted; none before `partitions` was
        recorded."""
        ...

    def board_lease(self, queue: str, owner: str, ttl_ms: int) -> bool: ...

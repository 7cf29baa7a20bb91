"""The oracle's part (d): boards, their snapshots and `leads.ranked` follow from the last scores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from schemas.outputs import BoardRow, RankUpdate, Score
from schemas.timestamps import to_ms
from scoring.ranking import ranked
from streams.oracle.outputs import Published, last_score
from streams.store.board import TOP_ROWS, BoardView, Move, Placement, order_of
from streams.store.contract import LeadView, Store

MAX_ROWS = 1_000_000


def board_differences(
    views: Sequence[LeadView], published: Published, store: Store
) -> Iterator[str]:
    """Part (d): boards and their snapshots are the ranking of the last scores, and `leads.ranked`
    agrees: for who keeps the greatest order of each lead, and once a sweep has passed also for who
    keeps the last record, as a compacted topic does."""
    moves: dict[str, Move] = {}
    wanted: dict[str, dict[str, Score]] = defaultdict(dict)
    for view in views:
        last = last_score(published, view.lead)
        if view.board is not None and last is not None:
            wanted[view.board][view.lead] = last
    for queue in sorted(wanted.keys() | set(store.queues())):
        board = store.board(queue, MAX_ROWS)
        scores = wanted.get(queue, {})
        rows = {row.lead: _told(row) for row in board.rows}
        expected = {lead: _told(score) for lead, score in scores.items()}
        if rows != expected:
            odd = sorted({lead for lead, _ in rows.items() ^ expected.items()})
            yield f"board {queue}: differs from the last scores of {', '.join(odd[:5])}"
        elif list(rows) != ranked({lead: score.probability for lead, score in scores.items()}):
            yield f"board {queue}: is not in the order of its probabilities"
        if board.n_held:
            yield f"board {queue}: {board.n_held} rows wait for a flip that nothing holds back"
        yield from _snapshot_differences(queue, board, published)
        # Placed again as it stands, a row answers with the move that put it there.
        moves |= {row.lead: store.place(queue, row) for row in board.rows if row.lead in expected}
    listed = {lead: (queue, score) for queue, of in wanted.items() for lead, score in of.items()}
    for lead in sorted(listed.keys() | published.ranked.keys()):
        records = published.ranked.get(lead, [])
        yield from _ranked_differences(lead, records, *listed.get(lead, (None, None)))
        yield from _move_differences(lead, records, published, moves.get(lead))


def _ranked_differences(
    lead: str,
    records: Sequence[tuple[list[int], RankUpdate | None]],
    queue: str | None,
    score: Score | None,
) -> Iterator[str]:
    # Of equal orders the later record stands: a repeat, or what followed a rollback.
    greatest = max(reversed(records), key=lambda item: item[0], default=([], None))[1]
    last = records[-1][1] if records else None
    for update, verb in ((greatest, "says"), (last, "ends with")):
        said = f"{update.tenant}/{update.queue}" if update else None
        if said != queue:
            yield f"{lead}: leads.ranked {verb} {said}, it stands in {queue}"
        elif update and score and _content(update) != _content(score):
            yield (
                f"{lead}: leads.ranked {verb} {_content(update)}, its last score {_content(score)}"
            )


def _move_differences(
    lead: str,
    records: Sequence[tuple[list[int], RankUpdate | None]],
    published: Published,
    move: Move | None,
) -> Iterator[str]:
    """Compares a lead's records on `leads.ranked` with its board: the last one says what the board
    answered, and no rank was published without its score."""
    last = records[-1][1] if records else None
    if last and move and _moved(last) != _moved(move):
        yield f"{lead}: leads.ranked ends with the move {_moved(last)}, the board's {_moved(move)}"
    scored = {order_of(score) for score in published.scores.get(lead, [])}
    published_orders = {order_of(update) for _, update in records if update}
    for order in sorted(published_orders - scored):
        yield f"{lead} {order}: on leads.ranked, and no score of it on leads.scores"


def _moved(of: RankUpdate | Move) -> tuple[object, ...]:
    return of.rank, of.previous_rank, of.board_version, of.delta


def _content(of: RankUpdate | Score) -> tuple[object, ...]:
    order = of.order
    return order.promotion, order.version, to_ms(order.as_of), *_told(of)


def _told(of: RankUpdate | Score | Placement | BoardRow) -> tuple[object, ...]:
    return of.probability, of.reason, of.reason_kind


def _snapshot_differences(queue: str, board: BoardView, published: Published) -> Iterator[str]:
    snapshot, version = published.boards.get(queue), board.board_version
    if snapshot is None:
        if version:
            yield f"board {queue}: version {version} was never published"
        return
    top = [(row.rank, f"{snapshot.tenant}/{row.lead}", *_told(row)) for row in snapshot.top]
    expected = [
        (rank, row.lead, *_told(row)) for rank, row in enumerate(board.rows[:TOP_ROWS], start=1)
    ]
    if snapshot.board_version != version:
        yield f"board {queue}: snapshot of version {snapshot.board_version}, it is at {version}"
    elif top != expected or snapshot.size != board.size:
        yield f"board {queue}: its snapshot of version {version} says otherwise"

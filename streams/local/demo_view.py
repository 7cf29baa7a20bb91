"""What the demo shows: a queue re-ranking on a terminal, or a line now and then without one."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from schemas.outputs import BoardSnapshot, RankUpdate
from streams.local.demo_tally import DemoCounts, Summary

ROWS = 15
LINE_EVERY_S = 5.0
BAR_CELLS = 12
"""The length of the first lead's bar; the others are relative to it, because few leads in a hundred
order."""


class DemoView(Protocol):
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
    def step(self, what: str) -> None:
        """Shows how far the start-up has come."""
        ...

    def show(self, tally: DemoCounts, now_s: float) -> None: ...


def build_view() -> DemoView:
    """Makes the view, on standard error, so that standard output is left to the summary."""
    console = Console(stderr=True, highlight=False)
    return LiveView(console) if console.is_terminal else PlainView(console)


class PlainView:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def step(self, what: str) -> None:
        self._console.print(f"· {what}")

    def show(self, tally: DemoCounts, now_s: float) -> None:
        if now_s < self._next_s:
            return
        self._next_s = now_s + LINE_EVERY_S
        self._console.print(headline(tally, now_s), soft_wrap=True)
        if tally.moves:
            self._console.print(f"  last move: {describe(tally.moves[-1])}", soft_wrap=True)


class LiveView:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()

    def step(self, what: str) -> None:
        self._console.print(f"[dim]· {what}")

    def show(self, tally: DemoCounts, now_s: float) -> None:
        parts: list[RenderableType] = [Text(headline(tally, now_s), style="bold")]
        queue = tally.largest_queue()
        if queue is not None:
            last_moves = {(m.tenant, m.queue, m.lead): m for m in tally.moves}
            parts.append(_board(queue, tally.boards[queue], last_moves))
        parts += [Text(describe(move), style="dim") for move in reversed(tally.moves)]
        parts.append(Text("Ctrl-C ends the demo", style="dim italic"))
        self._live.update(Group(*parts))


def headline(tally: DemoCounts, now_s: float) -> str:
    rates, latency = tally.rates(now_s), tally.latency()
    timing = "waiting for the first rank"
    if latency.p50 is not None and latency.p99 is not None:
        timing = f"event→rank p50 {latency.p50:.0f} ms, p99 {latency.p99:.0f} ms"
    return (
        f"{tally.n_events} events ({rates['events']:.1f}/s) · "
        f"{tally.n_scores} scores ({rates['scores']:.1f}/s) · "
        f"{tally.n_rank_updates} rank updates · {timing} · {tally.n_dead_letters} dead letters"
    )


def describe(update: RankUpdate) -> str:
    """One move in words: `north/4711 12→3 (6.1%): customer named a date`."""
    came = "new" if update.previous_rank is None else str(update.previous_rank)
    return (
        f"{update.tenant}/{update.lead} {came}→{update.rank} "
        f"({update.probability:.1%}): {update.reason}"
    )


def _board(
    queue: str, board: BoardSnapshot, moves: dict[tuple[str, str, str], RankUpdate]
) -> Table:
    table = Table(title=f"{queue}: {board.size} leads", title_justify="left", expand=True)
    table.add_column("rank", justify="right", width=4)
    table.add_column("", width=4)
    table.add_column("lead", no_wrap=True)
    table.add_column("probability", no_wrap=True)
    table.add_column("reason", ratio=1, no_wrap=True)
    highest = max((row.probability for row in board.top), default=1.0)
    for row in board.top[:ROWS]:
        move = moves.get((board.tenant, board.queue, row.lead))
        bar = "█" * round(row.probability / highest * BAR_CELLS)
        table.add_row(
            str(row.rank),
            _arrow(move),
            row.lead,
            f"{row.probability:6.1%} {bar:<{BAR_CELLS}}",
            row.reason,
            style="bold" if move else "",
        )
    return table


def _arrow(move: RankUpdate | None) -> Text:
    if move is None:
        return Text("")
    if move.previous_rank is None:
        return Text("new", style="cyan")
    risen = move.previous_rank - move.rank
    if risen > 0:
        return Text(f"▲{risen}", style="green")
    return Text(f"▼{-risen}", style="red") if risen else Text("=", style="dim")


def print_summary(console: Console, summary: Summary) -> None:
    latency = summary.latency_ms
    console.print(f"events         {summary.events}")
    console.print(
        f"scores         {summary.scores}, {summary.faithful_reasons} with a faithful reason"
    )
    console.print(f"rank updates   {summary.rank_updates}")
    if latency.p50 is not None and latency.p99 is not None:
        console.print(f"event→rank     p50 {latency.p50:.0f} ms, p99 {latency.p99:.0f} ms")
    console.print(f"dead letters   {summary.dead_letters}")
    console.print(f"oracle         {_verdict(summary.oracle)}")


def _verdict(oracle: object) -> str:
    if oracle == "ok":
        return "ok: states, scores and boards are what the log says"
    return "\n".join(map(str, oracle)) if isinstance(oracle, list | tuple) else str(oracle)

"""The report of `asllr try`: one HTML page with everything the command found. Nothing that was said
in a call is on it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from scoring.backtest.backtest import Backtest, Called
from scoring.backtest.judged_trial import JudgedTrial
from scoring.report.html import bullets, page, table
from scoring.report.numbers_text import percent, tenths
from scoring.report.shown import shown
from scoring.report.svg import Axis, chart, legend, round_end
from streams.importers.tables.cells import own_name
from streams.importers.tables.exports import Exports
from streams.reports.backtest_text import day_text
from streams.reports.try_text import (
    DEMO_NOTE,
    Found,
    encoding_lines,
    judged_by,
    reached_by_day,
)

MAX_QUEUES = 40
MAX_COLUMNS_SHOWN = 300
MAX_CELL = 120
"""Characters of a name that a cell shows."""


def try_page(found: Found, exports: Exports, top: int, command: Sequence[str]) -> str:
    """The page. `top`: how many leads of each queue are shown; `command` made it."""
    at = found.ranked.as_of if found.read.has_times else None
    as_of = "" if at is None else f", as of {at:%Y-%m-%d %H:%M} UTC"
    return page(
        f"Who to call first: {found.ranked.n_leads:,} leads{as_of}",
        [
            f"<p class=answer>{shown(found.verdict)}</p>",
            bullets(_basis(found)),
            *_queues(found, top),
            *_worth(found),
            *_read(found, exports),
            "<h2>What was left out, and why</h2>",
            bullets(_left_out(found, exports)),
            "<h2>What to do next</h2>",
            bullets([DEMO_NOTE if found.is_demo else found.next_step.removeprefix("next: ")]),
            f"<p>This page was made by <code>{shown(shlex.join(command))}</code></p>",
            "<h2>How to read this</h2>",
            bullets(_reading(found)),
        ],
    )


def _basis(found: Found) -> Iterator[str]:
    """By what the leads are ranked; what was left out stands elsewhere."""
    if found.own is not None:
        yield found.own.sentence
        if found.own.base:
            yield found.own.base
        if found.own.why:
            yield found.own.why
    if found.why_rule:
        yield f"Ranked by the rule, who came last is called first: {found.why_rule}"
    if found.judged is not None:
        yield from judged_by(found.judged, found)


def _queues(found: Found, top: int) -> Iterator[str]:
    yield "<h2>Who to call today</h2>"
    queues = [(queue, [*rows]) for queue, rows in groupby(found.ranked.rows, lambda row: row.queue)]
    if not queues:
        yield "<p>Nobody is left to call: every lead has its outcome.</p>"
    if not top:
        yield "<p>No lead is shown, as --top 0 asks.</p>"
        return
    heads = ["rank", "lead", "reason"]
    if found.has_probabilities:
        heads.insert(2, "probability")
    for queue, rows in queues[:MAX_QUEUES]:
        cells = [
            [
                f"{row.rank:,}",
                _cut(own_name(row.lead)),
                *([f"{row.probability:.1%}"] if found.has_probabilities else []),
                row.reason,
            ]
            for row in rows[:top]
        ]
        shows = f"the first {len(cells):,}"
        if len(rows) > len(cells):  # of a large export the first places are all that is known
            shows += f" of {len(rows):,} leads"
        yield table(heads, cells, f"Queue {_cut(own_name(queue))}: {shows}", {1, len(heads) - 1})
    if len(queues) > MAX_QUEUES:
        yield f"<p>And {len(queues) - MAX_QUEUES:,} more queues: --json shows all.</p>"


def _worth(found: Found) -> Iterator[str]:
    trial = found.trial
    if trial is None:
        return
    judged = trial.backtest
    names = [*judged.models]
    yield "<h2>What the calls would have been worth</h2>"
    yield f"<p>{legend(names)}</p><div class=charts>"
    if len(judged.days) > 1:
        yield _by_day(judged)
    yield _by_capacity(found, trial)
    if trial.calibration:
        yield _calibration(found, trial)
    yield "</div>"
    heads = ["model", "calls", "buyers reached", "of all buyers", "precision", "lift"]
    if not found.is_held_out:
        heads.append("days before the order")
    rows = [[name, *_called(called, found)] for name, called in judged.models.items()]
    yield table(heads, rows, "95% intervals; leads are drawn, who was called is held.")
    reach = trial.reach
    counts = zip(*(reach.reached[name] for name in names), strict=True)
    yield table(
        [_calls(found), *names],
        [
            [f"{capacity:,}", *(f"{n:,}" for n in of_models)]
            for capacity, of_models in zip(reach.capacities, counts, strict=True)
        ],
        f"Buyers reached of {reach.n_buyers:,}, by calls.",
    )


def _called(called: Called, found: Found) -> Iterator[str]:
    yield f"{called.n_calls:,}"
    yield tenths(called.reached)
    yield percent(called.recall)
    yield percent(called.precision)
    yield tenths(called.lift)
    if not found.is_held_out:
        yield tenths(called.days_gained)


def _calls(found: Found) -> str:
    return "calls" if found.is_held_out else "calls a day in each queue"


def _by_day(judged: Backtest) -> str:
    first, days = judged.days[0].day, judged.days[-1].day - judged.days[0].day + 1
    lines = {
        name: [(0.0, 0.0), *((float(day - first + 1), float(n)) for day, n in of_days)]
        for name, of_days in reached_by_day(judged).items()
    }
    totals = {name: points[-1][1] for name, points in lines.items()}
    drawn = chart(
        "Buyers reached, day by day",
        Axis(f"days since {day_text(first)}", round_end(float(max(days, 5)))),
        Axis("buyers, added up", round_end(max(5.0, *totals.values()))),
        lines,
    )
    ends = "; ".join(f"{name} {total:,.0f}" for name, total in totals.items())
    said = f"Added up to the end of each judged day, in the end: {ends}, of {judged.n_buyers:,}."
    return _figure(drawn, said)


def _by_capacity(found: Found, trial: JudgedTrial) -> str:
    reach = trial.reach
    lines = {
        name: [(0.0, 0.0), *zip(map(float, reach.capacities), map(float, reached), strict=True)]
        for name, reached in reach.reached.items()
    }
    end = round_end(float(max(5, reach.capacities[-1])))
    drawn = chart(
        "Buyers reached, by calls",
        Axis(_calls(found), end),
        Axis("buyers", round_end(float(max(5, reach.n_buyers)))),
        lines,
        guide=((0, reach.n_buyers), (end, reach.n_buyers)),
    )
    asked = f"The sentence at the top is of {found.terms.capacity:,} {_calls(found)}"
    return _figure(drawn, f"{asked}; the dashed line is all {reach.n_buyers:,} buyers.")


def _calibration(found: Found, trial: JudgedTrial) -> str:
    points = trial.calibration
    end = round_end(max(0.01, *(max(point) for point in points)))
    lines = {name: points if name == found.name else () for name in trial.backtest.models}
    drawn = chart(
        "Were the probabilities right?",
        Axis("probability said", end),
        Axis("share that ordered", end),
        lines,
        guide=((0, 0), (end, end)),
        dots=True,
    )
    pairs = "; ".join(f"{said:.1%} said, {came:.1%} came" for said, came in points)
    return _figure(
        drawn,
        f"What {found.name} said on the lists that judge it, in groups of equal size: {pairs}. On "
        "the dashed line it was right; a few buyers more or less move a point.",
    )


def _figure(drawn: str, caption: str) -> str:
    return f"<figure>{drawn}<figcaption>{shown(caption)}</figcaption></figure>"


def _read(found: Found, exports: Exports) -> Iterator[str]:
    yield "<h2>What was read</h2>"
    files = []
    for kind, read in exports.tables.items():
        columns = exports.mapping.of(kind)
        times = " or ".join(columns.times) if columns is not None and columns.times else "no dates"
        rows = found.read.counts.get(kind, 0)
        zone = f" ({exports.mapping.zone})" if columns is not None and columns.times else ""
        files.append([kind, _cut(read.path.name), f"{rows:,}", read.encoding, times + zone])
    heads = ["file", "name", "rows used", "read as", "dates"]
    yield table(heads, files, "Times without an offset are of the zone in brackets.", {1, 4})
    of_tables: dict[Path, list[str]] = {}
    for kind, read in exports.tables.items():
        of_tables.setdefault(read.path, []).append(kind)
    for kinds in of_tables.values():
        yield _columns(kinds, found, exports)


def _columns(kinds: Sequence[str], found: Found, exports: Exports) -> str:
    """What each column of one file was taken for; leads and outcomes may stand in one."""
    own = found.own if "leads" in kinds else None
    taken = _taken(kinds, exports)
    columns = exports.tables[kinds[0]].columns
    rows = [
        [
            _cut(column),
            _cut(", ".join(taken.get(column, ())) or "not read"),
            *([] if own is None else ["yes" if column in own.columns else "no"]),
        ]
        for column in columns[:MAX_COLUMNS_SHOWN]
    ]
    heads = ["column", "taken for", *([] if own is None else ["your model uses it"])]
    more = len(columns) - len(rows)
    caption = f"The columns of {' and '.join(kinds)}" + (f", and {more:,} more" if more else "")
    return table(heads, rows, f"{caption}.", {0, 1})


def _taken(kinds: Sequence[str], exports: Exports) -> dict[str, list[str]]:
    """Column -> what it was taken for."""
    taken: dict[str, list[str]] = {}
    for kind in kinds:
        columns = exports.mapping.of(kind)
        for name, column in {} if columns is None else columns.columns.items():
            said = f"{name} of {kind}" if len(kinds) > 1 else name
            taken.setdefault(column, []).append(said)
    if "leads" in kinds:
        for name, column in exports.mapping.profile.items():
            taken.setdefault(column, []).append(f"a field of the lead, {own_name(name)}")
    return taken


def _left_out(found: Found, exports: Exports) -> Iterator[str]:
    sentences = [
        *(f"{own_name(name)}: {why}" for name, why in found.left_out.items()),
        *encoding_lines(exports.tables),
        *exports.remarks,
        *found.read.skipped,
    ]
    if found.ranked.unknown_languages:
        sentences.append(found.ranked.unknown_languages.sentence)
    yield from sentences or ["Nothing: every row was used."]


def _reading(found: Found) -> Iterator[str]:
    if found.has_probabilities:
        days = f"{found.terms.horizon_days:g} days of "
        yield f"A probability is that of an order within {'' if found.is_held_out else days}now."
        yield (
            "A reason names what the score would be another without, in points of a percent. "
            "Effects do not add up: what two things both say is lost only without both."
        )
    else:
        yield "A rule knows no probability: the list is an order and nothing more."
    if found.judged is not None:
        yield (
            "A buyer is reached who is called and then orders within the horizon. Whether the call "
            "would have made it order is more than the past can tell."
        )
        yield (
            "Who is ahead is said only where the interval leaves 0 out. “Cannot tell” is a finding "
            "about these leads, not about the model."
        )


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"

"""Draws line charts and bars as inline SVG: no script, no font, no other file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10

from scoring.report.shown import shown

Points = Sequence[tuple[float, float]]

COLOURS = ("#0b6e99", "#c2410c", "#4d7c0f", "#7e22ce", "#a16207", "#be185d", "#0f766e", "#475569")
COLOURS_ON_DARK = (
    *("#58b8e0", "#fb923c", "#a3d14b", "#c58af9", "#e0b341", "#f472b6", "#4fd1c5", "#a3b1c6"),
)
DASHES = ("", "7 4", "2 3", "10 3 2 3")
"""Lines are told apart without their colours, too: on paper, and by those who see few."""

WIDTH, HEIGHT = 380, 300
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 26, 40
N_TICKS = 5
BAR_LEFT, BAR_RIGHT, BAR_STEP = 120, 60, 18


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from 0 to `end`, with `name` beside it."""

    name: str
    end: float


def chart(
    title: str,
    across: Axis,
    up: Axis,
    lines: Mapping[str, Points],
    *,
    guide: Points = (),
    dots: bool = False,
) -> str:
    """Draws `lines`, by name, in the colours of `legend`; `guide` is a dashed line."""
    drawn = [_line(across, up, guide, "#94a3b8", 1.0)] if guide else []
    for number, points in enumerate(lines.values()):
        drawn.append(_line(across, up, points, colour(number), 1.8, _dash(number)))
        if dots:
            drawn += [_dot(across, up, point, colour(number)) for point in points]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{shown(title)}">'
        f'<text x="{LEFT}" y="16" class="title">{shown(title)}</text>'
        f"{_frame(across, up)}{''.join(drawn)}</svg>"
    )


def bars(title: str, amounts: Mapping[str, float], name: str) -> str:
    """Draws one horizontal bar per amount, with its number; `name` says what the bars count."""
    end = max([*amounts.values(), 1.0])
    room = WIDTH - BAR_LEFT - BAR_RIGHT
    height = TOP + BAR_STEP * len(amounts) + BOTTOM // 2
    drawn = []
    for number, (label, amount) in enumerate(amounts.items()):
        y, width = TOP + BAR_STEP * number, max(0.0, amount / end * room)
        drawn.append(
            f'<text x="{BAR_LEFT - 6}" y="{y + 11}" text-anchor="end">{shown(label)}</text>'
            f'<rect x="{BAR_LEFT}" y="{y}" width="{width:.1f}" height="{BAR_STEP - 4}" '
            f'style="fill:{colour(0)}"/>'
            f'<text x="{BAR_LEFT + width + 5:.1f}" y="{y + 11}">{amount:,.0f}</text>'
        )
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{shown(title)}">'
        f'<text x="{LEFT}" y="16" class="title">{shown(title)}</text>{"".join(drawn)}'
        f'<text x="{BAR_LEFT}" y="{height - 4}">{shown(name)}</text></svg>'
    )


def round_end(value: float) -> float:
    """Returns the end of an axis that holds `value` in N_TICKS steps of round numbers. `value` is
    above 0."""
    scale = 10.0 ** floor(log10(value / N_TICKS))
    return next(
        step * scale * N_TICKS
        for step in ROUND_STEPS
        if step * scale * N_TICKS >= value * (1.0 - 1e-9)
    )


ROUND_STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


def legend(names: Sequence[str]) -> str:
    """Draws the line of each name, in order."""
    return "".join(
        f'<span class="key"><i style="background:{_stripes(number)}"></i>{shown(name)}</span>'
        for number, name in enumerate(names)
    )


def colour(number: int) -> str:
    """Returns the colour of the line with this number; they repeat after the last. A page may give
    them others (`scoring.report.html.style`)."""
    at = number % len(COLOURS)
    return f"var(--line{at},{COLOURS[at]})"


def _dash(number: int) -> str:
    return DASHES[number % len(DASHES)]


def _stripes(number: int) -> str:
    """The line as the background of a box."""
    pattern, at, stops = [int(length) for length in _dash(number).split()], 0, []
    for part, length in enumerate(pattern):
        drawn = "transparent" if part % 2 else colour(number)
        stops.append(f"{drawn} {at}px {at + length}px")
        at += length
    if not stops:
        return colour(number)
    return f"repeating-linear-gradient(90deg,{','.join(stops)})"


def _frame(across: Axis, up: Axis) -> str:
    parts = []
    for tick in range(N_TICKS + 1):
        share = tick / N_TICKS
        x, y = _place(across, up, (share * across.end, share * up.end))
        parts.append(
            f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" class="grid"/>'
            f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" class="grid"/>'
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">'
            f"{_short(share * across.end)}</text>"
            f'<text x="{LEFT - 5}" y="{y + 3.5:.1f}" text-anchor="end">{_short(share * up.end)}'
            "</text>"
        )
    middle_x, middle_y = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        f'<text x="{middle_x}" y="{HEIGHT - 8}" text-anchor="middle">{shown(across.name)}</text>'
        f'<text transform="translate(12 {middle_y}) rotate(-90)" text-anchor="middle">'
        f"{shown(up.name)}</text>"
    )
    return "".join(parts)


def _line(
    across: Axis, up: Axis, points: Points, stroke: str, width: float, dash: str = "4 4"
) -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in (_place(across, up, p) for p in points))
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    style = f'style="stroke:{stroke}" stroke-width="{width}"{dashes}'
    return f'<polyline points="{places}" fill="none" {style}/>'


def _dot(across: Axis, up: Axis, point: tuple[float, float], fill: str) -> str:
    x, y = _place(across, up, point)
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" style="fill:{fill}"/>'


def _place(across: Axis, up: Axis, point: tuple[float, float]) -> tuple[float, float]:
    """Clipped to the frame."""
    x = min(max(point[0] / across.end, 0.0), 1.0)
    y = min(max(point[1] / up.end, 0.0), 1.0)
    return LEFT + x * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y * (HEIGHT - TOP - BOTTOM)


def _short(value: float) -> str:
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"

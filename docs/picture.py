"""Makes `docs/pictures/queue.svg`: the demo's terminal view of one queue as its leads change rank.

Runs `asllr demo` in a pseudo-terminal, takes a few of the frames that it drew there, and writes
them as one SVG that is animated by CSS alone. Everything in the picture is what the demo printed;
its events are the simulator's. `make picture` calls it.
"""

from __future__ import annotations

import argparse
import os
import pty
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from rich.style import Style
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "pictures" / "queue.svg"

COLUMNS, LINES = 116, 44
N_FRAMES = 8
FRAME_S = 2.6
GLIDE_S = 0.6
"""Of each frame: how long rows take to their next places."""

CELL_W, CELL_H, FONT_PX, PAD = 8.4, 19.0, 14, 14.0
BACKGROUND, FOREGROUND, DIM = "#16181d", "#d7dae0", "#8a919e"
BAR = "#5aa9e6"
COLOURS = {1: "#f07178", 2: "#8fd694", 6: "#7fc8e8"}
"""Red, green and cyan by their numbers in a terminal."""

REDRAWN = re.compile(r"\r\x1b\[2K(?:\x1b\[1A\x1b\[2K)*")
"""What rich's Live sends before each frame: it clears the lines of the last one."""

TITLE = re.compile(r"(\S+/\S+): \d+ leads")
MEASURED = "p50"
"""Of the headline: it is there from the first rank on that a live event caused."""

ROW = re.compile(r"│\s+\d+\s+│.{6}│\s+(\S+)\s+│")


@dataclass(frozen=True, slots=True)
class Frame:
    """One state of the screen. `above`: the headline, the queue's title, the table's heads; `rows`:
    the lines of its table by lead, best first."""

    above: Sequence[Text]
    rows: dict[str, Text]


def record(command: Sequence[str]) -> str:
    """Everything the command writes to a terminal of COLUMNS x LINES; it must succeed."""
    environ = {"COLUMNS": str(COLUMNS), "LINES": str(LINES), "TERM": "xterm-256color"}
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(command[0], [*command], os.environ | environ)  # noqa: S606
    written = bytearray()
    while chunk := _read(terminal):
        written += chunk
    _, status = os.waitpid(pid, 0)
    text = written.decode()
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{' '.join(command)} failed:\n{text[-2_000:]}")
    return text


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux says so when the other end is closed
        return b""


def frames_of(written: str) -> list[Frame]:
    """Every drawing of a table that shows leads, in order."""
    drawn = (drawing.split("\r\n") for drawing in REDRAWN.split(written))
    found = (_frame([Text.from_ansi(line) for line in lines]) for lines in drawn)
    return [frame for frame in found if frame.rows]


def _frame(lines: Sequence[Text]) -> Frame:
    rows = {match[1]: line for line in lines if (match := ROW.search(line.plain))}
    title = next((n for n, line in enumerate(lines) if TITLE.match(line.plain)), None)
    if not rows or title is None:
        return Frame((), {})
    headline = Text(" ".join(line.plain.strip() for line in lines[:title]), style="bold")
    return Frame([headline, lines[title], lines[title + 2]], rows)


def chosen(frames: Sequence[Frame], n: int) -> list[Frame]:
    """`n` at equal distances among those that show the queue that the last one shows, in full, and
    know how long a rank takes."""
    last = frames[-1]
    queue = _queue(last)
    timed = [frame for frame in frames if MEASURED in frame.above[0].plain]
    same = [f for f in timed if _queue(f) == queue and len(f.rows) == len(last.rows)]
    if len(same) < n:
        raise SystemExit(f"only {len(same)} frames show {queue}: let the demo run for longer")
    return [same[round(step * (len(same) - 1) / (n - 1))] for step in range(n)]


def _queue(frame: Frame) -> str:
    title = TITLE.match(frame.above[1].plain)
    return title[1] if title else ""


def svg(frames: Sequence[Frame]) -> str:
    """One picture; a viewer without animation, or whose reader wants none, shows the last frame."""
    n_above = len(frames[0].above)
    n_rows = max(len(frame.rows) for frame in frames)
    width, height = COLUMNS * CELL_W + 2 * PAD, (n_above + n_rows) * CELL_H + 2 * PAD
    body = [_changing([frame.above[n] for frame in frames], n * CELL_H) for n in range(n_above)]
    rule = f'y="{n_above * CELL_H - 1:.0f}" width="{COLUMNS * CELL_W:.0f}" height="1"'
    body.append(f'<rect {rule} fill="{DIM}"/>')
    styles = [_switch(n, len(frames)) for n in range(len(frames))]
    leads = dict.fromkeys(lead for frame in frames for lead in frame.rows)
    for number, lead in enumerate(leads):
        places = [list(frame.rows).index(lead) if lead in frame.rows else None for frame in frames]
        styles.append(_glide(f"lead{number}", places, n_above, n_rows))
        line = _changing([frame.rows.get(lead) for frame in frames], 0)
        body.append(f'<g class="lead{number}">{line}</g>')
    return "\n".join([_head(width, height, styles), *body, "</g>", "</svg>", ""])


def _head(width: float, height: float, styles: Iterable[str]) -> str:
    style = "\n".join(styles)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img"'
        ' aria-label="A queue of simulated leads in the terminal: rows change rank as events'
        ' arrive, each with its probability and its reason">\n'
        f"<style>\ntext {{ font: {FONT_PX}px ui-monospace, SFMono-Regular, Menlo, Consolas,"
        f" 'DejaVu Sans Mono', monospace; fill: {FOREGROUND}; white-space: pre }}\n{style}\n"
        "@media (prefers-reduced-motion: reduce) { * { animation: none !important } }\n</style>\n"
        f'<rect width="100%" height="100%" rx="10" fill="{BACKGROUND}"/>\n'
        f'<g transform="translate({PAD} {PAD})">'
    )


def _changing(lines: Sequence[Text | None], y: float) -> str:
    """A line as each frame words it; one wording for all of them needs no animation."""
    wordings = ["" if line is None else _line(line, y) for line in lines]
    if len(set(wordings)) == 1:
        return wordings[0]
    shown = (f'<g class="frame{n}">{text}</g>' for n, text in enumerate(wordings) if text)
    return "".join(shown)


def _switch(n: int, n_frames: int) -> str:
    """Visible from the beginning of frame `n` to its end, in one step."""
    begin, end = 100 * n / n_frames, 100 * (n + 1) / n_frames
    at_rest = 1 if n == n_frames - 1 else 0
    stops = [(0.0, 1 if n == 0 else 0), (begin, 1), (end, 0)]
    steps = " ".join(f"{at:.2f}% {{ opacity: {opacity} }}" for at, opacity in stops if at < 100)
    return (
        f".frame{n} {{ opacity: {at_rest};"
        f" animation: frame{n} {n_frames * FRAME_S:.1f}s step-end infinite }}\n"
        f"@keyframes frame{n} {{ {steps} }}"
    )


def _glide(name: str, places: Sequence[int | None], n_above: int, n_rows: int) -> str:
    """From place to place at the beginning of each frame; below the table while not on it."""
    n = len(places)
    ys = [(n_above + (n_rows if p is None else p)) * CELL_H for p in places]
    opacities = [0 if p is None else 1 for p in places]
    steps = []
    for frame in range(n):
        begin, settled = 100 * frame / n, 100 * (frame + GLIDE_S / FRAME_S) / n
        before = (frame - 1) % n
        steps.append(_step(begin, ys[before], opacities[before]))
        steps.append(_step(settled, ys[frame], opacities[frame]))
    steps.append(_step(100, ys[-1], opacities[-1]))
    return (
        f".{name} {{ transform: translateY({ys[-1]:.0f}px); opacity: {opacities[-1]};"
        f" animation: {name} {n * FRAME_S:.1f}s ease-in-out infinite }}\n"
        f"@keyframes {name} {{ {' '.join(steps)} }}"
    )


def _step(at: float, y: float, opacity: int) -> str:
    return f"{at:.2f}% {{ transform: translateY({y:.0f}px); opacity: {opacity} }}"


def _line(line: Text, y: float) -> str:
    """Bars are rectangles: a font's own blocks leave gaps."""
    parts = []
    for start, text, style in _runs(line):
        x = start * CELL_W
        if text[0] == "█":
            width = len(text) * CELL_W
            parts.append(
                f'<rect x="{x:.1f}" y="{y + 3:.0f}" width="{width:.1f}" height="{CELL_H - 6:.0f}"'
                f' fill="{BAR}"/>'
            )
        else:
            parts.append(
                f'<text x="{x:.1f}" y="{y + FONT_PX:.0f}"'
                f' textLength="{len(text) * CELL_W:.1f}"{_look(style)}>{escape(text)}</text>'
            )
    return "".join(parts)


def _runs(line: Text) -> list[tuple[int, str, Style]]:
    """(column, text, style) of what is neither blank nor a frame's vertical line; two blanks end a
    run, so that a font of another width cannot shift a column."""
    styles = [Style.null()] * len(line.plain)
    for span in line.spans:
        look = span.style if isinstance(span.style, Style) else Style.parse(span.style)
        for at in range(span.start, min(span.end, len(styles))):
            styles[at] = styles[at] + look
    pattern = r"█+|[^\s█┃│]+(?: [^\s█┃│]+)*"
    return [(m.start(), m[0], styles[m.start()]) for m in re.finditer(pattern, line.plain)]


def _look(style: Style) -> str:
    rules = []
    number = style.color.number if style.color else None
    if number in COLOURS:
        rules.append(f"fill: {COLOURS[number]}")
    elif style.dim:
        rules.append(f"fill: {DIM}")
    if style.bold:
        rules.append("font-weight: bold")
    if style.italic:
        rules.append("font-style: italic")
    return f' style="{"; ".join(rules)}"' if rules else ""


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser("make picture", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--for", dest="duration", default="40s", help="how long the demo runs")
    parser.add_argument("--seed", default="1", help="another seed, another dealership")
    parser.add_argument("--out", type=Path, default=OUT, help="where the SVG goes")
    found = parser.parse_args(arguments)
    demo = [sys.executable, str(ROOT / "asllr.py"), "demo"]
    written = record([*demo, "--for", found.duration, "--seed", found.seed])
    picture = svg(chosen(frames_of(written), N_FRAMES))
    found.out.parent.mkdir(parents=True, exist_ok=True)
    found.out.write_text(picture, encoding="utf-8")
    print(f"wrote {found.out}, {len(picture.encode()):,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])

"""A section of a page: who moves farthest, and the events that moved them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from schemas.timestamps import from_ms
from scoring.report.html import table
from scoring.report.svg import bars
from streams.explain.movers import MovedBy


@dataclass(frozen=True, slots=True)
class Moved:
    """A lead that moved. `what`: the ranks and probabilities before and after, in words. `by`: None
    where no recording was at hand."""

    lead: str
    queue: str
    what: str
    by: Sequence[MovedBy] | None


def change_bars(title: str, counts: Mapping[str, int], unit: str) -> str:
    return f"<div class=charts>{bars(title, counts, unit)}</div>"


def movers_section(movers: Sequence[Moved]) -> str:
    """One line for each lead, which shows the events when it is opened."""
    return "".join(
        f"<details><summary>{escape(one.lead)} ({escape(one.queue)}): {escape(one.what)}</summary>"
        f"{''.join(_events(one.by))}</details>"
        for one in movers
    )


def _events(by: Sequence[MovedBy] | None) -> Iterator[str]:
    if by is None:
        yield "<p>Which events did it is in the recording: name it with <code>--source</code>.</p>"
        return
    for model in by:
        if not model.events:
            yield (
                f"<p>{escape(model.name)} says {model.probability:.2%}: no single event did it, "
                "time did, or those who stand beside.</p>"
            )
            continue
        rows = [
            [f"{from_ms(one.occurred_ms):%Y-%m-%d %H:%M}", one.words, f"{one.effect:+.2%}"]
            for one in model.events
        ]
        caption = f"{model.name} says {model.probability:.2%}; less what it would say without each:"
        yield table(["occurred", "event", "effect"], rows, caption)
        for one in model.events:
            if one.transcript:
                lines = "\n".join(one.transcript)
                yield f"<p>{escape(one.words)}:</p><pre>{escape(lines)}</pre>"

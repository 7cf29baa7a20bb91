"""The output of `asllr explain` and `asllr state`, for a person and for a machine.

Percentages are printed in hundredths and differences are those of the printed ends, so that who
adds up a column gets its last line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, assert_never

from schemas.ids import LeadKey
from schemas.outputs import ReasonKind
from schemas.timestamps import to_ms, to_text
from scoring.explain.event_words import words_of
from scoring.explain.explanation import Explanation
from scoring.explain.faithful import ToldReason
from scoring.explain.ledger import ChangeKind, LedgerEntry
from scoring.explain.occlusion import ColumnEffect, EventEffect
from scoring.lead.arrival import Arrival
from scoring.lead.join import left_out
from scoring.lead.state_bytes import canonical_line, from_bytes
from scoring.prompt.rendering import Rendering
from streams.explain.moment import LeadMoment
from streams.reports.lead_text import languages_json, left_out_words


def explanation_text(key: LeadKey, explanation: Explanation, top: int) -> str:
    return "\n".join(
        [
            f"{key}  {_percent(explanation.probability)} within {explanation.horizon_days} days, "
            f"evidence {explanation.evidence.value}",
            f"  {explanation.reason}",
            f"  {_told(explanation.told)}",
            f"  {explanation.listing.why}; as of {to_text(explanation.as_of_ms)}",
            *_doubts(explanation),
            "",
            "What moved it most",
            *_movers(explanation, top),
            "",
            "What the parts of the prompt are worth",
            *(
                f"  {_effect(one.effect)}  {one.section}: {_percent(one.probability)} without it"
                for one in explanation.occlusion.sections
                if _hundredths(one.effect)
            ),
            *_columns(explanation.occlusion.columns, top),
            "",
            "How it came about",
            *_ledger_lines(explanation.ledger.entries, explanation.rendering),
        ]
    )


def _told(told: ToldReason) -> str:
    match told.kind:
        case ReasonKind.FAITHFUL:
            return f"this score is owed to: {told.text}"
        case ReasonKind.RECENT:
            return "owed to no single thing: without any one the score changes by less than 5%"
    assert_never(told.kind)


def _doubts(explanation: Explanation) -> Iterator[str]:
    if explanation.unknown_languages:
        yield f"  {explanation.unknown_languages.sentence}"
    if explanation.n_unscored:
        yield f"  {explanation.n_unscored} newer events are not scored yet"
    if explanation.ledger.differing:
        yield (
            f"  {len(explanation.ledger.differing)} published scores are not what their artifact "
            "gives again: run `asllr replay verify`"
        )


def _movers(explanation: Explanation, top: int) -> Iterator[str]:
    moving = [one for one in explanation.occlusion.events if _hundredths(one.effect)]
    for one in moving[:top]:
        words = words_of(one.arrival.event, explanation.as_of_ms, explanation.rendering)
        yield f"  {_effect(one.effect)}  {words}: {_percent(one.probability)} without it"
    if not moving:
        yield "  no single event: without any one of them it would be the same"


def _columns(columns: Sequence[ColumnEffect], top: int) -> Iterator[str]:
    """What an artifact reads beside declared features and what was said; nothing where it reads
    nothing else."""
    if columns:
        yield from ("", "What own fields and other columns are worth")
    moving = [one for one in columns if _hundredths(one.effect)]
    parts = [one for one in moving if not one.is_word][:top]
    words = [one for one in moving if one.is_word][:top]
    for one in (*parts, *words):
        name = f"the word {one.name!r}" if one.is_word else one.name
        yield f"  {_effect(one.effect)}  {name}: {_percent(one.probability)} without it"
    if columns and not moving:
        yield "  no single one: without any one of them it would be the same"


def _ledger_lines(entries: Sequence[LedgerEntry], rendering: Rendering) -> Iterator[str]:
    shown = list(_changes(entries, rendering))
    yield from shown
    if len(shown) < len(entries):
        yield f"  {len(entries) - len(shown)} more changed nothing that shows; --json lists them"
    if entries:
        yield f"  the changes add up to {_percent(entries[-1].after)}"


def _changes(entries: Sequence[LedgerEntry], rendering: Rendering) -> Iterator[str]:
    for entry in entries:
        change = _hundredths(entry.after) - _hundredths(entry.before)
        if change or entry.kind is ChangeKind.START:
            ends = f"{change / 100:>+7.2f} {_percent(entry.after):>8}"
            yield f"  {to_text(entry.as_of_ms)}  {ends}  {_cause_words(entry, rendering)}"


def _cause_words(entry: LedgerEntry, rendering: Rendering) -> str:
    match entry.kind:
        case ChangeKind.START:
            words = "a lead of which nothing is known"
        case ChangeKind.ARTIFACT:
            words = f"another artifact: {entry.artifact[:12]}"
        case ChangeKind.TIME:
            words = "time passed"
        case ChangeKind.WITHDRAWN | ChangeKind.EVENT:
            words = ", ".join(
                words_of(one.event, entry.as_of_ms, rendering) for one in entry.causes
            )
    return f"without: {words}" if entry.kind is ChangeKind.WITHDRAWN else words


def explanation_json(key: LeadKey, explanation: Explanation) -> dict[str, Any]:
    return {
        "lead": str(key),
        "as_of": to_text(explanation.as_of_ms),
        "artifact": explanation.artifact,
        "probability": explanation.probability,
        "horizon_days": explanation.horizon_days,
        "reason": explanation.reason,
        "faithful_reason": _told_json(explanation.told),
        "evidence": explanation.evidence.value,
        "unknown_languages": languages_json(explanation.unknown_languages),
        "listed": explanation.listing.queue,
        "why_listed": explanation.listing.why,
        "unscored_events": explanation.n_unscored,
        "events": [_event_effect(one, explanation) for one in explanation.occlusion.events],
        "sections": [asdict(one) for one in explanation.occlusion.sections],
        "columns": [asdict(one) for one in explanation.occlusion.columns],
        "ledger": [
            _entry_json(entry, explanation.rendering) for entry in explanation.ledger.entries
        ],
        "published_otherwise": [
            {"as_of": to_text(point.as_of_ms), "artifact": point.artifact, "cursor": point.cursor}
            for point in explanation.ledger.differing
        ],
    }


def _told_json(told: ToldReason) -> dict[str, Any]:
    """`kind` is recent where nothing alone moves the score."""
    moved_by = [
        {"words": one.words, "probability": one.probability, "effect": one.effect}
        for one in told.moved_by
    ]
    return {"kind": told.kind.value, "text": told.text, "moved_by": moved_by}


def _event_effect(one: EventEffect, explanation: Explanation) -> dict[str, Any]:
    said = {"probability": one.probability, "effect": one.effect}
    return _event_json(one.arrival, explanation.as_of_ms, explanation.rendering) | said


def _entry_json(entry: LedgerEntry, rendering: Rendering) -> dict[str, Any]:
    """One entry of the ledger. `difference_ppm` is of the ends rounded to millionths: these add
    up."""
    return {
        "kind": entry.kind.value,
        "words": _cause_words(entry, rendering),
        "as_of": to_text(entry.as_of_ms),
        "artifact": entry.artifact,
        "before": entry.before,
        "after": entry.after,
        "difference_ppm": entry.difference_ppm,
        "events": [_event_json(one, entry.as_of_ms, rendering) for one in entry.causes],
    }


def _event_json(arrival: Arrival, as_of_ms: int, rendering: Rendering) -> dict[str, Any]:
    event = arrival.event
    return {
        "words": words_of(event, as_of_ms, rendering),
        "type": type(event).__name__,
        "id": event.id,
        "source": event.source,
        "occurred_at": to_text(to_ms(event.occurred_at)),
        "ingested_at": to_text(arrival.ingested_ms),
        "topic": arrival.topic,
        "offset": arrival.offset,
    }


def moment_json(moment: LeadMoment) -> dict[str, Any]:
    score = moment.score.model_dump(mode="json", exclude={"scored_at", "latency_ms"})
    return {
        "lead": f"{moment.score.tenant}/{moment.score.lead}",
        "listed": moment.listing.queue,
        "why_listed": moment.listing.why,
        "state": _state_json(moment.state),
        "left_out": list(left_out(from_bytes(moment.state))),
        "prompt": moment.prompt,
        "score": score,
        "published": moment.published and moment.published.model_dump(mode="json"),
        "published_is_this": moment.is_published,
        "causes": [_entry_json(entry, moment.rendering) for entry in moment.causes],
    }


def moment_text(moment: LeadMoment) -> str:
    score = moment.score
    return "\n".join(
        [
            f"{score.tenant}/{score.lead}  {_percent(score.probability)} "
            f"within {score.horizon_days} days, evidence {score.evidence.value}",
            f"  {score.reason}",
            f"  {moment.listing.why}; as of {to_text(to_ms(score.order.as_of))}",
            f"  {_published(moment)}",
            *_left_out(moment.state),
            f"  cursor {score.cursor}, version {score.order.version}, state {score.state_hash}",
            "",
            "The last changes of its score",
            *_changes(moment.causes, moment.rendering),
            "",
            "What the model read",
            moment.prompt,
            "",
            "The state",
            *_state_lines(_state_json(moment.state)),
        ]
    )


def _state_json(state: bytes) -> dict[str, Any]:
    """Of what was said and written, its digest alone."""
    line: dict[str, Any] = json.loads(canonical_line(from_bytes(state)))
    return line


def _left_out(state: bytes) -> Iterator[str]:
    if names := left_out(from_bytes(state)):
        yield f"  {left_out_words(names)}"


def _state_lines(state: dict[str, Any]) -> Iterator[str]:
    """The state as text, with one register, fact or call on each line."""
    for name, value in state.items():
        if isinstance(value, list) and value and isinstance(value[0], list):
            yield f"{name}:"
            yield from (f"  {json.dumps(item, ensure_ascii=False)}" for item in value)
        else:
            yield f"{name}: {json.dumps(value, ensure_ascii=False)}"


def _published(moment: LeadMoment) -> str:
    if moment.published is None:
        return f"nothing is known to have been published; scored with {moment.score.artifact[:12]}"
    if moment.is_published:
        return f"published just so at {to_text(to_ms(moment.published.scored_at))}"
    return (
        f"the last score published was {_percent(moment.published.probability)} "
        f"at {to_text(to_ms(moment.published.scored_at))}"
    )


def _hundredths(share: float) -> int:
    """A probability in hundredths of a percent."""
    return round(share * 10_000)


def _percent(share: float) -> str:
    return f"{_hundredths(share) / 100:.2f}%"


def _effect(effect: float) -> str:
    return f"{_hundredths(effect) / 100:>+7.2f}"

"""How `asllr explain` and `asllr state` say what they found: for a person, for a machine.

Percentages are printed in hundredths and differences are those of the printed ends, so that who
adds up a column gets its last line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from schemas.ids import LeadKey
from schemas.timestamps import to_ms, to_text
from scoring.explain.event_words import words_of
from scoring.explain.explanation import Explanation
from scoring.explain.ledger import ChangeKind, LedgerEntry
from scoring.explain.occlusion import EventEffect
from scoring.lead.arrival import Arrival
from streams.explain.moment import LeadMoment


def explanation_text(key: LeadKey, found: Explanation, top: int) -> str:
    return "\n".join(
        [
            f"{key}  {_percent(found.probability)} within {found.horizon_days} days, "
            f"evidence {found.evidence.value}",
            f"  {found.reason}",
            f"  {found.listing.why}; as of {to_text(found.as_of_ms)}",
            *_doubts(found),
            "",
            "What moved it most",
            *_movers(found, top),
            "",
            "What the parts of the prompt are worth",
            *(
                f"  {_effect(one.effect)}  {one.section}: {_percent(one.probability)} without it"
                for one in found.occlusion.sections
                if _hundredths(one.effect)
            ),
            "",
            "How it came about",
            *_ledger_lines(found.ledger.entries),
        ]
    )


def _doubts(found: Explanation) -> Iterator[str]:
    if found.n_unscored:
        yield f"  {found.n_unscored} newer events are not scored yet"
    if found.ledger.differing:
        yield (
            f"  {len(found.ledger.differing)} published scores are not what their artifact gives "
            "again: run `asllr replay verify`"
        )


def _movers(found: Explanation, top: int) -> Iterator[str]:
    moving = [one for one in found.occlusion.events if _hundredths(one.effect)]
    for one in moving[:top]:
        words = words_of(one.arrival.event, found.as_of_ms)
        yield f"  {_effect(one.effect)}  {words}: {_percent(one.probability)} without it"
    if not moving:
        yield "  no single event: without any one of them it would be the same"


def _ledger_lines(entries: Sequence[LedgerEntry]) -> Iterator[str]:
    shown = list(_changes(entries))
    yield from shown
    if len(shown) < len(entries):
        yield f"  {len(entries) - len(shown)} more changed nothing that shows; --json lists them"
    if entries:
        yield f"  the changes add up to {_percent(entries[-1].after)}"


def _changes(entries: Sequence[LedgerEntry]) -> Iterator[str]:
    for entry in entries:
        change = _hundredths(entry.after) - _hundredths(entry.before)
        if change or entry.kind is ChangeKind.START:
            ends = f"{change / 100:>+7.2f} {_percent(entry.after):>8}"
            yield f"  {to_text(entry.as_of_ms)}  {ends}  {_cause_words(entry)}"


def _cause_words(entry: LedgerEntry) -> str:
    match entry.kind:
        case ChangeKind.START:
            words = "a lead of which nothing is known"
        case ChangeKind.ARTIFACT:
            words = f"another artifact: {entry.artifact[:12]}"
        case ChangeKind.TIME:
            words = "time passed"
        case ChangeKind.WITHDRAWN | ChangeKind.EVENT:
            words = ", ".join(words_of(one.event, entry.as_of_ms) for one in entry.causes)
    return f"without: {words}" if entry.kind is ChangeKind.WITHDRAWN else words


def explanation_json(key: LeadKey, found: Explanation) -> dict[str, Any]:
    return {
        "lead": str(key),
        "as_of": to_text(found.as_of_ms),
        "artifact": found.artifact,
        "probability": found.probability,
        "horizon_days": found.horizon_days,
        "reason": found.reason,
        "evidence": found.evidence.value,
        "listed": found.listing.queue,
        "why_listed": found.listing.why,
        "unscored_events": found.n_unscored,
        "events": [_event_effect(one, found.as_of_ms) for one in found.occlusion.events],
        "sections": [asdict(one) for one in found.occlusion.sections],
        "ledger": [_entry_json(entry) for entry in found.ledger.entries],
        "published_otherwise": [
            {"as_of": to_text(point.as_of_ms), "artifact": point.artifact, "cursor": point.cursor}
            for point in found.ledger.differing
        ],
    }


def _event_effect(one: EventEffect, as_of_ms: int) -> dict[str, Any]:
    said = {"probability": one.probability, "effect": one.effect}
    return _event_json(one.arrival, as_of_ms) | said


def _entry_json(entry: LedgerEntry) -> dict[str, Any]:
    """`difference_ppm` is of the ends rounded to millionths: these add up."""
    return {
        "kind": entry.kind.value,
        "words": _cause_words(entry),
        "as_of": to_text(entry.as_of_ms),
        "artifact": entry.artifact,
        "before": entry.before,
        "after": entry.after,
        "difference_ppm": entry.difference_ppm,
        "events": [_event_json(one, entry.as_of_ms) for one in entry.causes],
    }


def _event_json(one: Arrival, as_of_ms: int) -> dict[str, Any]:
    event = one.event
    return {
        "words": words_of(event, as_of_ms),
        "type": type(event).__name__,
        "id": event.id,
        "source": event.source,
        "occurred_at": to_text(to_ms(event.occurred_at)),
        "ingested_at": to_text(one.ingested_ms),
        "topic": one.topic,
        "offset": one.offset,
    }


def moment_json(found: LeadMoment) -> dict[str, Any]:
    score = found.score.model_dump(mode="json", exclude={"scored_at", "latency_ms"})
    return {
        "lead": f"{found.score.tenant}/{found.score.lead}",
        "listed": found.listing.queue,
        "why_listed": found.listing.why,
        "state": json.loads(found.state),
        "prompt": found.prompt,
        "score": score,
        "published": found.published and found.published.model_dump(mode="json"),
        "published_is_this": found.is_published,
        "causes": [_entry_json(entry) for entry in found.causes],
    }


def moment_text(found: LeadMoment) -> str:
    score = found.score
    return "\n".join(
        [
            f"{score.tenant}/{score.lead}  {_percent(score.probability)} "
            f"within {score.horizon_days} days, evidence {score.evidence.value}",
            f"  {score.reason}",
            f"  {found.listing.why}; as of {to_text(to_ms(score.order.as_of))}",
            f"  {_published(found)}",
            f"  cursor {score.cursor}, version {score.order.version}, state {score.state_hash}",
            "",
            "The last changes of its score",
            *_changes(found.causes),
            "",
            "What the model read",
            found.prompt,
            "",
            "The state",
            *_state_lines(json.loads(found.state)),
        ]
    )


def _state_lines(state: dict[str, Any]) -> Iterator[str]:
    """One register, fact or call a line."""
    for name, value in state.items():
        if isinstance(value, list) and value and isinstance(value[0], list):
            yield f"{name}:"
            yield from (f"  {json.dumps(item, ensure_ascii=False)}" for item in value)
        else:
            yield f"{name}: {json.dumps(value, ensure_ascii=False)}"


def _published(found: LeadMoment) -> str:
    if found.published is None:
        return f"nothing is known to have been published; scored with {found.score.artifact[:12]}"
    if found.is_published:
        return f"published just so at {to_text(to_ms(found.published.scored_at))}"
    return (
        f"the last score published was {_percent(found.published.probability)} "
        f"at {to_text(to_ms(found.published.scored_at))}"
    )


def _hundredths(share: float) -> int:
    """Of a percent."""
    return round(share * 10_000)


def _percent(share: float) -> str:
    return f"{_hundredths(share) / 100:.2f}%"


def _effect(effect: float) -> str:
    return f"{_hundredths(effect) / 100:>+7.2f}"

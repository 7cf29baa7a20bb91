"""The boards of a recording, in memory: `asllr rank FILE`. The same fold, prompt, engine and order
as the live path; no broker, no Redis, no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from schemas.ids import LeadKey
from schemas.outputs import Evidence, ReasonKind
from schemas.timestamps import to_ms
from scoring.calibration import probability
from scoring.engine import batches
from scoring.explain.faithful import ToldReason, faithful_reason
from scoring.lead.fold import evolve, initial_state, listing
from scoring.lead.history import LeadHistory, history_of
from scoring.lead.state import LeadState
from scoring.prompt.edges import as_of as last_moment
from scoring.prompt.languages import UnknownLanguages, unknown_languages
from scoring.prompt.reason import reason
from scoring.ranking import ranked
from scoring.score import Scorer, evidence_of
from streams.recording.event_file import RecordedEvent, read_recording

MAX_TOLD = 100
"""How many rows get a faithful reason, each of which costs dozens of scores."""


@dataclass(frozen=True, slots=True)
class RankedRow:
    """One line of a board. `rank` 1 is called first."""

    tenant: str
    queue: str
    rank: int
    lead: str
    probability: float
    reason: str
    reason_kind: ReasonKind
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class RankedFile:
    """`rows` by tenant, queue and rank. `as_of` is None for a recording without events.
    `unknown_languages`: calls, of whatever lead, of which the artifact knows no topic."""

    as_of: datetime | None
    n_events: int
    n_leads: int
    rows: list[RankedRow]
    unknown_languages: UnknownLanguages | None = None


def rank_file(
    path: Path,
    scorer: Scorer,
    as_of: datetime | None = None,
    top: int = 0,
    mended: Callable[[str], None] = lambda what: None,
) -> RankedFile:
    """The boards of the recording at `path` as they stood at `as_of`: what was ingested later is
    unknown. None = when the last event was ingested. The first `top` rows of each board have
    faithful reasons, MAX_TOLD rows in all. `mended` as for
    `read_recording`. Raises RecordingError, OSError."""
    return rank_events(read_recording(path, mended=mended), scorer, as_of, top)


def rank_events(
    recording: Iterable[RecordedEvent],
    scorer: Scorer,
    as_of: datetime | None = None,
    top: int = 0,
    *,
    newest_of_equals: bool = False,
) -> RankedFile:
    """As `rank_file`, of events. `newest_of_equals`: of equal scores the lead that came in last is
    first, for a rule that knows few scores; boards go by name."""
    came_in: dict[str, datetime] = {}
    states: dict[LeadKey, LeadState] = {}
    n_events = 0
    latest: datetime | None = None
    for recorded in recording:
        if as_of is not None and recorded.ingested_at > as_of:
            continue
        n_events += 1
        latest = max(latest or recorded.ingested_at, recorded.ingested_at)
        key = recorded.event.key
        if newest_of_equals:
            came_in.setdefault(key.lead, recorded.event.occurred_at)
        states[key] = evolve(states.get(key, initial_state()), recorded.event)
    moment = as_of or latest
    rows = [] if moment is None else _rows(states, scorer, to_ms(moment), top, came_in)
    unknown = unknown_languages(
        map(history_of, states.values()), scorer.rendering, scorer.words_read
    )
    return RankedFile(moment, n_events, len(states), rows, unknown)


@dataclass(frozen=True, slots=True)
class ScoredLead:
    """A lead with its probability at the last moment that changed anything."""

    key: LeadKey
    history: LeadHistory
    as_of_ms: int
    probability: float


def _rows(
    states: Mapping[LeadKey, LeadState],
    scorer: Scorer,
    now_ms: int,
    top: int,
    came_in: Mapping[str, datetime],
) -> list[RankedRow]:
    listed: dict[tuple[str, str], list[LeadKey]] = {}
    for key in sorted(states):
        if queue := listing(states[key]).queue:
            listed.setdefault((key.tenant, queue), []).append(key)
    rows: list[RankedRow] = []
    n_told = 0
    for (_, queue), keys in sorted(listed.items()):
        scored = {one.key.lead: one for one in score_leads(keys, states, scorer, now_ms)}
        order = ranked({lead: one.probability for lead, one in scored.items()})
        if came_in:
            order.sort(key=lambda lead: (-scored[lead].probability, -to_ms(came_in[lead])))
        for rank, lead in enumerate(order, start=1):
            is_told = rank <= top and n_told < MAX_TOLD
            n_told += is_told
            rows.append(row_of(queue, rank, scored[lead], scorer, is_told=is_told))
    return rows


def score_leads(
    keys: Iterable[LeadKey], states: Mapping[LeadKey, LeadState], scorer: Scorer, now_ms: int
) -> Iterator[ScoredLead]:
    """Each lead at the last moment that changed anything, as the workers score it."""
    for batch in batches(keys, scorer.engine):
        histories = [history_of(states[key]) for key in batch]
        moments = [last_moment(history, now_ms, scorer.rendering) for history in histories]
        inputs = [
            scorer.read(history, moment) for history, moment in zip(histories, moments, strict=True)
        ]
        logits = scorer.engine.logits(inputs)
        for key, history, moment, logit in zip(batch, histories, moments, logits, strict=True):
            yield ScoredLead(key, history, moment, probability(logit, scorer.calibration))


def row_of(
    queue: str, rank: int, scored: ScoredLead, scorer: Scorer, *, is_told: bool
) -> RankedRow:
    history, moment = scored.history, scored.as_of_ms
    told = (
        faithful_reason(history, moment, scorer)
        if is_told
        else ToldReason(ReasonKind.RECENT, reason(history, moment, scorer.rendering))
    )
    return RankedRow(
        tenant=scored.key.tenant,
        queue=queue,
        rank=rank,
        lead=scored.key.lead,
        probability=scored.probability,
        reason=told.text,
        reason_kind=told.kind,
        evidence=evidence_of(history, scorer),
    )

"""From drafts to outcomes: the engine runs here, as it does in production."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from schemas.timestamps import from_ms
from scoring.calibration import NotALogit
from scoring.engine import EngineInput, Unscorable, logits_of
from scoring.explain.faithful import told_as
from scoring.score import NO_TIME, Scorer, Subject, build_score
from streams.replay.arrival import Place
from streams.replay.draft import PlannedStep, ReplayCounts

ScorerFor = Callable[[PlannedStep], Scorer]


@dataclass(frozen=True, slots=True)
class ReplayedStep:
    """A lead's score (`score` is Score JSON, `queue` where it is listed), or its leaving `queue`
    (`score` None). `version` is the lead's when it happened."""

    place: Place
    lead: str
    version: int
    queue: str | None
    score: bytes | None


@dataclass(frozen=True, slots=True)
class _Prepared:
    draft: PlannedStep
    subject: Subject
    engine_input: EngineInput


def outcomes(
    drafts: Iterable[PlannedStep], scorer_for: ScorerFor, tally: ReplayCounts
) -> Iterator[ReplayedStep]:
    """In the order of `drafts`. Up to a batch of the engine's size waits, with what follows it."""
    held: list[PlannedStep | _Prepared] = []
    scorer: Scorer | None = None
    n_prepared = 0
    for draft in drafts:
        if draft.subject is None:
            held.append(draft)
            continue
        if draft.subject.state.newest is None:  # published, but the log has no event of it
            tally.unscorable += 1
            continue
        needed = scorer_for(draft)
        if scorer is not None and (needed is not scorer or n_prepared == scorer.engine.batch_size):
            yield from _run(held, scorer, tally)
            held, n_prepared = [], 0
        scorer = needed
        try:
            engine_input = scorer.read(draft.subject.history, draft.subject.as_of_ms)
        except Unscorable:
            tally.unscorable += 1
        else:
            held.append(_Prepared(draft, draft.subject, engine_input))
            n_prepared += 1
    yield from _run(held, scorer, tally)


def _run(
    held: list[PlannedStep | _Prepared], scorer: Scorer | None, tally: ReplayCounts
) -> Iterator[ReplayedStep]:
    inputs = [step.engine_input for step in held if isinstance(step, _Prepared)]
    logits = iter(logits_of(inputs, scorer.engine) if scorer else [])
    for step in held:
        if isinstance(step, PlannedStep):
            yield ReplayedStep(step.place, step.lead, step.version, step.queue, None)
            continue
        score = _score(step, next(logits), scorer)
        if score is None:
            tally.unscorable += 1
            continue
        draft = step.draft
        yield ReplayedStep(draft.place, draft.lead, draft.version, draft.queue, score)


def _score(prepared: _Prepared, logit: float | None, scorer: Scorer | None) -> bytes | None:
    if logit is None or scorer is None:
        return None
    published = prepared.draft.published
    scored_at = published.scored_at if published else from_ms(prepared.draft.place.moment_ms)
    try:
        score = build_score(prepared.subject, logit, scorer, scored_at, NO_TIME)
        if published:
            score = told_as(published.reason_kind, score, prepared.subject, scorer)
    except (NotALogit, Unscorable):
        return None
    return score.model_dump_json().encode()

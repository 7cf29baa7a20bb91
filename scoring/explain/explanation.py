"""Explains one score: what is known about the lead, what mattered most, how the score came
about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.outputs import Evidence
from scoring.explain.faithful import ToldReason, faithful_reason
from scoring.explain.ledger import Ledger, LedgerPoint, build_ledger
from scoring.explain.occlusion import Occlusion, occlude
from scoring.lead.arrival import Arrival, is_included, state_of
from scoring.lead.fold import Listing, listing
from scoring.lead.history import history_of
from scoring.lead.state import LeadState
from scoring.prompt.languages import UnknownLanguages, unknown_languages
from scoring.prompt.reason import reason
from scoring.prompt.rendering import Rendering
from scoring.score import ScorerOf, evidence_of


class Unexplainable(ValueError):
    """The lead has nothing that can be explained; the message says why, for a person."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that `asllr explain` shows. `n_unscored`: events that the score does not include
    yet. `reason`: what happened last, as it stands beside the rank; `told`: what moved this score.
    `rendering`: of the artifact that gave the score; events are told in its words.
    `unknown_languages`: calls of which it knows no topic."""

    state: LeadState
    as_of_ms: int
    artifact: str
    probability: float
    horizon_days: int
    reason: str
    told: ToldReason
    evidence: Evidence
    listing: Listing
    occlusion: Occlusion
    ledger: Ledger
    n_unscored: int
    rendering: Rendering
    unknown_languages: UnknownLanguages | None


def explain(
    arrivals: Sequence[Arrival], points: Sequence[LedgerPoint], scorer_of: ScorerOf
) -> Explanation:
    """Explains the score at the last of `points`, with the artifact that gave it. Both sequences in
    order, see `scoring.explain.ledger`. Raises Unexplainable."""
    if not arrivals or not points:
        raise Unexplainable("no event of this lead had arrived")
    if state_of(arrivals).erased:
        raise Unexplainable("this person asked to be forgotten: nothing is kept to explain")
    last = points[-1]
    scorer = scorer_of(last.artifact)
    if scorer is None:
        raise Unexplainable(
            f"artifact {last.artifact[:12]}, which gave the last score, cannot be loaded; copy it "
            "back, or name one that is there to score the lead's past again"
        )
    included = [arrival for arrival in arrivals if is_included(arrival, last.cursor)]
    state = state_of(included)
    history = history_of(state)
    occlusion = occlude(included, last.as_of_ms, scorer)
    return Explanation(
        state=state,
        as_of_ms=last.as_of_ms,
        artifact=last.artifact,
        probability=occlusion.probability,
        horizon_days=scorer.horizon_days,
        reason=reason(history, last.as_of_ms, scorer.rendering),
        told=faithful_reason(history, last.as_of_ms, scorer),
        evidence=evidence_of(history, scorer),
        listing=listing(state_of(arrivals)),
        occlusion=occlusion,
        ledger=build_ledger(arrivals, points, scorer_of),
        n_unscored=len(arrivals) - len(included),
        rendering=scorer.rendering,
        unknown_languages=unknown_languages([history], scorer.rendering, scorer.words_read),
    )

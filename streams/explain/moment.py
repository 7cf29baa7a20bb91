"""A lead at one moment of the past: state, prompt, score and causes, computed from the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.outputs import Score
from schemas.timestamps import from_ms
from scoring.explain.explanation import Unexplainable
from scoring.explain.faithful import told_as
from scoring.explain.ledger import LedgerEntry, LedgerPoint, build_ledger
from scoring.lead.arrival import cursor_of, state_of
from scoring.lead.fold import Listing, listing
from scoring.lead.state_bytes import to_bytes
from scoring.prompt.rendering import Rendering
from scoring.score import (
    NO_TIME,
    Position,
    ScorerOf,
    build_score,
    build_subject,
    prepare,
)
from streams.explain.story import LeadStory

N_CAUSES = 5


@dataclass(frozen=True, slots=True)
class LeadMoment:
    """A lead at one moment. `score` is of this state at this moment. `published`: the last score
    that had been published by then; it may be of an earlier state. `causes`: the last changes that
    led to `score`, to be told in the words of its artifact's `rendering`."""

    state: bytes
    listing: Listing
    prompt: str
    score: Score
    published: Score | None
    causes: tuple[LedgerEntry, ...]
    rendering: Rendering

    @property
    def is_published(self) -> bool:
        """Whether the published score is of this very state and moment, and says the same."""
        found = self.published
        return found is not None and (
            (found.state_hash, found.order.as_of, found.artifact, found.logit)
            == (
                self.score.state_hash,
                self.score.order.as_of,
                self.score.artifact,
                self.score.logit,
            )
        )


def at_moment(story: LeadStory, points: Sequence[LedgerPoint], scorer_of: ScorerOf) -> LeadMoment:
    """Computes the lead as it is at the end of `story`, which has at least one event, with the
    artifact of the last of `points`. Raises Unexplainable, Unscorable."""
    folded = state_of(story.arrivals)
    if folded.erased:
        raise Unexplainable("this person asked to be forgotten: nothing is kept to show")
    artifact = points[-1].artifact
    scorer = scorer_of(artifact)
    if scorer is None:
        raise Unexplainable(
            f"artifact {artifact[:12]}, which gave the last score, cannot be loaded; copy it back, "
            "or name one that is there"
        )
    published = story.scores[-1] if story.scores else None
    promotion = published.order.promotion if published else 0
    cursor = cursor_of(story.arrivals)
    state = to_bytes(folded)
    position = Position(cursor, promotion)
    subject = build_subject(story.key, state, position, story.end_ms, scorer.rendering)
    prepared = prepare(subject.history, subject.as_of_ms, scorer.spec, scorer.columns)
    logit = scorer.engine.logits([prepared])[0]
    here = LedgerPoint(cursor, subject.as_of_ms, artifact)
    scored_points = [one for one in points if one.probability is not None] or points[:-1]
    entries = build_ledger(story.arrivals, [*scored_points, here], scorer_of).entries
    moved = [entry for entry in entries if entry.before != entry.after]
    score = build_score(subject, logit, scorer, from_ms(story.end_ms), NO_TIME)
    if published and (published.order, published.artifact) == (score.order, score.artifact):
        score = told_as(published.reason_kind, score, subject, scorer)
    return LeadMoment(
        state=state,
        listing=listing(folded),
        prompt=prepared.prompt,
        score=score,
        published=published,
        causes=tuple(moved[-N_CAUSES:]),
        rendering=scorer.rendering,
    )

"""From a lead's state to its Score: what live workers, replay and the oracle all call.

Everything in a Score but `scored_at`, `latency_ms` and the kind of its reason follows from the
state, the cursor, the promotion, `as_of` and the artifact. The engine runs between `prepare` and
`build_score`, in the caller's hands, so that batching stays its business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from schemas.ids import LeadKey
from schemas.outputs import Cause, Evidence, Latency, Score, ScoreOrder
from schemas.timestamps import from_ms
from scoring.artifact import ArtifactError, EngineKind, Manifest
from scoring.calibration import Calibration, probability
from scoring.columns.columns import NO_COLUMNS, Columns
from scoring.engine import Engine, EngineInput
from scoring.lead.history import LeadHistory, history_of
from scoring.lead.state import LeadState
from scoring.lead.state_bytes import from_bytes, state_hash
from scoring.prompt.edges import as_of, next_edge
from scoring.prompt.features import feature_vector
from scoring.prompt.languages import WordsRead
from scoring.prompt.prompt import PromptSpec, build_prompt, least_budget
from scoring.prompt.reason import evidence, reason
from scoring.prompt.rendering import Rendering

NO_TIME = Latency(ingest_to_claim=0.0, claim_to_result=0.0, engine=0.0)
"""Of a score that is computed again: a result must not depend on how long it took."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """An artifact ready to score: `digest` names it, `engine` runs it, `columns` is what it reads
    beside features and prompt. `has_learned`: where it has not, a score's evidence is low,
    however much is known of a lead. `has_language_model`: it was made to read what was said.
    `reads_prompts`: without it `engine` gets none."""

    digest: str
    horizon_days: int
    spec: PromptSpec
    calibration: Calibration
    engine: Engine
    has_learned: bool = True
    has_language_model: bool = False
    columns: Columns = NO_COLUMNS
    reads_prompts: bool = True

    def read(self, history: LeadHistory, as_of_ms: int) -> EngineInput:
        """What the engine reads of a lead. The prompt is written only where it is
        read: to write it takes several times as long as to score a table."""
        if self.reads_prompts:
            return prepare(history, as_of_ms, self.spec, self.columns)
        return numbers_of(history, as_of_ms, self.rendering, self.columns)

    @property
    def rendering(self) -> Rendering:
        return self.spec.rendering

    @property
    def words_read(self) -> WordsRead:
        """What is read of what was said and written."""
        if self.has_language_model:
            return WordsRead.ALL
        return WordsRead.LEARNED if self.columns.words else WordsRead.NONE


ScorerOf = Callable[[str], Scorer | None]
"""The artifact of this digest, None when it cannot be had."""


def build_scorer(
    manifest: Manifest, digest: str, engine: Engine, spec: PromptSpec, columns: Columns = NO_COLUMNS
) -> Scorer:
    """Raises ArtifactError when the budget cannot hold every lead's record and a little talk."""
    needed = least_budget(spec.rendering, spec.count_tokens, spec.turns)
    if spec.token_budget < needed:
        raise ArtifactError(
            f"artifact {manifest.name} has a token_budget of {spec.token_budget}, its tokenizer "
            f"needs {needed} for the longest record of domain {spec.rendering.domain.name}; train "
            "it with a larger budget, or with fewer features"
        )
    return Scorer(
        digest=digest,
        horizon_days=manifest.horizon_days,
        spec=spec,
        calibration=manifest.calibration,
        engine=engine,
        has_learned=manifest.learned and manifest.engine is not EngineKind.RULE,
        has_language_model=manifest.engine.reads_text,
        columns=columns,
        reads_prompts=manifest.engine.reads_text,
    )


@dataclass(frozen=True, slots=True)
class Subject:
    """One lead at one position of the log and one moment: what a score is a function of."""

    key: LeadKey
    history: LeadHistory
    state_hash: str
    cursor: Mapping[str, int]
    promotion: int
    as_of_ms: int

    @property
    def state(self) -> LeadState:
        return self.history.state

    @property
    def version(self) -> int:
        return version_of(self.cursor)

    @property
    def order(self) -> tuple[int, int, int]:
        return self.promotion, self.version, self.as_of_ms


def version_of(cursor: Mapping[str, int]) -> int:
    """Grows with every record of the lead, the same for all who have read the same."""
    return sum(offset + 1 for offset in cursor.values())


@dataclass(frozen=True, slots=True)
class Position:
    """What of the log a lead's state includes, and the promotion that it is scored under."""

    cursor: Mapping[str, int]
    promotion: int


def build_subject(
    key: LeadKey, state: bytes, position: Position, now_ms: int, rendering: Rendering
) -> Subject:
    """The lead as it is to be scored now: at the last moment that changed anything of what
    `rendering` says of it."""
    history = history_of(from_bytes(state))
    as_of_ms = as_of(history, now_ms, rendering)
    cursor, promotion = dict(position.cursor), position.promotion
    return Subject(key, history, state_hash(state), cursor, promotion, as_of_ms)


def prepare(
    history: LeadHistory, as_of_ms: int, spec: PromptSpec, columns: Columns = NO_COLUMNS
) -> EngineInput:
    """What an engine reads of a lead, and all it reads."""
    numbers = numbers_of(history, as_of_ms, spec.rendering, columns)
    return replace(numbers, prompt=build_prompt(history, as_of_ms, spec))


def numbers_of(
    history: LeadHistory, as_of_ms: int, rendering: Rendering, columns: Columns
) -> EngineInput:
    """What engines of numbers alone read of a lead."""
    features = feature_vector(history, as_of_ms, rendering)
    return EngineInput(features, "", columns.row(history, as_of_ms))


def build_score(
    subject: Subject, logit: float, scorer: Scorer, scored_at: datetime, latency: Latency
) -> Score:
    """The record that is published of `subject`. Raises `NotALogit` for a logit that is not finite.

    >>> from schemas.events import InteractionLogged
    >>> from schemas.timestamps import to_ms
    >>> from scoring.artifact import demo_artifact_path
    >>> from scoring.engines.loading import load_scorer
    >>> from scoring.lead.fold import fold
    >>> from scoring.lead.state_bytes import to_bytes
    >>> visit = InteractionLogged(
    ...     id="e-1", source="crm", tenant="acme", lead="l-1", channel="visit",
    ...     direction="inbound", occurred_at="2026-03-01T09:30:00Z",
    ... )
    >>> scorer = load_scorer(demo_artifact_path())
    >>> now_ms = to_ms(visit.occurred_at)
    >>> state, position = to_bytes(fold([visit])), Position({"crm.events": 0}, promotion=1)
    >>> subject = build_subject(visit.key, state, position, now_ms, scorer.rendering)
    >>> engine_input = scorer.read(subject.history, subject.as_of_ms)
    >>> [logit] = scorer.engine.logits([engine_input])
    >>> score = build_score(subject, logit, scorer, visit.occurred_at, NO_TIME)
    >>> score.reason, score.evidence.value, score.order.version, score.horizon_days
    ('visit today', 'low', 1, 14)
    """
    history, as_of_ms = subject.history, subject.as_of_ms
    valid_until_ms = next_edge(history, as_of_ms, scorer.rendering)
    return Score(
        tenant=subject.key.tenant,
        lead=subject.key.lead,
        probability=probability(logit, scorer.calibration),
        logit=logit,
        horizon_days=scorer.horizon_days,
        order=ScoreOrder(
            promotion=subject.promotion, version=subject.version, as_of=from_ms(as_of_ms)
        ),
        cursor=dict(subject.cursor),
        state_hash=subject.state_hash,
        artifact=scorer.digest,
        prompt_id=scorer.rendering.prompt_id,
        cause=_cause(subject.state, as_of_ms),
        reason=reason(history, as_of_ms, scorer.rendering),
        evidence=evidence_of(history, scorer),
        valid_until=None if valid_until_ms is None else from_ms(valid_until_ms),
        scored_at=scored_at,
        latency_ms=latency,
    )


def evidence_of(history: LeadHistory, scorer: Scorer) -> Evidence:
    return evidence(history, scorer.rendering) if scorer.has_learned else Evidence.LOW


def _cause(state: LeadState, as_of_ms: int) -> Cause:
    newest = state.newest
    if newest is None:
        raise ValueError("a lead without events or an erased one has no score")
    return Cause(
        kind="edge" if as_of_ms > newest.at_ms else "event",
        type=newest.type,
        id=newest.id,
        source=newest.source,
        occurred_at=from_ms(newest.at_ms),
    )

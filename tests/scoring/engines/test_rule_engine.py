"""The rule that serves before anything was learned: its order, and that it never claims to know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from schemas.events import InteractionLogged, Stage, StageChanged, TranscriptReady
from schemas.ids import LeadKey
from schemas.outputs import Evidence, Latency
from schemas.timestamps import DAY_MS
from scoring.artifact import ArtifactError, load_manifest
from scoring.domain.reading import pack
from scoring.engine import EngineInput
from scoring.engines.loading import UNREAD_BUDGET, load_engine, load_scorer
from scoring.engines.rule import RULE, Rule, build_rule_engine, rule_of
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.lead.state_bytes import to_bytes
from scoring.prompt.prompt import PromptSpec
from scoring.prompt.reason import evidence
from scoring.prompt.rendering import Rendering, first_rendering
from scoring.score import Position, build_score, build_subject, evidence_of, prepare
from tests.scoring.histories import START, START_MS, event, segment
from tests.support.engines.table_artifacts import build_rule_artifact, build_trees_artifact

AUTO = first_rendering()

NAMES = [feature.name for feature in AUTO.features]
LATENCY = Latency(ingest_to_claim=1.0, claim_to_result=2.0, engine=0.5)


def row(stage: Stage | None = None, inbound_days: float | None = None) -> EngineInput:
    table = np.full(len(AUTO.features), np.nan, dtype=np.float32)
    if stage is not None:
        table[NAMES.index("stage")] = list(Stage).index(stage)
    if inbound_days is not None:
        table[NAMES.index("days_since_last_inbound")] = inbound_days
    return EngineInput(table, "")


def test_a_later_stage_and_a_fresher_contact_come_first() -> None:
    engine = build_rule_engine(rule_of(AUTO.domain), AUTO)
    order = [
        row(Stage.QUOTE, 0),
        row(Stage.QUOTE, 30),
        row(Stage.VISIT, 30),
        row(Stage.NEW, 90),
        row(Stage.LOST, 0),
    ]
    logits = engine.logits(order)
    assert logits == sorted(logits, reverse=True)
    assert len(set(logits)) == len(order)


def test_a_lead_of_which_nothing_is_known_gets_the_base_and_the_unknowns() -> None:
    rule = Rule(base=-3.0, unknown_stage=0.25, never_inbound=-0.75)
    assert build_rule_engine(rule, AUTO).logits([row()]) == [-3.5]


def test_the_rule_reads_what_prepare_writes() -> None:
    """Through the real features: an order of two leads, not of two hand-made rows."""
    quiet = fold([event(StageChanged, stage="contacted")])
    keen = fold(
        [
            event(StageChanged, stage="quote", id="s"),
            event(InteractionLogged, channel="call", direction="inbound", id="c"),
        ]
    )
    spec = PromptSpec(AUTO, UNREAD_BUDGET, len)
    inputs = [prepare(history_of(state), START_MS, spec) for state in (quiet, keen)]
    low, high = build_rule_engine(rule_of(AUTO.domain), AUTO).logits(inputs)
    assert high - low == pytest.approx(2.0 - 0.5 + 1.0 + 0.5)


def test_a_rule_never_claims_more_than_low_evidence(tmp_path: Path) -> None:
    state = fold(
        [
            event(StageChanged, stage="quote", id="s"),
            event(
                TranscriptReady,
                id="t",
                call_id="c-1",
                started_at=START,
                duration_s=60.0,
                language="en",
                revision=1,
                segments=[segment("the price is too high for me")],
            ),
        ]
    )
    assert evidence(history_of(state), AUTO) is not Evidence.LOW
    ruled = load_scorer(build_rule_artifact(tmp_path / "rule"))
    grown = load_scorer(build_trees_artifact(tmp_path / "trees"))
    assert evidence_of(history_of(state), ruled) is Evidence.LOW
    assert evidence_of(history_of(state), grown) is evidence(history_of(state), AUTO)
    subject = build_subject(
        LeadKey("acme", "l-1"), to_bytes(state), Position({}, 1), START_MS + DAY_MS, AUTO
    )
    item = prepare(subject.history, subject.as_of_ms, ruled.spec)
    score = build_score(subject, ruled.engine.logits([item])[0], ruled, START, LATENCY)
    assert score.evidence is Evidence.LOW


@pytest.mark.parametrize(
    "inbound", [[], [[1, 0.5]], [[0, 1.0], [0, 0.5]], [[0, 1.0], [4, 0.5], [2, 0.2]]]
)
def test_days_that_do_not_ascend_from_zero_are_no_rule(inbound: list[list[float]]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate({"inbound": inbound})


@pytest.mark.parametrize("content", ["", "{", '{"base": 1e999}', '{"stages": {"dreaming": 1}}'])
def test_a_file_that_is_no_points_card_says_how_to_write_one(tmp_path: Path, content: str) -> None:
    path = build_rule_artifact(tmp_path / "rule")
    manifest = load_manifest(path)
    (path / RULE).write_text(content, encoding="utf-8")
    with pytest.raises(ArtifactError, match="asllr baseline rule"):
        load_engine(path, manifest, AUTO)


def test_the_rule_climbs_the_stages_of_its_domain() -> None:
    rule = rule_of(pack("software"))
    points = [rule.stages[name] for name in ("new", "qualified", "demo", "trial", "proposal")]
    assert points == sorted(points)
    assert (rule.stages["new"], rule.stages["negotiation"], rule.stages["won"]) == (0.0, 2.0, -4.0)


def test_a_rule_of_another_domains_stages_is_refused() -> None:
    with pytest.raises(ArtifactError, match="stage contacted, which domain software does not have"):
        build_rule_engine(rule_of(AUTO.domain), Rendering(1, pack("software")))


def test_a_domain_without_recency_has_no_rule() -> None:
    features = [each for each in AUTO.domain.features if each.name != "days_since_last_inbound"]
    silent = AUTO.domain.model_copy(update={"features": tuple(features)})
    with pytest.raises(ArtifactError, match="the age of the last inbound contact, which is no"):
        build_rule_engine(rule_of(silent), Rendering(1, silent))

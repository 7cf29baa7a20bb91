"""One battery for every engine: the demo's stack, its ONNX graph, the torch reference, trees and a
regression on the table alone, and the rule. What concerns the prompt is asked of those that read
it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from schemas.timestamps import to_ms
from scoring.artifact import EngineKind, demo_artifact_path, load_manifest
from scoring.engine import Engine, EngineInput, Unscorable
from scoring.engines.loading import load_engine, load_language_model
from scoring.engines.reading import finite, load_reader
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.prompt.prompt import PromptSpec
from scoring.prompt.rendering import first_rendering
from scoring.score import prepare
from tests.support.engines.engines import RuleEngine
from tests.support.engines.table_artifacts import (
    build_linear_artifact,
    build_rule_artifact,
    build_trees_artifact,
)
from training.simulator.emit import simulate_leads

AUTO = first_rendering()

DEMO = demo_artifact_path()
N_LEADS = 12


@pytest.fixture(scope="module")
def inputs() -> list[EngineInput]:
    manifest = load_manifest(DEMO)
    _, count_tokens = load_reader(DEMO, manifest.token_budget)
    spec = PromptSpec(AUTO, manifest.token_budget, count_tokens)
    return [
        prepare(history_of(fold(lead.history)), to_ms(lead.as_of), spec)
        for lead in simulate_leads(501, N_LEADS)
    ]


READERS = [
    None,
    EngineKind.STACK,
    EngineKind.ONNX,
    pytest.param(EngineKind.TORCH, marks=[pytest.mark.train, pytest.mark.slow]),
]
"""None is the engine that tests of roles score with."""

TABLE_KINDS = [EngineKind.TREES, EngineKind.LINEAR, EngineKind.RULE]
TABLE_READERS = [EngineKind.STACK, *TABLE_KINDS]


@pytest.fixture(scope="module")
def table_artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[EngineKind, Path]:
    folder = tmp_path_factory.mktemp("artifacts")
    return {
        EngineKind.TREES: build_trees_artifact(folder / "trees"),
        EngineKind.LINEAR: build_linear_artifact(folder / "linear"),
        EngineKind.RULE: build_rule_artifact(folder / "rule"),
    }


@pytest.fixture(scope="module", params=[*READERS, *TABLE_KINDS])
def engine(request: pytest.FixtureRequest, table_artifacts: dict[EngineKind, Path]) -> Engine:
    return _load(request.param, table_artifacts)


@pytest.fixture(scope="module", params=READERS)
def reader(request: pytest.FixtureRequest) -> Engine:
    return _load(request.param, {})


@pytest.fixture(scope="module", params=TABLE_READERS)
def table_reader(request: pytest.FixtureRequest, table_artifacts: dict[EngineKind, Path]) -> Engine:
    return _load(request.param, table_artifacts)


def _load(kind: EngineKind | None, table_artifacts: dict[EngineKind, Path]) -> Engine:
    if kind is None:
        return RuleEngine()
    path = table_artifacts.get(kind, DEMO)
    manifest = load_manifest(path)
    if manifest.engine is kind:
        return load_engine(path, manifest, AUTO)[0]
    tokens, _ = load_reader(path, manifest.token_budget)
    return load_language_model(path, tokens, kind)


def test_one_logit_per_input_in_order(engine: Engine, inputs: list[EngineInput]) -> None:
    logits = engine.logits(inputs)
    assert len(logits) == len(inputs)
    assert engine.logits(inputs[::-1]) == logits[::-1]
    assert len(set(logits)) > N_LEADS // 2


def test_batch_mates_do_not_change_a_logit(engine: Engine, inputs: list[EngineInput]) -> None:
    together = engine.logits(inputs)
    assert [engine.logits([each])[0] for each in inputs] == together


@pytest.mark.train
@pytest.mark.slow
def test_leads_of_other_lengths_in_a_batch_move_a_logit_by_rounding_only(
    inputs: list[EngineInput],
) -> None:
    """As a GPU reads them; in fp32, so that it can be told from rounding."""
    from scoring.engines.torch import TorchEngine

    alone = _load(EngineKind.TORCH, {})
    assert isinstance(alone, TorchEngine)
    batched = replace(alone, batch_size=5)
    assert len({len(each.prompt) for each in inputs}) > 5
    assert np.abs(np.subtract(batched.logits(inputs), alone.logits(inputs))).max() < 1e-3


def test_the_same_input_gives_the_same_bits(engine: Engine, inputs: list[EngineInput]) -> None:
    assert engine.logits(inputs) == engine.logits(inputs)


def test_no_input_gives_no_logit(engine: Engine) -> None:
    assert engine.logits([]) == []


def test_a_cpu_engine_asks_for_one_lead_at_a_time(engine: Engine) -> None:
    """Dynamic int8 scales would let a neighbour change a score, and batches gain nothing there."""
    assert engine.batch_size == 1


def test_an_over_long_prompt_is_refused_without_being_quoted(
    reader: Engine, inputs: list[EngineInput]
) -> None:
    long = EngineInput(inputs[0].features, "secret " * 400 + inputs[0].prompt)
    with pytest.raises(Unscorable, match="tokens, the artifact reads") as caught:
        reader.logits([long])
    assert "secret" not in str(caught.value)


def test_a_prompt_without_the_answer_marker_is_refused(
    reader: Engine, inputs: list[EngineInput]
) -> None:
    cut = EngineInput(inputs[0].features, inputs[0].prompt[:-1])
    with pytest.raises(Unscorable, match="answer marker"):
        reader.logits([cut])


def test_unknown_features_are_scored(engine: Engine, inputs: list[EngineInput]) -> None:
    nothing = np.full(len(AUTO.features), np.nan, dtype=np.float32)
    (logit,) = engine.logits([EngineInput(nothing, inputs[0].prompt)])
    assert math.isfinite(logit)


@pytest.mark.parametrize("width", [0, len(AUTO.features) - 1, len(AUTO.features) + 1])
def test_a_table_of_another_width_is_refused(
    table_reader: Engine, inputs: list[EngineInput], width: int
) -> None:
    table = np.zeros(width, dtype=np.float32)
    with pytest.raises(Unscorable, match="table has shape"):
        table_reader.logits([EngineInput(table, inputs[0].prompt)])


def test_an_infinite_feature_is_refused(table_reader: Engine, inputs: list[EngineInput]) -> None:
    table = inputs[0].features.copy()
    table[-1] = np.inf
    with pytest.raises(Unscorable, match="infinite"):
        table_reader.logits([EngineInput(table, inputs[0].prompt)])


@pytest.mark.parametrize("kind", TABLE_KINDS)
def test_an_engine_without_a_language_model_reads_no_prompt(
    kind: EngineKind, table_artifacts: dict[EngineKind, Path], inputs: list[EngineInput]
) -> None:
    engine = _load(kind, table_artifacts)
    silent = [EngineInput(each.features, "") for each in inputs]
    assert engine.logits(silent) == engine.logits(inputs)


@pytest.mark.parametrize("kind", TABLE_READERS)
def test_only_a_language_model_is_loaded_as_one(kind: EngineKind) -> None:
    tokens, _ = load_reader(DEMO, 256)
    with pytest.raises(ValueError, match="is not a language model"):
        load_language_model(DEMO, tokens, kind)


def test_a_logit_that_is_no_number_never_leaves_an_engine() -> None:
    with pytest.raises(Unscorable):
        finite(math.nan)


def test_two_loads_of_one_artifact_agree_to_the_bit(inputs: list[EngineInput]) -> None:
    first, second = _load(EngineKind.STACK, {}), _load(EngineKind.STACK, {})
    assert first.logits(inputs) == second.logits(inputs)


@pytest.mark.train
@pytest.mark.slow
def test_the_stated_agreement_of_reference_and_served_engine_holds(
    inputs: list[EngineInput],
) -> None:
    agreement = load_manifest(DEMO).agreement
    assert agreement is not None
    reference = _load(agreement.reference, {}).logits(inputs)
    served = _load(agreement.served, {}).logits(inputs)
    gaps = [abs(a - b) for a, b in zip(reference, served, strict=True)]
    assert max(gaps) <= agreement.max_logit_difference

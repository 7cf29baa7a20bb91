"""The score worker serves artifacts without a language model: trees on the table, and the rule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.outputs import Evidence
from schemas.timestamps import to_ms
from scoring.artifact import digest
from scoring.calibration import probability
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.score import Scorer, prepare
from streams.artifact_shelf import load_from
from streams.store.memory_store import MemoryStore
from tests.support.engines.table_artifacts import build_rule_artifact, build_trees_artifact
from tests.support.leads.event_stream import events
from tests.support.leads.lead_events import A, clicks, joins
from tests.support.roles import Clock, Roles


def roles_with(*scorers: Scorer) -> Roles:
    clock = Clock()
    return Roles(MemoryStore(clock.now_ms), clock, scorers=scorers)


@pytest.mark.parametrize("build", [build_trees_artifact, build_rule_artifact])
def test_every_listed_lead_is_scored_and_ranked(
    build: Callable[[Path], Path], tmp_path: Path
) -> None:
    scorer = load_from([tmp_path], digest(build(tmp_path / "artifact")))
    roles = roles_with(scorer)
    roles.promote(scorer.digest)
    roles.copied()
    roles.ingest(*events(seed=1, n=120, n_leads=12))
    roles.settle(roles.worker(), roles.publisher())
    assert roles.standing()
    assert roles.differences() == []


def test_the_rule_serves_until_trees_are_promoted(
    tmp_path: Path,
) -> None:
    paths = build_rule_artifact(tmp_path / "rule"), build_trees_artifact(tmp_path / "trees")
    rule, trees = (load_from([tmp_path], digest(path)) for path in paths)
    roles = roles_with(rule, trees)
    roles.promote(rule.digest)
    roles.copied()
    happened = [joins(0), *(clicks(i) for i in range(1, 40))]
    roles.ingest(*happened)
    worker, publisher = roles.worker(), roles.publisher()
    roles.settle(worker, publisher)
    roles.promote(trees.digest)
    roles.copied()
    roles.settle(worker, publisher)
    first, last = roles.output.scores(A)
    assert (first.artifact, last.artifact) == (rule.digest, trees.digest)
    assert first.evidence is Evidence.LOW
    item = prepare(history_of(fold(happened)), to_ms(last.order.as_of), trees.spec)
    assert last.probability == probability(trees.engine.logits([item])[0], trees.calibration)

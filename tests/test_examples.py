"""The examples in docstrings of the core run, and the functions a newcomer calls first have one."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from types import ModuleType

import pytest

import schemas
import scoring

WITH_EXAMPLES = (
    "schemas.record_check.decode",
    "schemas.partitioner.partition_for",
    "schemas.timestamps.to_ms",
    "scoring.calibration.probability",
    "scoring.lead.fold.evolve",
    "scoring.lead.fold.fold",
    "scoring.lead.fold.initial_state",
    "scoring.lead.fold.listing",
    "scoring.lead.history.history_of",
    "scoring.lead.state_bytes.from_bytes",
    "scoring.lead.state_bytes.state_hash",
    "scoring.lead.state_bytes.to_bytes",
    "scoring.metrics.bootstrap.replicates",
    "scoring.metrics.cost.Cost",
    "scoring.metrics.delong.delong",
    "scoring.metrics.metrics.auc",
    "scoring.metrics.metrics.average_precision",
    "scoring.metrics.metrics.expected_calibration_error",
    "scoring.metrics.metrics.top_group",
    "scoring.metrics.queue_moves.queue_moves",
    "scoring.metrics.rank_agreement.agreement",
    "scoring.metrics.rank_agreement.kendall_tau",
    "scoring.metrics.verdict.judge",
    "scoring.prompt.features.feature_vector",
    "scoring.prompt.prompt.build_prompt",
    "scoring.prompt.edges.as_of",
    "scoring.prompt.edges.next_edge",
    "scoring.ranking.ranked",
    "scoring.score.build_score",
)
NEEDS_AN_EXTRA = frozenset({"scoring.engines.torch"})
"""Modules that the base install cannot import."""


def _modules() -> list[str]:
    names = (
        module.name
        for package in (schemas, scoring)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    )
    return [name for name in names if name not in NEEDS_AN_EXTRA]


def _examples(module: ModuleType) -> list[doctest.DocTest]:
    return doctest.DocTestFinder(exclude_empty=True).find(module)


EXAMPLES = {
    name: tests
    for name in _modules()
    if (tests := [test for test in _examples(importlib.import_module(name)) if test.examples])
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_a_module_give_what_they_show(name: str) -> None:
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    for test in EXAMPLES[name]:
        runner.run(test, out=report.append)
    assert "".join(report) == ""


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_a_newcomer_finds_an_example_that_calls_it(name: str) -> None:
    module, _, called = name.rpartition(".")
    sources = [
        example.source
        for test in EXAMPLES.get(module, [])
        if test.name == name
        for example in test.examples
    ]
    assert any(f"{called}(" in source for source in sources), f"{name} has no example"


def test_no_example_hides_its_result() -> None:
    hidden = [
        test.name
        for tests in EXAMPLES.values()
        for test in tests
        for example in test.examples
        if "..." in example.want or example.options
    ]
    assert hidden == []

"""The data check finds planted leaks and leaves honest columns alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from schemas.events import LeadUpserted
from schemas.timestamps import from_ms
from scoring.domain.reading import pack
from scoring.lead.fold import evolve
from scoring.lead.state_bytes import from_bytes, to_bytes
from scoring.prompt.rendering import newest_rendering
from training.dataset.checks.data_check import check_data, strengths
from training.dataset.example import Examples
from training.dataset.known_columns import MAX_COLUMNS, columns_left_out, profile_columns
from training.dataset.manifest import Severity
from training.dataset.simulated import Simulation, simulate_examples
from training.simulator.world import World

pytestmark = [pytest.mark.train, pytest.mark.slow]


@pytest.fixture(scope="module")
def honest() -> Examples:
    asked = Simulation(seed=3, n_leads=900, world=World(base_logit=-3.5))
    return simulate_examples(asked, n_processes=1, report=lambda done, total: None)[0]


def _with(examples: Examples, name: str, values: list[str | float | None]) -> Examples:
    return _with_profiles(examples, [{name: value} for value in values])


def _with_profiles(
    examples: Examples, profiles: Sequence[Mapping[str, str | float | None]]
) -> Examples:
    """As if the CRM had known `profiles` from the beginning."""
    states = []
    for index, profile in enumerate(profiles):
        patch = LeadUpserted(
            id="export",
            source="crm.export",
            tenant=examples.tenant[index],
            lead=examples.lead[index],
            occurred_at=from_ms(int(examples.as_of_ms[index]) - 1),
            profile=profile,
        )
        states.append(to_bytes(evolve(from_bytes(examples.state[index]), patch)))
    return replace(examples, state=tuple(states))


def _leaks(examples: Examples) -> list[str]:
    return [f.column for f in check_data(examples) if f.severity is Severity.LEAK]


def test_honest_simulated_leads_have_no_leak(honest: Examples) -> None:
    assert check_data(honest) == ()
    found = strengths(honest)
    assert 0.6 < found[0].auc < 0.8
    assert len(found) > 31


def test_a_status_of_the_export_is_found_by_its_auc_and_by_its_name(honest: Examples) -> None:
    values = ["won" if label else "open" for label in honest.label]
    leaky = _with(honest, "status", values)
    assert _leaks(leaky) == ["profile.status"]
    warned = [f.column for f in check_data(leaky) if f.severity is Severity.WARNING]
    assert warned == ["profile.status"]


@pytest.mark.parametrize("paid", [1, 500])
def test_a_number_that_only_orders_have_is_found_where_they_are_few(
    honest: Examples, paid: int
) -> None:
    """At 3% orders: nearly all rows have the commonest number, and every quantile is that one."""
    others, orders = np.flatnonzero(honest.label == 0), np.flatnonzero(honest.label == 1)
    some = orders[: round(0.03 * len(others))]
    rare = honest.take(np.sort(np.concatenate([others, some])))
    values = [float(paid) if label else 0.0 for label in rare.label]
    assert _leaks(_with(rare, "deposit_eur", values)) == ["profile.deposit_eur"]


def test_a_date_that_only_orders_have_is_found(honest: Examples) -> None:
    rng = np.random.default_rng(1)
    values = [float(rng.integers(100)) if label else None for label in honest.label]
    assert _leaks(_with(honest, "handover", values)) == ["profile.handover"]


def test_a_number_in_a_hump_is_found(honest: Examples) -> None:
    """No threshold separates it: positives lie in the middle."""
    rng = np.random.default_rng(2)
    values = [
        float(rng.uniform(0.49, 0.51) if label else rng.uniform(0, 1)) for label in honest.label
    ]
    assert _leaks(_with(honest, "wait", values)) == ["profile.wait"]


@pytest.mark.parametrize("name", ["Contract No", "Angebot (SIGNED)", "deal_outcome"])
def test_an_outcome_is_found_by_its_name_as_people_write_it(honest: Examples, name: str) -> None:
    few = honest.take(np.arange(60))
    values: list[str | float | None] = [float(n % 7) for n in range(60)]
    assert f"profile.{name}" in [finding.column for finding in check_data(_with(few, name, values))]


def test_a_source_that_invents_names_makes_a_bounded_number_of_columns(honest: Examples) -> None:
    invented = [{f"{row}-{n}": 1.0 for n in range(400)} for row in range(6)]
    few = _with_profiles(honest.take(np.arange(6)), invented)
    columns = profile_columns(few.states)
    assert len(columns) == MAX_COLUMNS
    (found,) = [
        finding for finding in check_data(few) if "more fields and codes" in finding.sentence
    ]
    n_names = len(columns) + len(columns_left_out(few.states))
    assert f"of {n_names:,} those 2,000 count" in found.sentence
    assert found.column not in columns
    assert "profile.age_band" in columns


def test_a_field_that_its_feature_reads_as_other_is_told_with_counts(honest: Examples) -> None:
    few = honest.take(np.arange(40))
    values: list[str | float | None] = ["Google"] * 30 + ["website"] * 10
    (found,) = [f for f in check_data(_with(few, "lead_source", values)) if "feature" in f.sentence]
    assert found.column == "profile.lead_source"
    assert found.sentence.startswith("30 of 40 values ('Google') are not what the feature")
    assert found.sentence.endswith("so it is a field of your own")


def test_a_field_is_compared_with_the_features_of_the_datasets_own_domain(honest: Examples) -> None:
    few = honest.take(np.arange(40))
    rendering = newest_rendering(pack("generic"))
    unknown = np.full((40, len(rendering.features)), np.nan, dtype=np.float32)
    other = replace(few, rendering=rendering, features=unknown)
    found = check_data(_with(other, "lead_source", ["Google"] * 40))
    assert [finding for finding in found if "feature" in finding.sentence] == []


def test_an_id_of_the_lead_is_no_leak(honest: Examples) -> None:
    assert _leaks(_with(honest, "customer_no", list(honest.lead))) == []


def test_an_honest_column_of_some_strength_is_no_leak(honest: Examples) -> None:
    rng = np.random.default_rng(3)
    values = [float(label + rng.normal(0, 1.5)) for label in honest.label]
    assert _leaks(_with(honest, "interest", values)) == []


def _warned(examples: Examples) -> list[str]:
    return [f.column for f in check_data(examples) if f.severity is Severity.WARNING]


def test_a_reason_that_only_lost_leads_have_is_found_though_few_have_one(honest: Examples) -> None:
    """Alone it says little: its AUC is far below every limit."""
    rng = np.random.default_rng(4)
    is_told = (rng.random(len(honest)) < 0.3) & (honest.label == 0)
    values = ["price" if told else None for told in is_told]
    told = _with(honest, "why_not", values)
    assert max(s.auc for s in strengths(told) if s.column == "profile.why_not") < 0.7
    assert _warned(told) == ["profile.why_not"]
    (finding,) = check_data(told)
    assert "in 0 of " in finding.sentence
    assert "empty until the outcome is known" in finding.sentence


@pytest.mark.parametrize("blank", [None, 0.0, "-", "N/A", False])
def test_blanks_of_every_kind_are_empty(honest: Examples, blank: str | float | None) -> None:
    rng = np.random.default_rng(5)
    is_told = (rng.random(len(honest)) < 0.2) & (honest.label == 1)
    values = [7.0 if told else blank for told in is_told]
    assert _warned(_with(honest, "discount", values)) == ["profile.discount"]


def test_a_field_that_both_sides_seldom_have_is_no_finding(honest: Examples) -> None:
    rng = np.random.default_rng(6)
    values = ["yes please" if told else None for told in rng.random(len(honest)) < 0.05]
    assert _warned(_with(honest, "newsletter", values)) == []


@pytest.mark.parametrize(
    "name", ["target", "target_group", "marital_status", "contract_type", "label", "order_channel"]
)
def test_a_name_alone_is_no_wolf(honest: Examples, name: str) -> None:
    """The column says nothing of the outcome, so its name does not matter."""
    rng = np.random.default_rng(7)
    values = [f"g{rng.integers(4)}" for _ in range(len(honest))]
    assert check_data(_with(honest, name, values)) == ()


@pytest.mark.parametrize(
    ("name", "is_named"),
    [
        ("target", True),
        ("deal_status", True),
        ("order_date", True),
        ("is_won", True),
        ("target_group", False),
        ("marital_status", False),
        ("contract_type", False),
    ],
)
def test_a_name_that_fits_a_column_that_says_something_is_a_warning(
    honest: Examples, name: str, is_named: bool
) -> None:
    rng = np.random.default_rng(8)
    values = [f"g{int(label and rng.random() < 0.35)}" for label in honest.label]
    assert ("named like an outcome" in str(check_data(_with(honest, name, values)))) == is_named

"""Simulated datasets: reproducible, honest about time, and labelled as the world drew."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pyarrow")

import itertools

from schemas.timestamps import to_ms
from training.dataset.example import Examples
from training.dataset.folder import content_sha256
from training.dataset.manifest import DatasetError, DatasetManifest, Split
from training.dataset.simulated import CHUNK_LEADS, Simulation, simulate_examples
from training.simulator.emit import simulate_leads
from training.simulator.world import World

pytestmark = [pytest.mark.train, pytest.mark.slow]

N_LEADS = 600


def _build(asked: Simulation, n_processes: int = 1) -> tuple[Examples, DatasetManifest]:
    return simulate_examples(asked, n_processes=n_processes, report=lambda done, total: None)


@pytest.fixture(scope="module")
def built() -> tuple[Examples, DatasetManifest]:
    return _build(Simulation(seed=9, n_leads=N_LEADS))


def test_rows_are_leads_at_their_moment_with_the_worlds_label(
    built: tuple[Examples, DatasetManifest],
) -> None:
    examples, _ = built
    leads = {lead.lead: lead for lead in simulate_leads(9, N_LEADS)}
    assert 0.7 * N_LEADS < len(examples) < N_LEADS
    for index, name in enumerate(examples.lead):
        lead = leads[name]
        assert examples.as_of_ms[index] == to_ms(lead.as_of)
        assert (
            examples.label[index] == lead.ordered == (examples.grade[index] == examples.ladder.top)
        )
        assert np.isnat(examples.outcome_at[index]) != lead.ordered
        assert examples.true_probability[index] == lead.probability
    assert examples.has_truth
    assert 0 < np.isnan(examples.codes[:, 0]).mean() < 0.5


def test_splits_follow_each_other_with_a_horizon_between(
    built: tuple[Examples, DatasetManifest],
) -> None:
    examples, manifest = built
    parts = [examples.of(split).as_of_ms for split in Split]
    for older, newer in itertools.pairwise(parts):
        assert older.max() + manifest.embargo_days * 86_400_000 < newer.min()
    assert sum(map(len, parts)) == len(examples)


def test_the_number_of_processes_changes_nothing(
    built: tuple[Examples, DatasetManifest],
) -> None:
    assert N_LEADS > CHUNK_LEADS
    again, manifest = _build(Simulation(seed=9, n_leads=N_LEADS), n_processes=2)
    assert content_sha256(again) == content_sha256(built[0])
    assert manifest == built[1]


def test_fewer_negatives_are_some_of_the_same_rows(
    built: tuple[Examples, DatasetManifest],
) -> None:
    everyone = dict(zip(built[0].lead, built[0].state, strict=True))
    sampled, _ = _build(Simulation(seed=9, n_leads=N_LEADS, negative_rate=0.25))
    assert all(everyone[lead] == state for lead, state in _rows(sampled))
    assert len(sampled.of(Split.FIT)) < 0.5 * len(built[0].of(Split.FIT))
    assert len(sampled.of(Split.TEST)) == len(built[0].of(Split.TEST))
    assert sampled.label.sum() == built[0].label.sum()


def _rows(examples: Examples) -> list[tuple[str, bytes]]:
    return list(zip(examples.lead, examples.state, strict=True))


def test_no_leads_are_refused() -> None:
    with pytest.raises(DatasetError, match="0 leads"):
        _build(Simulation(seed=9, n_leads=0))


def test_leads_for_one_split_are_all_there_and_all_in_it() -> None:
    asked = Simulation(seed=3, n_leads=60, negative_rate=0.2, only=Split.TEST)
    examples, _ = simulate_examples(asked, n_processes=1, report=lambda done, total: None)
    assert len(examples) == 60
    assert set(examples.split) == {"test"}
    assert set(examples.weight) == {1.0}


def test_leads_of_another_business_are_read_as_its_pack_says() -> None:
    examples, manifest = _build(Simulation(seed=9, n_leads=200, world=World("software")))
    assert examples.rendering.domain.name == "software"
    assert manifest.horizon_days == examples.rendering.domain.horizon_days
    assert manifest.source_names == ("simulator of software, seed 9",)
    assert "security.contra" in manifest.code_names

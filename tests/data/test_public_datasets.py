"""The public data sets as dataset folders: the counts that their READMEs and papers state."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from schemas.events import EventBase
from schemas.timestamps import to_ms
from streams.importers.bpi2012 import bpi2012_events
from streams.importers.persuasion import persuasion_events
from streams.importers.uci_bank import uci_bank_events
from training.dataset.build import build_examples
from training.dataset.example import Examples
from training.dataset.log import Logged
from training.dataset.protocols import protocol_of
from training.dataset.split import Shares

pytestmark = [pytest.mark.data, pytest.mark.slow]

SHARES: Shares = (0.56, 0.12, 0.12, 0.2)


def _built(name: str, events: Iterable[EventBase], first_units: int | None = None) -> Examples:
    protocol = protocol_of(name, 1, first_units)
    logged = (Logged(name, to_ms(event.occurred_at), event) for event in events)
    report = lambda what: lambda done, total: None  # noqa: E731
    return build_examples(protocol.adapted(logged), protocol.plan(SHARES), report)[0]


def test_landmark_applications_are_the_published_ones(data: Path) -> None:
    """5,901 undecided after 24 hours, 37.5% of them accepted."""
    examples = _built("bpi2012", bpi2012_events(data / "bpi2012_loan_funnel"))
    assert len(examples) == 5_901
    assert examples.label.mean() == pytest.approx(0.375, abs=0.002)


def test_bank_contacts_drift_from_rare_to_frequent_positives(data: Path) -> None:
    """41,188 contacts, 11.3% positive, 30.8% in the newest fifth."""
    examples = _built("uci-bank", uci_bank_events(data / "uci_bank_marketing"))
    assert len(examples) == 41_188
    assert examples.label.mean() == pytest.approx(0.113, abs=0.001)
    newest = examples.take(examples.as_of_ms.argsort()[-len(examples) // 5 :])
    assert newest.label.mean() == pytest.approx(0.308, abs=0.002)


@pytest.mark.parametrize("first_units", [None, 10])
def test_dialogues_are_grouped_by_persuadee(data: Path, first_units: int | None) -> None:
    examples = _built("persuasion", persuasion_events(data / "persuasion_for_good"), first_units)
    assert 800 < len(examples) < 1_017
    assert len(set(examples.cluster.tolist())) == 761
    assert examples.label.mean() == pytest.approx(0.536, abs=0.03)
    calls = [state.transcripts[0].n_segments for state in examples.states]
    assert max(calls) == first_units if first_units else max(calls) > 20

"""Domains drafted from data that nobody on this project made."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.events import EventBase
from scoring.domain.model import Domain
from scoring.domain.reading import pack, parse_domain
from scoring.draft.draft import draft_domain
from scoring.draft.draft_file import draft_text
from scoring.draft.survey import survey_of
from streams.importers.uci_bank import uci_bank_events

pytestmark = [pytest.mark.data, pytest.mark.slow]


def drafted(events: list[EventBase], like: str) -> tuple[Domain, str]:
    text = draft_text(draft_domain(survey_of(events), "found", pack(like)))
    return parse_domain(text.encode(), "found.toml"), text


def names(domain: Domain) -> set[str]:
    return {one.name for one in domain.features}


def test_dialogues_for_a_charity(dialogues: list[EventBase]) -> None:
    domain, text = drafted(dialogues, "donations")
    assert [stage.name for stage in domain.stages] == ["contacted", "order"]
    assert [(one.name, one.kind) for one in domain.channels] == [("call", "spoken")]
    assert {"extrovert", "edu", "income", "religion"} <= names(domain)
    assert "#   field" not in text


def test_applications_for_a_loan(applications: list[EventBase]) -> None:
    domain, _ = drafted(applications, "insurance")
    assert [stage.name for stage in domain.stages] == ["new", "contacted", "quote", "order"]
    (amount,) = (one for one in domain.features if one.name == "amount_requested")
    assert len(amount.bins) == 4
    assert {one.name for one in domain.channels} == {"other", "call", "web", "quote"}


def test_calls_of_a_bank(data: Path) -> None:
    domain, text = drafted(list(uci_bank_events(data / "uci_bank_marketing"))[:20_000], "generic")
    (job,) = (one for one in domain.features if one.name == "job")
    assert "blue-collar" in job.values
    assert {"age", "education"} <= names(domain)
    assert '#   field contact_channel: always "telephone"' in text
    assert "#   field cons_conf_idx: numbers from -" in text

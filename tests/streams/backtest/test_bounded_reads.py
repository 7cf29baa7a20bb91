"""How many scores daily lists need is known before a slow model is asked for any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.events import EventBase, InteractionLogged, LeadUpserted
from schemas.timestamps import DAY_MS, to_ms
from scoring.backtest.daily_calls import CallTerms
from scoring.engine import Engine, EngineInput
from scoring.engines.loading import load_scorer
from streams.backtest.trial import OWN, CannotTell, ExportTrial, daily_lists, first_day_within
from streams.cli.exports.try_base import MAX_LISTED, base_request
from streams.cli.exports.try_request import TryRequest
from tests.support.engines.table_artifacts import build_rule_artifact
from tests.support.leads.daily_leads import START, forty_days

TERMS = CallTerms(2, 3.0)


@dataclass
class Asked:
    """An engine that counts what it is asked."""

    engine: Engine
    inputs: list[EngineInput] = field(default_factory=list)

    @property
    def batch_size(self) -> int:
        return self.engine.batch_size

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        self.inputs += inputs
        return self.engine.logits(inputs)


@pytest.fixture(scope="module")
def rule(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_rule_artifact(tmp_path_factory.mktemp("rule") / "rule")


@pytest.mark.slow
@pytest.mark.parametrize("most", [1, 60, 100, 10_000])
def test_as_many_scores_are_asked_for_as_was_said(most: int, rule: Path) -> None:
    scorer = load_scorer(rule)
    events = sorted(forty_days(), key=lambda event: event.occurred_at)
    day, n_scores = first_day_within(events, ExportTrial({OWN: scorer}, TERMS, 20), most)
    asked = Asked(scorer.engine)
    counting = replace(scorer, engine=asked)
    lists = daily_lists(
        events, ExportTrial({OWN: counting}, TERMS, 20, from_day=day), lambda n: None
    )
    assert len(asked.inputs) == n_scores
    assert lists.boards.day.min() == day
    last = to_ms(events[-1].occurred_at) // DAY_MS - 3
    assert n_scores <= most or day == last
    if most == 10_000:
        assert day == last - 19


def test_without_a_list_to_judge_it_says_why(rule: Path) -> None:
    events = sorted(forty_days(), key=lambda event: event.occurred_at)[:5]
    with pytest.raises(CannotTell, match="is known for no list"):
        first_day_within(events, ExportTrial({OWN: load_scorer(rule)}, TERMS, 20), 100)


def joined(n: int, text: str | None) -> list[EventBase]:
    """`n` leads, of whom the first wrote something."""
    leads: list[EventBase] = [
        LeadUpserted(id=f"{i}", source="crm", tenant="t", lead=f"l{i}", occurred_at=START)
        for i in range(n)
    ]
    wrote = InteractionLogged(
        id="w",
        source="crm",
        tenant="t",
        lead="l0",
        occurred_at=START + timedelta(hours=1),
        channel="email",
        direction="inbound",
        text=text,
    )
    return [*leads, wrote]


def test_a_base_with_nothing_to_read_or_too_much_reads_nothing_and_one_sentence_says_so(
    tmp_path: Path,
) -> None:
    asked = TryRequest(None, 5, 60, 10, None, base=tmp_path / "base")

    def outcome(events: list[EventBase]) -> tuple[bool, str]:
        base, why = base_request(events, events, asked, tmp_path)
        return base is not None, why

    assert outcome(joined(5, "We want two of them.")) == (True, "")
    can, why = outcome(joined(5, None))
    assert not can
    assert "nothing to read" in why
    can, why = outcome(joined(MAX_LISTED + 1, "We want two of them."))
    assert not can
    assert f"{MAX_LISTED + 1:,} leads are still to be called" in why
    assert f"at most {MAX_LISTED:,}" in why
    kept = base_request(joined(2, "x"), [], replace(asked, states=tmp_path / "mine"), tmp_path)[0]
    assert kept is not None
    assert kept.kept == tmp_path / "mine"
    assert base_request(joined(5, "x"), [], replace(asked, base=None), tmp_path) == (None, "")

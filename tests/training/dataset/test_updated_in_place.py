"""An export's values of today, dated when the lead came in, give the outcome away: they are found,
and what was known is not accused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

pytest.importorskip("lightgbm", reason="needs the learn extra")

from schemas.events import EventBase, LeadUpserted, StageChanged
from schemas.timestamps import from_ms, to_ms
from scoring.lead.fold import fold
from scoring.lead.state import Value
from scoring.lead.state_bytes import to_bytes
from tests.training.dataset.rows import AUTO, DAY_MS, REACHED, START_MS, row
from training.dataset.checks.data_check import hindsight
from training.dataset.checks.log_check import values_when_ended
from training.dataset.example import Example, Examples, columns_of
from training.dataset.log import EventLog, KnownAt, Logged, gather

pytestmark = pytest.mark.train

SPAN_DAYS = 300
UNTIL_MS = START_MS + SPAN_DAYS * DAY_MS


def leads(field: Callable[[np.random.Generator, int, int], Value], n: int = 900) -> Examples:
    """Leads that came in over SPAN_DAYS, one in eight with an order; `field` has a draw, the
    lead's first moment and its label."""
    rng, rows = np.random.default_rng(5), []
    for number in range(n):
        at_ms, label = START_MS + number * SPAN_DAYS * DAY_MS // n, int(rng.random() < 1 / 8)
        rows.append(_lead(number, at_ms, label, field(rng, at_ms, label)))
    return columns_of(rows, AUTO)


def _lead(number: int, at_ms: int, label: int, value: Value) -> Example:
    profile = {} if value is None else {"told": value}
    event = LeadUpserted(
        id="p",
        source="crm",
        tenant="acme",
        lead=f"l-{number}",
        occurred_at=from_ms(at_ms),
        profile=profile,
    )
    state = to_bytes(fold([event]))
    return row(number, state=state, as_of_ms=at_ms, label=label, reached=REACHED[5 * label])


def owner(share: float) -> Callable[[np.random.Generator, int, int], Value]:
    """Handed over to another team with the order, in so many leads."""

    def drawn(rng: np.random.Generator, at_ms: int, label: int) -> Value:
        handed_over = label and rng.random() < share
        return "order desk" if handed_over else str(rng.choice(["Eva", "Max", "Ute"]))

    return drawn


def date_of(at_ms: int, days: float) -> str:
    return f"{from_ms(at_ms) + timedelta(days=days):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize("share", [0.4, 0.6, 1.0])
def test_a_value_that_comes_with_the_order_is_found(share: float) -> None:
    (found,) = {finding.column for finding in hindsight(leads(owner(share)), UNTIL_MS)}
    assert found == "profile.told"


def test_a_flag_that_comes_with_the_order_is_found() -> None:
    found = hindsight(leads(lambda rng, at, label: bool(label and rng.random() < 0.7)), UNTIL_MS)
    assert {finding.column for finding in found} == {"profile.told"}


def test_a_value_that_says_much_of_who_orders_is_kept() -> None:
    """Half of those who order came by it, and one in twenty of the others."""

    def came_by(rng: np.random.Generator, at_ms: int, label: int) -> Value:
        return "referral" if rng.random() < (0.5 if label else 0.05) else "web"

    assert not hindsight(leads(came_by), UNTIL_MS)


def test_a_date_of_the_last_change_is_found() -> None:
    def changed(rng: np.random.Generator, at_ms: int, label: int) -> Value:
        left_days = (UNTIL_MS - at_ms) / DAY_MS
        return date_of(at_ms, min(float(rng.exponential(60)), left_days))

    (found,) = hindsight(leads(changed), UNTIL_MS)
    assert "updated in place" in found.sentence


@pytest.mark.parametrize("days", [-400.0, 0.0, 90.0])
def test_a_date_that_was_known_is_kept(days: float) -> None:
    """Born, came in, and planned: of the last ones some lie after the export."""

    def planned(rng: np.random.Generator, at_ms: int, label: int) -> Value:
        return date_of(at_ms, days * float(rng.uniform(0.5, 1.5)))

    assert not hindsight(leads(planned), UNTIL_MS)


def outcomes_log(told: Callable[[int, bool], str]) -> EventLog:
    """Leads of a year of whom two in three ended without an order; `told`: the field's value, by
    number and end."""
    logged = []
    for number in range(600):
        who = {"source": "crm", "tenant": "acme", "lead": f"l-{number}"}
        at_ms, is_ended = START_MS + number * DAY_MS // 2, number % 3 > 0
        events: list[EventBase] = [
            LeadUpserted(
                id="p",
                occurred_at=from_ms(at_ms),
                profile={"told": told(number, is_ended)},
                **who,
            )
        ]
        if is_ended:
            at = from_ms(at_ms + 20 * DAY_MS)
            events.append(StageChanged(id="s", occurred_at=at, stage="lost", ends="lost", **who))
        logged += [Logged("crm", to_ms(event.occurred_at), event) for event in events]
    log = gather(logged, KnownAt.OCCURRED)
    assert log is not None
    return log


def test_a_value_that_comes_with_the_loss_is_found() -> None:
    log = outcomes_log(lambda n, ended: "archive" if ended and n % 2 else "Eva")
    assert [finding.column for finding in values_when_ended(log)] == ["profile.told"]


def test_a_campaign_that_is_over_is_kept() -> None:
    log = outcomes_log(lambda n, ended: "fair of March" if n < 300 and n % 2 else "web")
    assert not [*values_when_ended(log)]


def test_what_one_lead_has_that_ended_early_accuses_nobody() -> None:
    """Of the newest leads one in fifty has ended: what it has is rare, not set at the end."""
    log = outcomes_log(lambda n, ended: f"day {n % 150}")
    assert not [*values_when_ended(log)]
    few = replace(
        log, leads=tuple(k for n, k in enumerate(log.leads) if n % 3 == 0 or n % 150 == 1)
    )
    assert not [*values_when_ended(few)]

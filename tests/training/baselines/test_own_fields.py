"""Fields that no feature declares reach every baseline that reads more than the features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("lightgbm", reason="needs the train extra")

from schemas.events import Channel, EventBase, InteractionLogged, LeadUpserted, StageChanged
from schemas.timestamps import from_ms
from scoring.columns.own_fields import OwnField
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.lead.state import Value
from scoring.lead.state_bytes import to_bytes
from scoring.metrics.metrics import auc
from scoring.prompt.edges import as_of
from scoring.prompt.rendering import first_rendering
from tests.training.baselines.leads import leads
from tests.training.dataset.rows import DAY_MS, REACHED, START_MS, row
from training.baselines.baseline import Budget
from training.baselines.columns.own_fields import MIN_LEADS, fit_field, fit_own_fields
from training.baselines.columns.table import fit_field_table
from training.baselines.registry import Baseline, fit_baseline
from training.dataset.example import Example, Examples, columns_of
from training.dataset.manifest import Split

AUTO = first_rendering()

pytestmark = pytest.mark.train

SPLITS = [Split.FIT] * 900 + [Split.JUDGE] * 200 + [Split.CALIBRATE] * 40 + [Split.TEST] * 100
READERS = (
    Baseline.LOGISTIC,
    Baseline.TREE_FIELDS,
    Baseline.TREE_TEXT,
    Baseline.TREE_RANK,
    Baseline.DEEPFM,
)
"""One of each way to read: tree_words shares that of tree_text, DCN-v2 that of DeepFM."""


def _events(number: int, profile: dict[str, object], codes: Sequence[str]) -> list[EventBase]:
    who = {"source": "crm", "tenant": "acme", "lead": f"l-{number}"}
    at = from_ms(START_MS)
    events: list[EventBase] = [
        LeadUpserted(id="p", occurred_at=at, profile=profile, queue="north", **who)
    ]
    events += [
        InteractionLogged(
            id=code, occurred_at=at, channel=Channel.OTHER, codes=(code, "DONE"), **who
        )
        for code in codes
    ]
    return events


def _row(number: int, split: Split) -> Example:
    """The amount tells the outcome, four times in five."""
    label = int(np.random.default_rng(number).random() < 0.5)
    is_told = number % 5 > 0
    profile = {
        "amount": float(100 * (label if is_told else 1 - label) + number % 7),
        "trade": "baker" if number % 2 else "smith",
        "age_band": "forties",
    }
    events = _events(number, profile, ["A", "B"] if number % 3 else ["A"])
    return row(number, split, state=to_bytes(fold(events)), label=label, reached=REACHED[5 * label])


@pytest.fixture(scope="module")
def examples() -> Examples:
    return columns_of((_row(number, split) for number, split in enumerate(SPLITS)), rendering=AUTO)


def own_rows(fitted: Examples, rows: Examples) -> np.ndarray:
    return fit_field_table(fitted).rows(rows)[:, len(first_rendering().features) :]


def test_numbers_texts_and_codes_become_columns_but_not_what_a_feature_reads(
    examples: Examples,
) -> None:
    assert fit_own_fields(examples).column_names == (
        "amount",
        "trade = baker",
        "trade = smith",
        "code A",
        "code B",
        "code DONE",
    )
    rows = own_rows(examples, examples.take(np.array([1, 3])))
    assert rows[0].tolist()[1:] == [1.0, 0.0, 1.0, 1.0, 2.0]
    assert rows[1].tolist()[1:] == [1.0, 0.0, 1.0, 0.0, 1.0]
    table = fit_field_table(examples)
    assert len(table.kinds) == table.rows(examples).shape[1]


def test_what_the_fitted_rows_did_not_know_is_no_column_later(examples: Examples) -> None:
    stranger = _events(0, {"shoe_size": 44.0, "trade": "cooper"}, ["Z"])
    later = columns_of([row(0, Split.TEST, state=to_bytes(fold(stranger)))], rendering=AUTO)
    amount, *rest = own_rows(examples, later)[0].tolist()
    assert np.isnan(amount)
    assert rest == [0.0, 0.0, 0.0, 0.0, 1.0]


def test_a_declared_field_with_values_that_no_feature_knows_is_an_own_field() -> None:
    """`lead_source` is a car dealer's feature; a charity's sources are other words."""

    def told(source: str, n: int) -> list[Example]:
        events = _events(0, {"lead_source": source, "age_band": "forties"}, [])
        return [row(i, state=to_bytes(fold(events))) for i in range(n)]

    assert fit_own_fields(columns_of(told("website", 9), rendering=AUTO)).column_names == ()
    charity = columns_of([*told("street", MIN_LEADS), *told("website", MIN_LEADS)], rendering=AUTO)
    assert fit_own_fields(charity).column_names == ("lead_source = street", "lead_source = website")
    few = columns_of([*told("street", MIN_LEADS - 1), *told("website", MIN_LEADS)], rendering=AUTO)
    assert fit_own_fields(few).column_names == ()


def test_a_stage_that_no_feature_knows_is_a_column() -> None:
    trial = StageChanged(
        id="s",
        source="crm",
        tenant="acme",
        lead="l-0",
        occurred_at=from_ms(START_MS),
        stage="trial",
    )
    rows = [row(i, state=to_bytes(fold([trial]))) for i in range(MIN_LEADS)]
    assert fit_own_fields(columns_of(rows, rendering=AUTO)).column_names == ("stage = trial",)


@pytest.mark.parametrize(
    ("counts", "field"),
    [
        ({"12": 9, "3.5": 1}, {"is_number": True}),
        ({"12": 5, "many": 5}, {"levels": ("12", "many")}),
        ({"2026-03-01": 9, "soon": 1}, {"is_date": True}),
        ({1.0: 5, "many": 5}, {"is_number": True, "levels": ("many",)}),
        ({"rare": 4}, {}),
        ({f"v{i:02}": 40 - i for i in range(35)}, {"levels": tuple(f"v{i:02}" for i in range(30))}),
    ],
)
def test_a_field_is_read_by_what_its_values_are(
    counts: dict[Value, int], field: dict[str, object]
) -> None:
    assert fit_field("profile.x", counts) == OwnField(register_name="profile.x", **field)


def test_of_too_many_fields_the_best_known_are_kept() -> None:
    """Sixty-four at once, in several leads: a state keeps no more."""
    rows = []
    for block in range(5):
        names = [f"f{block * 64 + i:03}" for i in range(64)]
        events = _events(0, dict.fromkeys(names, 1.0), [])
        rows += [row(i, state=to_bytes(fold(events))) for i in range(10 - block)]
    fields = fit_own_fields(columns_of(rows, rendering=AUTO)).fields
    assert [field.name for field in fields] == [f"f{i:03}" for i in range(256)]


def test_codes_that_are_labels_are_not_columns_and_simulated_leads_have_no_own_fields() -> None:
    assert fit_own_fields(leads(60)).column_names == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_every_other_baseline_reads_them(name: Baseline, examples: Examples) -> None:
    model = fit_baseline(name, examples, Budget(2, 1), lambda line: None)
    test = examples.of(Split.TEST)
    assert auc(model.logits(test), test.label) > 0.7


def test_trees_on_the_features_alone_do_not(examples: Examples) -> None:
    model = fit_baseline(Baseline.TREE_TABULAR, examples, Budget(1, 1), lambda line: None)
    test = examples.of(Split.TEST)
    blank = replace(test, state=tuple(to_bytes(fold([])) for _ in range(len(test))))
    assert np.array_equal(model.logits(test), model.logits(blank))


def test_days_since_a_date_are_those_of_the_list_that_serves() -> None:
    """A list keeps a score until something changes: an hour later it shows the same numbers, and a
    model learns from these."""
    rows = [_dated(number) for number in range(40)]
    known = columns_of(rows, rendering=AUTO)
    later_ms = known.as_of_ms + HOUR_MS
    later = replace(known, as_of_ms=later_ms)
    days = fit_field_table(known).rows(later)[:, -1]
    columns = fit_field_table(known).columns
    for state, at_ms, read in zip(later.states, later_ms, days, strict=True):
        history = history_of(state)
        served_ms = as_of(history, int(at_ms), AUTO)
        assert served_ms < at_ms
        assert columns.row(history, served_ms)[-1] == read
        assert columns.row(history, int(at_ms))[-1] != read


HOUR_MS = 3_600_000


def _dated(number: int) -> Example:
    renewal = from_ms(START_MS + (number - 30) * DAY_MS)
    return row(
        number, state=to_bytes(fold(_events(number, {"renewal": f"{renewal:%Y-%m-%d}"}, [])))
    )

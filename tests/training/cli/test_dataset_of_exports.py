"""`asllr dataset` of exports: the enquiries of a language school, with dates and without."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("pyarrow")

from asllr import main
from scoring.domain.reading import pack
from scoring.prompt.rendering import newest_rendering
from training.dataset.folder import read_examples
from training.dataset.known_columns import known_columns
from training.dataset.manifest import Maturity, SplitBy
from training.dataset.undated import LABEL

AUTO = newest_rendering(pack("auto"))

pytestmark = [pytest.mark.train, pytest.mark.slow]

N = 400


def asllr(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def _school(path: Path, *, dated: bool) -> Path:
    """One row an enquiry, in one file with its outcome; a third of those who come twice enrol."""
    rng = np.random.default_rng(3)
    columns = ["Customer ID", "How found", "Größe", "2nd visit", "Postcode", "Won"]
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(columns + (["Created", "Closed at"] if dated else []))
        for n in range(N):
            is_second = rng.random() < 0.4
            is_won = rng.random() < (0.45 if is_second else 0.15)
            at = datetime(2025, 1, 3, 9, tzinfo=UTC) + timedelta(hours=20 * n)
            row = [f"e-{n}", rng.choice(["Flyer", "A Friend"]), n % 5, "yes" if is_second else ""]
            row += [f"0{rng.integers(1000, 9999)}", "yes" if is_won else "no"]
            if dated:
                row += [f"{at:%d.%m.%Y %H:%M}", f"{at + timedelta(days=9):%d.%m.%Y}"]
            rows.writerow(row)
    return path


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A draft of a mapping is written to the present folder."""
    monkeypatch.chdir(tmp_path)


def test_outcomes_without_a_date_become_a_dataset_that_says_so(tmp_path: Path) -> None:
    school = _school(tmp_path / "school.csv", dated=False)
    built = asllr("dataset", "--leads", school, "--outcomes", school, "--out", "d")
    assert built.exit_code == 0, built.output
    assert "leads: 400 rows read; lead = Customer ID; no dates" in built.stderr
    assert "WARNING outcome: the outcomes have no date (400 leads" in built.stdout
    examples, manifest = read_examples(tmp_path / "d", AUTO)
    assert (manifest.label, manifest.maturity) == (LABEL, Maturity.UNDATED)
    assert (manifest.split_by, manifest.as_of_policy) == (SplitBy.CLUSTER, "0h-after-first")
    with school.open(encoding="utf-8", newline="") as file:
        won = {row["Customer ID"]: row["Won"] for row in csv.DictReader(file, delimiter=";")}
    labels = dict(zip(examples.lead, examples.label.tolist(), strict=True))
    assert labels == {lead: int(word == "yes") for lead, word in won.items()}
    columns = known_columns(examples)
    assert set(columns["profile.How found"]) == {"Flyer", "A Friend"}
    assert all(str(value).startswith("0") for value in columns["profile.Postcode"])
    assert {"profile.Größe", "profile.2nd visit"} <= columns.keys()
    assert not any("won" in name.lower() for name in columns)


def test_a_split_by_time_without_dates_is_one_sentence(tmp_path: Path) -> None:
    school = _school(tmp_path / "school.csv", dated=False)
    words = ("dataset", "--leads", school, "--outcomes", school, "--out", "d")
    for option, says in (("time", "have no date"), ("cluster", "may ask after the outcome")):
        refused = asllr(*words, "--split-by", option, "--as-of", "every-7d")
        assert refused.exit_code == 78
        assert says in refused.stderr
        assert not (tmp_path / "d").exists()


def test_outcomes_with_dates_are_split_by_time(tmp_path: Path) -> None:
    school = _school(tmp_path / "school.csv", dated=True)
    words = ("--as-of", "20m-after-first", "--complete-until", "2026-02-01")
    built = asllr("dataset", "--leads", school, "--outcomes", school, "--out", "d", *words)
    assert built.exit_code == 0, built.output
    _, manifest = read_examples(tmp_path / "d", AUTO)
    assert (manifest.maturity, manifest.split_by) == (Maturity.HORIZON, SplitBy.TIME)
    assert manifest.as_of_policy == "20m-after-first"


def test_a_date_under_another_name_is_asked_about_and_may_be_left_empty(tmp_path: Path) -> None:
    school = _school(tmp_path / "school.csv", dated=True)
    text = school.read_text(encoding="utf-8").replace("Closed at", "Paid on")
    school.write_text(text, encoding="utf-8")
    words = ("dataset", "--leads", school, "--outcomes", school, "--out", "d")
    asked = asllr(*words)
    assert asked.exit_code == 78
    assert "map 'Paid on', or leave ordered_at empty" in asked.stderr
    draft = tmp_path / "asllr-mapping.json"
    mapping = json.loads(draft.read_text(encoding="utf-8"))
    mapping["leads"]["columns"] |= {"created_at": ""}
    draft.write_text(json.dumps(mapping), encoding="utf-8")
    built = asllr(*words, "--mapping", draft)
    assert built.exit_code == 0, built.output
    examples, manifest = read_examples(tmp_path / "d", AUTO)
    assert manifest.maturity is Maturity.UNDATED
    assert not any("won" in name.lower() for name in known_columns(examples))


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (("--leads",), "exports are read from --leads and --outcomes"),
        (("--outcomes",), "name recordings to read, or --leads and --outcomes"),
        (("--leads", "--outcomes", "--simulate"), "or --simulate so many leads"),
    ],
)
def test_half_of_the_exports_is_wrong_usage(
    tmp_path: Path, files: tuple[str, ...], says: str
) -> None:
    school = _school(tmp_path / "school.csv", dated=False)
    words = [word for name in files for word in (name, "5" if name == "--simulate" else school)]
    refused = asllr("dataset", *words, "--out", "d")
    assert refused.exit_code == 2
    assert says in refused.stderr


def test_dates_of_leads_alone_or_of_calls_alone_are_refused(tmp_path: Path) -> None:
    school = _school(tmp_path / "school.csv", dated=False)
    calls = tmp_path / "calls.csv"
    calls.write_text("customer_id,started_at\ne-1,2025-02-01 10:00\n", encoding="utf-8")
    words = ("dataset", "--leads", school, "--outcomes", school, "--out", "d")
    refused = asllr(*words, "--calls", calls)
    assert refused.exit_code == 78
    assert "calls have dates and leads have none: map both" in refused.stderr


def test_who_was_won_once_was_won_and_who_has_no_outcome_is_open(tmp_path: Path) -> None:
    school = _school(tmp_path / "school.csv", dated=False)
    outcomes = tmp_path / "deals.csv"
    rows = [f"e-{n},{'won' if n % 2 else 'lost'}" for n in range(300)]
    rows += ["e-0,won", "e-0,lost", "e-399,"]
    outcomes.write_text("\n".join(["customer_id,result", *rows]) + "\n", encoding="utf-8")
    built = asllr("dataset", "--leads", school, "--outcomes", outcomes, "--out", "d")
    assert built.exit_code == 0, built.output
    assert "no outcome: taken for still open" in built.stderr
    examples, _ = read_examples(tmp_path / "d", AUTO)
    labels = dict(zip(examples.lead, examples.label.tolist(), strict=True))
    assert len(labels) == 300
    assert (labels["e-0"], labels["e-1"], labels["e-2"]) == (1, 1, 0)

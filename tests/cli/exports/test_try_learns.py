"""`asllr try` learns from a user's own exports, and says what its calls would have been worth."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("lightgbm", reason="needs the learn extra")

from asllr import main
from scoring.artifact import load_manifest
from tests.support.leads.planted import PlantedLead, planted_leads, truth_reached, write_exports

pytestmark = [pytest.mark.train, pytest.mark.slow]

CAPACITY = 2


def asllr(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def files(paths: dict[str, Path]) -> list[str | Path]:
    return [word for kind, path in paths.items() for word in (f"--{kind}", path)]


class Tried:
    """One run on planted exports, and what it kept."""

    def __init__(self, folder: Path, leads: list[PlantedLead]) -> None:
        self.paths, self.leads = write_exports(folder, leads), leads
        add_status(self.paths["leads"], {lead.name for lead in leads if lead.ordered_at})
        self.saved = folder / "kept" / "march"
        words = ("--capacity", CAPACITY, "--save", self.saved, "--json")
        run = asllr("try", *files(self.paths), *map(str, words))
        assert run.exit_code == 0, run.output
        self.read: dict[str, Any] = json.loads(run.stdout)


def add_status(path: Path, won: set[str]) -> None:
    """Adds columns that are unique in each row, and one that was filled in when the outcome was
    known."""
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    more = ["Firma", "Anschrift", "Land", "Ampel"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*head, *more])
        for n, row in enumerate(rows):
            about = [f"Kessel Nr. {n} GmbH", f"Am Ufer {n}, Fürth", "Deutschland"]
            writer.writerow([*row, *about, "3" if row[0] in won else "1"])


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    return Tried(tmp_path_factory.mktemp("planted"), planted_leads(1, 1_000))


def test_it_reaches_nine_in_ten_of_the_buyers_that_the_truth_would(tmp_path: Path) -> None:
    """By columns, in two made-up years: some buyers of one are luck. `make bench-try` has words,
    too, and exports in which nothing decides."""
    capacity, verdicts = 5, []
    own = truth = newest = 0.0
    for seed in (1, 2):
        leads = planted_leads(seed, 3_000, calls=False)
        (folder := tmp_path / str(seed)).mkdir()
        paths = write_exports(folder, leads)
        run = asllr("try", *files(paths), "--capacity", str(capacity), "--json")
        assert run.exit_code == 0, run.output
        judged = json.loads(run.stdout)["backtest"]
        reached = {name: called["reached"]["value"] for name, called in judged["models"].items()}
        assert list(reached) == ["calling the newest first", "your model", "the rule"]
        own, newest = own + reached["your model"], newest + reached["calling the newest first"]
        truth += truth_reached(paths, leads, capacity, judged["first_day"])
        verdicts.append(judged["paired"]["judgement"]["verdict"])
    assert own >= 0.9 * truth > newest
    assert "ahead" in verdicts
    assert "behind" not in verdicts


def test_it_says_what_it_uses_and_leaves_out_what_knows_the_outcome(tried: Tried) -> None:
    own = tried.read["own"]
    assert own["columns"] == ["Created At", "Branche", "Kam über", "Liter am Tag"]
    assert own["unused"] == ["Lead ID", "Firma", "Anschrift", "Land", "Ampel"]
    assert own["reads_words"]
    assert list(tried.read["left_out"]) == ["Ampel"]
    assert all(0 < row["probability"] < 1 for row in tried.read["leads"])
    ordered = {lead.name for lead in tried.leads if lead.ordered_at}
    assert not {row["lead"] for row in tried.read["leads"]} & ordered


def test_replay_and_dataset_go_on_from_what_was_kept(tried: Tried, tmp_path: Path) -> None:
    assert sorted(path.name for path in tried.saved.iterdir()) == ["artifact", "recording"]
    artifact, recording = tried.saved / "artifact", tried.saved / "recording"
    words = ("replay", "run", recording, "--artifact", artifact, "--policy", "every-30d", "--json")
    replayed = asllr(*words)
    assert replayed.exit_code == 0, replayed.output
    pytest.importorskip("pyarrow", reason="a dataset needs the train extra")
    words = ("dataset", recording, "--domain", "generic", "--out", tmp_path / "d")
    built = asllr(*words)
    assert built.exit_code == 0, built.output


def test_what_stands_in_the_place_of_save_is_one_sentence_and_stays(tried: Tried) -> None:
    again = asllr("try", *files(tried.paths), "--save", tried.saved)
    assert again.exit_code == 78
    assert "exists and is not empty: name another folder for --save" in again.stderr
    assert load_manifest(tried.saved / "artifact").name == "own"


def test_an_order_that_nothing_can_be_learned_from_is_none_of_the_thirty(tmp_path: Path) -> None:
    """25 of 33 can be: eight came in so late that nobody knows yet who else will order."""
    start, rows = datetime(2026, 1, 1, 9, tzinfo=UTC), []
    for n in range(208):
        late = n >= 200
        came = start + timedelta(days=100 + (n - 200) / 2 if late else n / 4)
        won = late or n % 8 == 0
        at = (came + timedelta(days=3)).isoformat() if won else ""
        rows.append([f"k-{n}", came.isoformat(), f"trade {n % 3}", at])
    path = tmp_path / "leads.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["Lead ID", "Created At", "Trade", "Ordered At"], *rows])
    run = asllr("try", "--leads", path, "--outcomes", path, "--json")
    assert run.exit_code == 0, run.output
    read = json.loads(run.stdout)
    assert read["own"] is None
    assert "33 leads ordered, 25 of them within 30 days of a moment" in read["why_rule"]


LEARN_ALONE = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
from asllr import main
main(["try", *sys.argv[2:]])
"""


def blocked(packages: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LEARN_ALONE, packages, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)


def test_it_learns_without_torch_arrow_and_transformers(tmp_path: Path) -> None:
    words = files(write_exports(tmp_path, planted_leads(2, 300)))
    run = blocked("torch,pyarrow,transformers,peft,accelerate,safetensors", *words, "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["own"]["n_orders"] > 0


@pytest.mark.parametrize("package", ["lightgbm", "sklearn", "onnx"])
def test_without_the_extra_it_says_how_to_get_it_and_goes_by_the_rule(
    package: str, tmp_path: Path
) -> None:
    words = files(write_exports(tmp_path, planted_leads(2, 200)))
    run = blocked(package, *words)
    assert run.returncode == 0, run.stderr
    (said,) = [line for line in run.stdout.splitlines() if line.startswith("ranked by the rule")]
    assert f"{package} is not installed; pip install 'asllr[learn]'" in said
    assert "%" not in run.stdout.partition("queue default")[2].partition("Cannot tell")[0]


def test_without_outcomes_the_rule_ranks_the_newest_first_and_no_probability_is_told(
    tmp_path: Path,
) -> None:
    leads = planted_leads(3, 50)
    paths = write_exports(tmp_path, leads)
    run = asllr("try", "--leads", paths["leads"], "--json")
    assert run.exit_code == 0, run.output
    read = json.loads(run.stdout)
    newest = sorted(leads, key=lambda lead: lead.created_at, reverse=True)
    assert [row["lead"] for row in read["leads"]] == [lead.name for lead in newest[:10]]
    assert {row["probability"] for row in read["leads"]} == {None}
    assert "without --outcomes" in read["why_rule"]
    assert "--outcomes" in read["next"]


def test_outcomes_without_dates_are_judged_by_leads_that_were_held_out(tmp_path: Path) -> None:
    leads = planted_leads(4, 2_000, calls=False)
    rows = [["Lead ID", "Branche", "Kam über", "Liter am Tag", "Won"]]
    for number, lead in enumerate(leads):
        word = "" if number % 10 == 0 else "yes" if lead.ordered_at else "no"
        rows.append([lead.name, lead.branch, lead.route, str(lead.litres), word])
    path = tmp_path / "all.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    run = asllr("try", "--leads", path, "--outcomes", path, "--json")
    assert run.exit_code == 0, run.output
    read = json.loads(run.stdout)
    assert read["backtest"]["is_held_out"]
    assert list(read["backtest"]["models"]) == ["calling by chance", "your model"]
    assert read["backtest"]["paired"]["judgement"]["verdict"] == "ahead"
    still_open = {lead.name for number, lead in enumerate(leads) if number % 10 == 0}
    assert {row["lead"] for row in read["leads"]} <= still_open

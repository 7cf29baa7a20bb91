"""What is measured is what is served, on the exports of a business unlike the demo's: from CSV to a
recommended model, its comparison, live scores, their verification and an explanation."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("lightgbm", reason="needs the train extra")

from asllr import main
from schemas.events import EventBase
from scoring.artifact import digest, load_manifest
from scoring.domain.reading import pack
from scoring.metrics.metrics import auc
from scoring.prompt.rendering import newest_rendering
from streams.artifact_shelf import load_from
from streams.recording.event_file import history, write_recording
from streams.replay.verify import verify
from streams.store.memory_store import MemoryStore
from tests.streams.replay.logs import input_records, recorded, score_records
from tests.support.leads.vendor import vendor_events
from tests.support.roles import Clock, Roles
from training.dataset.folder import read_examples
from training.dataset.manifest import Split
from training.evaluation.served import score_artifact

pytestmark = [pytest.mark.train, pytest.mark.slow]

N_LEADS, SEED = 700, 11
N_LIVE = 40
SEARCH = ("--trials", "2", "--seed", "3")


def asllr(*words: str | Path) -> Result:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result


@dataclass(frozen=True)
class Vendor:
    """What the tests share. `report` is of the recommended model."""

    events: list[EventBase]
    recording: Path
    dataset: Path
    artifact: Path
    report: dict[str, Any]


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Vendor:
    folder = tmp_path_factory.mktemp("vendor")
    events = vendor_events(folder, N_LEADS, SEED)
    recording, dataset, artifact = (folder / name for name in ("leads.jsonl", "d", "best"))
    write_recording(recording, map(history, events))
    asllr("dataset", recording, "--out", dataset, "--as-of", "after-call")
    fit = partial(asllr, "baseline", dataset, "--out", artifact, *SEARCH, "--min-positives", "30")
    return Vendor(events, recording, dataset, artifact, json.loads(fit("--json").stdout))


def test_without_a_name_the_model_of_least_loss_is_fitted_and_says_why(vendor: Vendor) -> None:
    assert vendor.report["baseline"] in (
        "logistic",
        "logistic_words",
        "tree_fields",
        "tree_words",
    )
    assert vendor.report["why"].startswith(f"{vendor.report['baseline']} has the least log loss")
    assert vendor.report["baseline"] == "tree_words", "the budget is only ever spoken of"
    assert vendor.report["test_auc"] > 0.8
    card = (vendor.artifact / "README.md").read_text(encoding="utf-8")
    assert "own fields (contract_ends, industry, seats), counts and times and the words" in card


@pytest.mark.parametrize(
    "name", ["logistic", "logistic_words", "tree_fields", "tree_words", "tree_rank"]
)
def test_what_compare_shows_is_what_the_artifact_gives(
    vendor: Vendor, name: str, tmp_path: Path
) -> None:
    fit = ("baseline", name, vendor.dataset, "--out", tmp_path / "served", "--min-positives", "30")
    report = json.loads(asllr(*fit, *SEARCH, "--json").stdout)
    examples, _ = read_examples(vendor.dataset, newest_rendering(pack("auto")))
    test = examples.of(Split.TEST)
    served = score_artifact(
        tmp_path / "served", test, n_processes=1, report=lambda done, total: None
    )
    assert auc(served.scores, test.label) == pytest.approx(report["test_auc"], abs=1e-4)
    compared = ("compare", tmp_path / "served", "--against", name, "--dataset", vendor.dataset)
    said = json.loads(asllr(*compared, "--trials", "2", "--seed", "3", "--json").stdout)
    figures = [model["metrics"]["auc"]["interval"]["value"] for model in said["models"]]
    assert figures[0] == pytest.approx(figures[1], abs=1e-4)


def test_the_artifact_is_served_live_and_its_scores_are_verified(
    vendor: Vendor, tmp_path: Path
) -> None:
    scorer = load_from([vendor.artifact.parent], digest(vendor.artifact))
    clock = Clock()
    roles = Roles(MemoryStore(clock.now_ms), clock, 2, scorers=(scorer,))
    roles.promote(scorer.digest)
    roles.copied()
    accounts = {f"acct-{number}" for number in range(N_LIVE)}
    roles.ingest(*(event for event in vendor.events if event.lead in accounts))
    roles.settle(roles.worker(), roles.publisher())
    assert roles.differences() == []
    log = recorded(tmp_path / "day", [*input_records(roles), *score_records(roles)])
    verified = verify(log, {scorer.digest: scorer}.get)
    assert verified.differences == []
    assert verified.n_scores > 0


def test_explain_names_fields_and_words_as_they_were_written(vendor: Vendor) -> None:
    examples, _ = read_examples(vendor.dataset, newest_rendering(pack("auto")))
    test = examples.of(Split.TEST)
    spoke = ["budget is approved" in test.prompt_of(row) for row in range(len(test))]
    lead = f"{test.tenant[0]}/{test.lead[int(np.argmax(spoke))]}"
    words = ("explain", lead, "--source", vendor.recording, "--artifact", vendor.artifact)
    said = json.loads(asllr(*words, "--json").stdout)
    fields = {one["name"] for one in said["columns"] if not one["is_word"]}
    spoken = {one["name"] for one in said["columns"] if one["is_word"]}
    assert {"industry", "seats", "contract_ends", "counts and times", "words"} <= fields
    assert {"budget", "approved"} <= spoken
    by_name = {one["name"]: one["effect"] for one in said["columns"]}
    assert by_name["words"] > 0, "who says that the budget is approved buys more often"
    text = asllr(*words, "--top", "40").stdout
    assert "What own fields and other columns are worth" in text
    assert " words: " in text
    assert "the word '" in text


def test_the_recommended_one_is_served_by_an_engine_of_the_base_install(vendor: Vendor) -> None:
    assert load_manifest(vendor.artifact).engine.value in ("trees", "linear")

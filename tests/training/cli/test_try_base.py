"""`asllr try --base`: a language model that is heard only where it is surely ahead, reads a bounded
number of leads, and reads none twice. The base is a tiny one of random weights."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

from click.testing import CliRunner, Result

from asllr import main
from schemas.ids import LeadKey
from scoring.artifact import EngineKind, load_manifest
from scoring.backtest.learning import BaseFinding, BaseRequest, LearnRequest
from scoring.domain.reading import pack
from scoring.engines.loading import load_scorer
from scoring.prompt.rendering import Rendering, language_model_rendering
from streams.importers.tables.events import TENANT, Read
from streams.importers.tables.exports import read_exports
from streams.importers.tables.fields import FieldsRead
from streams.importers.tables.mapping import Purpose
from tests.support.leads.planted import SMALL_TALK, planted_leads
from tests.training.model.tiny import save_base
from training.baselines.baseline import TRAIN_AND_VALIDATION, Budget
from training.baselines.fitted import calibrate
from training.baselines.logistic import fit_logistic_words
from training.cli.try_base import AddedBase
from training.cli.try_work import FittedBaseline, in_folds_of, learn_own
from training.dataset.manifest import Split
from training.frozen.beside import (
    MAX_READ,
    ORDERS_SHARE,
    Beside,
    OpenedBase,
    Rival,
    drawn,
    fit_beside,
    places_in,
)
from training.model.hub import Hub

pytestmark = [pytest.mark.train, pytest.mark.slow]

N_LEADS = 240
SAID = (lambda line: None, lambda what: lambda done, total: None)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_base(tmp_path_factory.mktemp("base") / "tiny", "qwen3")


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Planted leads as an export without a date: a row a lead is fast."""
    folder, leads = tmp_path_factory.mktemp("exports"), planted_leads(1, N_LEADS)
    won = [[lead.name, "yes" if lead.ordered_at else "no"] for lead in leads]
    rows = {
        "leads": [
            ["Lead ID", "Branche", "Kam über"],
            *([k.name, k.branch, k.route] for k in leads),
        ],
        "outcomes": [["Lead ID", "Won"], *won[: N_LEADS - 20]],
        "calls": [["Lead ID", "Transcript"]],
    }
    for lead in leads:
        talk = "\n".join(f"Customer: {line}" for line in (*lead.said, *SMALL_TALK[:1]))
        rows["calls"].append([lead.name, f"Agent: Guten Tag.\n{talk}"])
    paths = {kind: folder / f"{kind}.csv" for kind in rows}
    for kind, path in paths.items():
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows[kind])
    return paths


def rendering() -> Rendering:
    return language_model_rendering(pack("generic"))


@pytest.fixture(scope="module")
def read(exports: dict[str, Path]) -> Read:
    fields = FieldsRead.of(rendering().features)
    return read_exports(exports, None, fields, datetime.now(UTC), Purpose.LEARN).read


def terms_of(read: Read, baseline: str, base: BaseRequest | None = None) -> LearnRequest:
    won = {LeadKey(TENANT, lead): is_won for lead, is_won in read.won.items()}
    return LearnRequest(rendering(), won, baseline=baseline, base=base)


class Seen:
    """Adds a base and keeps what it was added to."""

    def __init__(self, request: BaseRequest) -> None:
        self.add = AddedBase(request, SAID)
        self.learned: FittedBaseline | None = None

    def __call__(self, learned: FittedBaseline, terms: LearnRequest, out: Path) -> BaseFinding:
        self.learned = learned
        return self.add(learned, terms, out)


@pytest.fixture(scope="module")
def heard(
    read: Read, base: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, FittedBaseline, Path]:
    """An artifact that an earlier fit wants to hear the base, what it stands beside, and where the
    states are kept."""
    folder = tmp_path_factory.mktemp("heard")
    request = BaseRequest(base, folder / "states", is_heard=True)
    terms = terms_of(read, "logistic", request)
    seen = Seen(request)
    model = learn_own(read.events, terms, folder / "own", SAID, seen)
    assert model.base is not None
    assert model.base.is_heard
    assert "is heard beside words" in model.base.sentence
    assert seen.learned is not None
    return folder / "own", seen.learned, folder / "states"


def again(learned: FittedBaseline, base: Path, states: Path) -> Beside:
    in_folds = in_folds_of(learned)
    assert in_folds is not None
    words = fit_logistic_words(learned.examples, Budget(8), lambda line: None)
    opened = OpenedBase(Hub(str(base)), states)
    return fit_beside(learned.examples, Rival("logistic", in_folds, words), opened, Budget(8), SAID)


def test_what_is_served_says_what_was_fitted(
    heard: tuple[Path, FittedBaseline, Path], base: Path
) -> None:
    out, learned, states = heard
    files = {file: file.stat().st_mtime_ns for file in states.rglob("*.safetensors")}
    beside = again(learned, base, states)
    assert files
    assert files == {file: file.stat().st_mtime_ns for file in states.rglob("*.safetensors")}
    scorer = load_scorer(out)
    assert load_manifest(out).engine in (EngineKind.STACK, EngineKind.ONNX)
    assert "Branche" in scorer.spec.rendering.own_fields
    few = beside.examples.take(np.arange(0, len(beside.examples), 5))
    inputs = list(few.inputs(scorer.spec, scorer.columns))
    served = np.array(scorer.engine.logits(inputs))
    fitted = beside.combined.logits(few, beside.states[::5])
    assert np.abs(served - fitted).max() < 2e-3
    logits, rows = beside.logits_to_calibrate(), beside.examples
    is_early = np.isin(rows.split, [split.value for split in TRAIN_AND_VALIDATION])
    assert logits[is_early].tolist() == beside.in_folds.tolist()
    all_calibrate = replace(rows, split=np.full(len(rows), Split.CALIBRATE.value))
    assert scorer.calibration == calibrate(logits, all_calibrate)


def test_a_base_that_is_not_surely_ahead_is_left_out_and_costs_nothing_but_time(
    read: Read, base: Path, tmp_path: Path
) -> None:
    """Of random weights, beside the words that decide."""
    request = BaseRequest(base, tmp_path / "states")
    plain = terms_of(read, "logistic_words")
    without = learn_own(read.events, plain, tmp_path / "without", SAID)
    terms = replace(plain, base=request)
    model = learn_own(read.events, terms, tmp_path / "own", SAID, AddedBase(request, SAID))
    assert model.base is not None
    assert not model.base.is_heard
    assert "is left out" in model.base.sentence
    assert replace(model, base=None) == without
    scorers = [load_scorer(tmp_path / name) for name in ("without", "own")]
    assert scorers[0].calibration == scorers[1].calibration


def test_it_reads_a_bounded_number_of_rows_that_stand_for_all(
    heard: tuple[Path, FittedBaseline, Path],
) -> None:
    _, learned, _ = heard
    whole = learned.examples
    many = whole.take(np.tile(np.arange(len(whole)), 1 + 3 * MAX_READ // len(whole)))
    rows, some = drawn(many, np.random.default_rng(0))
    assert len(rows) == len(some) == MAX_READ
    assert some.label.sum() <= ORDERS_SHARE * MAX_READ
    for label in (0, 1):
        stand_for = some.weight[some.label == label].sum()
        assert stand_for == pytest.approx(many.weight[many.label == label].sum(), rel=0.1)
    assert (np.diff(rows) > 0).all()
    early = [split.value for split in TRAIN_AND_VALIDATION]
    at = places_in(np.isin(many.split, early), rows)
    of_early, some_early = many.of(*TRAIN_AND_VALIDATION), some.of(*TRAIN_AND_VALIDATION)
    assert [of_early.lead[place] for place in at] == [*some_early.lead]
    all_rows, same = drawn(whole.take(np.arange(100)), np.random.default_rng(0))
    assert len(all_rows) == 100
    assert same.weight.tolist() == whole.weight[:100].tolist()


def test_a_base_that_cannot_hold_a_lead_costs_only_the_base(read: Read, tmp_path: Path) -> None:
    short = save_base(tmp_path / "short", "qwen3", max_tokens=64)
    request = BaseRequest(short, tmp_path / "states")
    terms = terms_of(read, "logistic", request)
    model = learn_own(read.events, terms, tmp_path / "own", SAID, AddedBase(request, SAID))
    assert model.base is not None
    assert model.base.sentence.startswith("the language model is left out: ")
    assert "64" in model.base.sentence
    assert load_scorer(tmp_path / "own").calibration


def asllr(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["try", *map(str, words)])


def options(paths: dict[str, Path], *kinds: str) -> list[str | Path]:
    return [word for kind in kinds or paths for word in (f"--{kind}", paths[kind])]


def test_the_command_says_what_became_of_the_base(
    exports: dict[str, Path], base: Path, tmp_path: Path
) -> None:
    states, page = tmp_path / "states", tmp_path / "page.html"
    words = ("--base", base, "--states", states, "--report", page, "--json")
    run = asllr(*options(exports), *words)
    assert run.exit_code == 0, run.output
    sentence = json.loads(run.stdout)["own"]["base"]
    assert "the language model tiny is" in sentence
    assert "base: reads" in run.stderr
    assert sentence in page.read_text(encoding="utf-8")
    assert list(states.rglob("*.safetensors"))


@pytest.mark.real_base
@pytest.mark.timeout(900)
def test_a_pre_trained_base_reads_each_lead_once(
    exports: dict[str, Path], smollm2: Path, tmp_path: Path
) -> None:
    words = (*options(exports), "--base", smollm2, "--states", tmp_path / "states", "--json")
    first, second = asllr(*words), asllr(*words)
    assert first.exit_code == 0, first.output
    assert "SmolLM2" in json.loads(first.stdout)["own"]["base"]
    assert "base: moments of leads" in first.stderr
    assert "base: moments of leads" not in second.stderr
    assert second.stdout == first.stdout


def test_without_calls_it_is_said_that_there_is_nothing_to_read(
    exports: dict[str, Path], base: Path
) -> None:
    run = asllr(*options(exports, "leads", "outcomes"), "--base", base, "--json")
    assert run.exit_code == 0, run.output
    sentence = json.loads(run.stdout)["own"]["base"]
    assert sentence.startswith("the base has nothing to read: no call has a transcript")
    assert sentence in run.stderr.splitlines()
    assert "base: reads" not in run.stderr


BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
from asllr import main
main(["try", *sys.argv[2:]])
"""


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_without_the_extra_it_says_how_to_get_it_before_a_file_is_read(
    package: str, base: Path, tmp_path: Path
) -> None:
    (leads := tmp_path / "leads.csv").write_bytes(b"")  # which would be refused when it is read
    command = [sys.executable, "-c", BLOCKED, package, "--leads", str(leads), "--base", str(base)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 78
    (line,) = run.stderr.splitlines()
    assert f"{package} is not installed; pip install 'asllr[train]'" in line


@contextmanager
def empty_leads(folder: Path) -> Iterator[Path]:
    (leads := folder / "leads.csv").write_bytes(b"")
    yield leads


def test_a_folder_that_is_no_base_and_options_that_contradict_are_one_sentence(
    base: Path, tmp_path: Path
) -> None:
    (tmp_path / "none").mkdir()
    with empty_leads(tmp_path) as leads:
        cases = {
            ("--base", tmp_path / "none"): (78, "--base: "),
            ("--base", tmp_path / "not there"): (2, "does not exist"),
            ("--states", tmp_path / "s"): (2, "name it with --base"),
            ("--base", base, "--artifact", "demo"): (2, "leave --artifact or --base out"),
        }
        for words, (code, sentence) in cases.items():
            run = asllr("--leads", leads, *words)
            assert run.exit_code == code, run.output
            assert sentence in run.stderr
            assert "Traceback" not in run.output

"""A base with turns of its own, imported, fitted, loaded and scored with the commands of a user."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra")

from click.testing import CliRunner

from asllr import main
from scoring.artifact import MANIFEST, EngineKind, load_manifest
from scoring.engines.loading import load_scorer
from scoring.lead.history import history_of
from scoring.lead.state_bytes import from_bytes
from tests.training.model.tiny import TOKEN_BUDGET, read_dataset, save_base, save_dataset

pytestmark = [pytest.mark.train, pytest.mark.slow]

TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ '[INST] ' + "
    "message['content'] + ' [/INST]' }}{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}"
    "{% endfor %}"
)


def run(*arguments: object) -> str:
    done = CliRunner().invoke(main, [str(each) for each in arguments])
    assert done.exit_code == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imported")
    source = save_base(folder / "wordy")
    (source / "README.md").write_text("---\nlicense: apache-2.0\n---\n", encoding="utf-8")
    (folder / "template").write_text(TEMPLATE, encoding="utf-8")
    told = run(
        *("base", "import", source, "--out", folder / "base", "--json"),
        *("--chat-template", folder / "template"),
    )
    record = json.loads(told.splitlines()[-1])
    assert record == json.loads((folder / "base" / "base.json").read_text(encoding="utf-8"))
    assert record["turns"]["reserved"] == ["[/INST]", "[INST]"]
    return folder / "base"


@pytest.fixture(scope="module")
def artifact(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fitted")
    dataset, out = save_dataset(folder / "dataset"), folder / "artifact"
    settings = ("--rank", 2, "--min-positives", 20, "--precision", "fp32", "--threads", 1)
    settings += ("--start", "last-layer")
    run("fit", dataset, "--base", base, "--out", out, "--token-budget", TOKEN_BUDGET, *settings)
    return out


def test_an_artifact_carries_the_turns_of_its_base(artifact: Path) -> None:
    manifest = load_manifest(artifact)
    assert (manifest.turns.opening, manifest.turns.marker) == ("[INST] ", " [/INST]")
    scorer = load_scorer(artifact)
    examples, _ = read_dataset(artifact.parent / "dataset")
    history, as_of_ms = history_of(from_bytes(examples.state[0])), int(examples.as_of_ms[0])
    read = scorer.read(history, as_of_ms)
    assert read.prompt.startswith("[INST] ")
    assert read.prompt.endswith(" [/INST]")
    assert len(scorer.engine.logits([read])) == 1


def test_the_graph_reads_as_the_reference_does(artifact: Path) -> None:
    """Checked at export with the artifact's own marker."""
    manifest = load_manifest(artifact)
    assert manifest.engine is EngineKind.ONNX
    assert manifest.agreement is not None


def test_report_and_card_say_where_the_base_came_from(artifact: Path, base: Path) -> None:
    report = json.loads((artifact / "report.json").read_text(encoding="utf-8"))["base"]
    record = json.loads((base / "base.json").read_text(encoding="utf-8"))
    assert (report["name"], report["licence"]) == ("wordy", "apache-2.0")
    assert (report["source"], report["source_sha256"]) == ("folder wordy", record["sha256"])
    card = (artifact / "README.md").read_text(encoding="utf-8")
    assert "The licence of the base\napplies: apache-2.0." in card
    assert f"imported from folder wordy, sha256 `{record['sha256']}`" in card
    named = json.loads((artifact / MANIFEST).read_text(encoding="utf-8"))["base"]
    assert named["name"] == "wordy"
    assert named["revision"].startswith("sha256-")

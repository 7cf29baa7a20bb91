"""The artifact folder: what is checked before a model may score, and what names it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from scoring.artifact import (
    DOMAIN,
    MANIFEST,
    ArtifactError,
    BaseModelName,
    DataWindow,
    EngineAgreement,
    EngineKind,
    Manifest,
    digest,
    load_manifest,
    load_rendering,
    save_domain,
    save_manifest,
)
from scoring.calibration import Calibration
from scoring.domain.reading import pack
from scoring.prompt.rendering import Rendering, first_rendering
from scoring.prompt.turns import CHATML, Turns
from tests.scoring.histories import START

AUTO = first_rendering()


def manifest(**fields: Any) -> Manifest:
    declared: dict[str, Any] = {
        "name": "demo",
        "engine": EngineKind.ONNX,
        "prompt_id": AUTO.prompt_id,
        "features_id": AUTO.features_id,
        "token_budget": 256,
        "horizon_days": AUTO.domain.horizon_days,
        "calibration": Calibration(a=0.9, b=-0.1),
        "agreement": EngineAgreement(
            reference=EngineKind.TORCH,
            served=EngineKind.ONNX,
            max_logit_difference=0.05,
            n_prompts=500,
        ),
        "label": "an order within 14 days",
        "base": BaseModelName(name="demo-base", revision="1"),
        "data_window": DataWindow(start=START, end=START),
        "metrics": {"expected_auc": 0.8},
        "files": {},
    }
    return Manifest(**(declared | fields))


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    path = tmp_path / "demo"
    (path / "lm").mkdir(parents=True)
    (path / "lm" / "model.onnx").write_bytes(b"weights")
    (path / "README.md").write_text("card", encoding="utf-8")
    save_manifest(path, manifest(), ["README.md", "lm/model.onnx"])
    return path


def edit(path: Path, **fields: object) -> None:
    content = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    (path / MANIFEST).write_text(json.dumps(content | fields), encoding="utf-8")


def test_what_was_saved_is_loaded(artifact: Path) -> None:
    loaded = load_manifest(artifact)
    assert sorted(loaded.files) == ["README.md", "lm/model.onnx"]
    assert loaded == manifest(files=loaded.files)


def test_an_artifact_of_another_horizon_is_served_with_it(artifact: Path) -> None:
    edit(artifact, horizon_days=30)
    assert load_manifest(artifact).horizon_days == 30


def test_turns_are_written_where_they_are_not_chatml(artifact: Path) -> None:
    """An artifact from before bases had turns of their own keeps its bytes and its digest."""
    assert "turns" not in json.loads((artifact / MANIFEST).read_text(encoding="utf-8"))
    assert load_manifest(artifact).turns == CHATML
    named = digest(artifact)
    own = Turns(opening="<s>[INST] ", marker=" [/INST]", reserved=("[/INST]", "[INST]"))
    save_manifest(artifact, manifest(turns=own), ["README.md", "lm/model.onnx"])
    assert load_manifest(artifact).turns == own
    assert digest(artifact) != named
    save_manifest(artifact, manifest(turns=Turns()), ["README.md", "lm/model.onnx"])
    assert digest(artifact) == named


def test_digest_names_the_content_and_not_the_place(artifact: Path, tmp_path: Path) -> None:
    named = digest(artifact)
    copied = shutil.copytree(artifact, tmp_path / "elsewhere")
    (copied / ".DS_Store").write_bytes(b"not of the artifact")
    assert digest(copied) == named
    (copied / "lm" / "model.onnx").write_bytes(b"other weights")
    save_manifest(copied, manifest(), ["README.md", "lm/model.onnx"])
    assert digest(copied) != named


def test_digest_covers_the_manifest(artifact: Path) -> None:
    named = digest(artifact)
    edit(artifact, calibration={"a": 1.0, "b": 0.0})
    assert digest(artifact) != named


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"prompt_id": "old"}, f"prompt_id old, .* domain auto give {AUTO.prompt_id}"),
        ({"features_id": "old"}, f"features_id old, .* domain auto give {AUTO.features_id}"),
        ({"renderer": 7}, "renderer 7 is unknown, this build has 1, 2, 3; run the version"),
        ({"format": 2}, "not a manifest of format 1: format"),
        ({"unheard_of": 1}, "unheard_of"),
        ({"files": {"../outside": "0" * 64}}, "not a plain path"),
    ],
)
def test_an_artifact_of_another_build_is_refused_with_a_reason(
    artifact: Path, fields: dict[str, object], says: str
) -> None:
    edit(artifact, **fields)
    with pytest.raises(ArtifactError, match=says):
        load_manifest(artifact)


def test_missing_and_altered_files_are_named(artifact: Path) -> None:
    (artifact / "lm" / "model.onnx").write_bytes(b"tampered")
    with pytest.raises(ArtifactError, match=r"lm/model\.onnx of artifact demo .* has sha256"):
        load_manifest(artifact)
    (artifact / "lm" / "model.onnx").unlink()
    with pytest.raises(ArtifactError, match=r"lacks lm/model\.onnx"):
        load_manifest(artifact)


def test_a_folder_without_manifest_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="make demo-model"):
        load_manifest(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_manifest_that_is_no_json_is_an_artifact_error(artifact: Path, content: bytes) -> None:
    (artifact / MANIFEST).write_bytes(content)
    with pytest.raises(ArtifactError, match="is not a manifest"):
        load_manifest(artifact)


@pytest.mark.parametrize("name", ["/etc/passwd", "a/../b", "./a", MANIFEST, ""])
def test_files_stay_inside_the_folder(name: str) -> None:
    with pytest.raises(ValidationError):
        manifest(files={name: "0" * 64})


SOFTWARE = Rendering(1, pack("software"))


@pytest.fixture
def of_software(tmp_path: Path) -> Path:
    path = tmp_path / "software"
    path.mkdir()
    (path / "model.onnx").write_bytes(b"weights")
    save_domain(path, SOFTWARE)
    ids = {"prompt_id": SOFTWARE.prompt_id, "features_id": SOFTWARE.features_id}
    save_manifest(path, manifest(**ids), [DOMAIN, "model.onnx"])
    return path


def test_an_artifact_is_read_as_its_own_domain_says(of_software: Path) -> None:
    assert load_rendering(of_software, load_manifest(of_software)) == SOFTWARE


def test_an_artifact_without_a_domain_is_of_auto(artifact: Path) -> None:
    assert load_rendering(artifact, load_manifest(artifact)) == AUTO


def test_the_digest_covers_the_domain(of_software: Path) -> None:
    named = digest(of_software)
    other = SOFTWARE.domain.model_copy(update={"horizon_days": 90})
    changed = Rendering(1, other)
    save_domain(of_software, changed)
    ids = {"prompt_id": changed.prompt_id, "features_id": changed.features_id}
    save_manifest(of_software, manifest(**ids), [DOMAIN, "model.onnx"])
    assert digest(of_software) != named


def _edit_domain(path: Path) -> None:
    text = (path / DOMAIN).read_text(encoding="utf-8")
    assert "Will this" in text
    (path / DOMAIN).write_text(text.replace("Will this", "Will that"), encoding="utf-8")


def test_a_domain_that_was_edited_after_training_is_refused(of_software: Path) -> None:
    _edit_domain(of_software)
    with pytest.raises(ArtifactError, match=r"domain\.toml of artifact demo .* has sha256"):
        load_manifest(of_software)


def test_a_domain_that_was_edited_together_with_the_manifest_is_refused(of_software: Path) -> None:
    _edit_domain(of_software)
    save_manifest(of_software, load_json(of_software), [DOMAIN, "model.onnx"])
    with pytest.raises(ArtifactError, match=r"copy the folder with the domain\.toml it was"):
        load_manifest(of_software)


def load_json(path: Path) -> Manifest:
    return Manifest.model_validate_json((path / MANIFEST).read_bytes())


def test_a_domain_that_cannot_be_read_is_named(of_software: Path) -> None:
    (of_software / DOMAIN).write_text("name = ", encoding="utf-8")
    save_manifest(of_software, load_json(of_software), [DOMAIN, "model.onnx"])
    with pytest.raises(ArtifactError, match=r"artifact demo at .*domain\.toml is not TOML"):
        load_manifest(of_software)

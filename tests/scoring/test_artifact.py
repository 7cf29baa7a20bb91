"""The artifact folder: what is checked before a model may score, and what names it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from scoring.artifact import (
    MANIFEST,
    ArtifactError,
    BaseModelName,
    DataWindow,
    EngineAgreement,
    EngineKind,
    Manifest,
    digest,
    load_manifest,
    save_manifest,
)
from scoring.calibration import Calibration
from scoring.prompt.features import FEATURES_ID
from scoring.prompt.prompt import HORIZON_DAYS, PROMPT_ID
from tests.scoring.histories import START


def manifest(**fields: Any) -> Manifest:
    declared: dict[str, Any] = {
        "name": "demo",
        "engine": EngineKind.ONNX,
        "prompt_id": PROMPT_ID,
        "features_id": FEATURES_ID,
        "token_budget": 256,
        "horizon_days": HORIZON_DAYS,
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
        ({"prompt_id": "old"}, f"prompt_id old, this build has {PROMPT_ID}"),
        ({"features_id": "old"}, f"features_id old, this build has {FEATURES_ID}"),
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

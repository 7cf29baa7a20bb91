"""The hand-written pages of docs/reference/ agree with the code where it can be asked."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

from schemas.events import InteractionLogged
from schemas.record_check import decode_recorded
from scoring.artifact import EngineKind, Manifest, demo_artifact_path, load_manifest

REFERENCE = Path(__file__).resolve().parents[2] / "docs/reference"


def _page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def _tables(text: str) -> list[list[list[str]]]:
    """Of each table its rows, the head first, as cells."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [
        [[cell.strip() for cell in row.strip("|").split("|")] for row in block.splitlines()]
        for block in blocks
    ]


def test_every_field_of_an_artifacts_manifest_is_explained() -> None:
    table = next(t for t in _tables(_page("artifact-format.md")) if t[0][0] == "field")
    assert [row[0].strip("`") for row in table[2:]] == list(Manifest.model_fields)


def test_the_demo_artifact_has_the_files_that_its_engine_needs() -> None:
    table = next(t for t in _tables(_page("artifact-format.md")) if t[0][0] == "file")
    engines = [cell.strip("`") for cell in table[0][1:-1]]
    assert sorted(engines) == sorted(EngineKind)
    manifest = load_manifest(demo_artifact_path())
    column = 1 + engines.index(manifest.engine)
    needed = {
        name for row in table[2:] if row[column] == "✓" for name in re.findall(r"`([^`]+)`", row[0])
    }
    held = {*manifest.files, "artifact.json", *(f"{Path(name).parent}/" for name in manifest.files)}
    assert needed - held == set()


def test_the_example_of_a_recorded_event_is_one() -> None:
    example = re.search(
        r'^\{"topic".*"ingested_at".*\}$', _page("recording-format.md"), re.MULTILINE
    )
    assert example
    line = json.loads(example[0])
    ingested_ms = int(datetime.fromisoformat(line["ingested_at"]).timestamp() * 1000)
    event = decode_recorded(line["topic"], ingested_ms, line["event"])
    assert isinstance(event, InteractionLogged)

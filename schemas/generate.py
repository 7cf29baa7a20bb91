"""Writes `schemas/generated/` from the models: `python -m schemas.generate [--check]`.

With `--check` it writes nothing and exits 1, naming each file that is not what it would write.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from schemas.asyncapi import asyncapi_document
from schemas.json_schema import MESSAGES, standalone_schema

FOLDER = Path(__file__).parent / "generated"


def generated_files() -> dict[str, str]:
    """File name -> text: one JSON Schema per message and the AsyncAPI document."""
    documents = {f"{name}.schema.json": standalone_schema(name) for name in MESSAGES}
    documents["asyncapi.json"] = asyncapi_document()
    return {
        name: json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        for name, document in documents.items()
    }


def drifted(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Returns the names of files that are missing, different or no longer generated."""
    present = {path.name: path.read_text() for path in folder.glob("*.json")}
    return sorted(
        name for name in present.keys() | files.keys() if present.get(name) != files.get(name)
    )


def main(arguments: Sequence[str], folder: Path = FOLDER) -> int:
    """Writes or checks the files in `folder`; returns the exit status."""
    if list(arguments) not in ([], ["--check"]):
        sys.stderr.write("usage: python -m schemas.generate [--check]\n")
        return 2
    files = generated_files()
    stale = drifted(folder, files)
    if arguments:
        for name in stale:
            sys.stderr.write(f"{folder / name} has drifted; run `python -m schemas.generate`\n")
        return 1 if stale else 0
    folder.mkdir(exist_ok=True)
    for name in stale:
        if name in files:
            (folder / name).write_text(files[name])
        else:
            (folder / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Writes the parts of the documentation that follow from the code: the command reference, the
settings table and the file map. `--check` changes nothing and exits with 1 when they differ.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from asllr import main as asllr
from streams.settings import markdown_table

ROOT = Path(__file__).resolve().parent.parent
SOURCE_FOLDERS = ("schemas", "scoring", "streams", "training", "docs", "deploy", "tests")
FOLDER_LINES = {
    "tests": "Promises that can fail, in folders that mirror the code.",
    "deploy": "Images, manifests, and the Apache Kafka of the tests.",
    "docs": "What newcomers, users and operators read.",
}


def documents() -> dict[Path, str]:
    """Path -> what it should hold now."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    readme = _between(readme, "settings", markdown_table())
    readme = _between(readme, "files", file_map())
    return {
        ROOT / "README.md": readme,
        ROOT / "docs" / "commands.md": CliRunner().invoke(asllr, ["reference"]).output,
    }


def file_map() -> str:
    """One line per source file, its docstring's first sentence; tests as one line per folder."""
    lines = [f"- `asllr.py`: {_first_sentence(ROOT / 'asllr.py')}"]
    for folder in SOURCE_FOLDERS:
        summary = FOLDER_LINES.get(folder) or _first_sentence(ROOT / folder / "__init__.py")
        lines.append(f"- **`{folder}/`**: {summary}")
        if folder != "tests":
            lines += [f"  - `{path}`: {_first_sentence(ROOT / path)}" for path in _files(folder)]
    return "\n".join(lines)


def _files(folder: str) -> list[Path]:
    """Python files under `folder` that git knows or would add, packages by their __init__."""
    listed = subprocess.run(  # noqa: S603
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", f"{folder}/*.py"],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    top = f"{folder}/__init__.py"
    return [Path(name) for name in sorted(set(listed)) if name != top and (ROOT / name).exists()]


def _first_sentence(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(text.split("\n\n")[0].split())
    return re.split(r"(?<=[.!?])\s", paragraph)[0] or "(no docstring)"


def _between(text: str, name: str, content: str) -> str:
    """`text` with what stands between the markers of `name` replaced."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(end)
    return f"{head}{begin}\n{content}\n{end}{tail}"


def main(arguments: list[str]) -> int:
    differing = [
        (path, content)
        for path, content in documents().items()
        if not path.exists() or path.read_text(encoding="utf-8") != content
    ]
    for path, content in differing:
        name = path.relative_to(ROOT)
        if "--check" in arguments:
            print(f"{name} differs from the code: run `make docs`", file=sys.stderr)
        else:
            path.write_text(content, encoding="utf-8")
            print(f"wrote {name}")
    return 1 if differing and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

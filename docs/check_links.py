"""Finds what the documents and the docstrings name and what is not there: links and anchors of the
Markdown pages, paths, and dotted names of modules. Prints `file:line: message` for each, exits with
1 when there is one.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("schemas", "scoring", "streams", "training", "docs", "deploy", "tests", ".ci")
PACKAGES = ("schemas", "scoring", "streams", "training", "tests")
NOT_OURS = ("scoring/artifacts/", "tests/data/", "tests/fuzz/corpus/")
"""Cards of models and data as they were made: an artifact's digest holds every byte of them."""

WHOLE_TEXT = (".lua", ".toml", ".mk", ".yml", ".yaml", ".sh", ".properties", ".xml")
NOT_TEXT = ("requirements-dev.lock",)
OF_ARTIFACTS = frozenset({"MODEL_CARD.md"})
"""Names in capitals of files that asllr writes, and that are not in the repository."""

_SUFFIX = r"(?:py|md|lua|toml|json|xml|properties|yml|yaml|sh|html|css|js|jinja|onnx|txt|lock)"
_PATH = re.compile(
    r"(?<![\w/.~$}>-])((?:" + "|".join(map(re.escape, FOLDERS)) + r")/[\w./*-]*)(?![\w/<{$…])"
)
_CAPITALS = re.compile(r"(?<![\w/.-])([A-Z][A-Z_]+\.md)\b")
_DOTTED = re.compile(r"`((?:" + "|".join(PACKAGES) + r")(?:\.\w+)+)(?:\(.*?\))?`")
_RUN = re.compile(r"\bpython3? -m ((?:" + "|".join(PACKAGES) + r")(?:\.\w+)*)")
_LINK = re.compile(r"(?<!\\)\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^\s)>]*)>?[^)]*\)")
_DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?\s*$")
_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_FENCE = re.compile(r"^\s*(```+|~~~+)")
_ID = re.compile(r"""<a\s+(?:id|name)=["']([^"']+)["']""")


@dataclass(frozen=True, slots=True)
class Finding:
    file: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


def check(root: Path, files: Iterable[Path]) -> list[Finding]:
    """`files` are below `root`, by relative path."""
    found: list[Finding] = []
    for file in files:
        text = (root / file).read_text(encoding="utf-8")
        if file.suffix == ".md":
            found += _check_links(root, file, text)
        for number, line in _prose(file, text):
            for message in _missing(root, line):
                found.append(Finding(file, number, message))
    return sorted(found, key=lambda one: (one.file, one.line))


def _prose(file: Path, text: str) -> Iterator[tuple[int, str]]:
    """(line number, text) of what is written for people: all of a page, of a Python file its
    docstrings and comments."""
    if file.suffix != ".py":
        yield from enumerate(text.splitlines(), start=1)
        return
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                last = node.end_lineno or node.lineno
                for number in range(node.lineno, last + 1):
                    yield number, lines[number - 1]
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _missing(root: Path, line: str) -> Iterator[str]:
    for path in _PATH.findall(line):
        if not _is_path(root, path.rstrip(".-")):
            yield f"no such file or folder: {path.rstrip('.-')}"
    for name in _CAPITALS.findall(line):
        if name not in OF_ARTIFACTS and not (root / name).exists():
            yield f"no such file: {name}"
    for name in _DOTTED.findall(line):
        if (why := _unresolved(root, name)) is not None:
            yield why
    for name in _RUN.findall(line):
        if _module(root, name.split(".")) is None:
            yield f"no such module: {name}"


def _is_path(root: Path, path: str) -> bool:
    """Whether `path` is there, or does not claim to be: `scoring/fold` may be anything."""
    claims = path.endswith("/") or re.search(rf"\.{_SUFFIX}$", path)
    if not claims:
        return True
    if "*" in path:
        return any(root.glob(path))
    return (root / path).exists() or _is_ignored(root, path)


@lru_cache(maxsize=1_000)
def _is_ignored(root: Path, path: str) -> bool:
    """What is made here and not kept: `deploy/kafka/libs/`."""
    asked = ["git", "check-ignore", "--quiet", "--no-index", path]
    return subprocess.run(asked, cwd=root, capture_output=True).returncode == 0  # noqa: S603


def _unresolved(root: Path, name: str) -> str | None:
    """What is wrong with the dotted name of a module, or of what a module defines."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        module = _module(root, parts[:n])
        if module is None:
            continue
        attributes = parts[n:]
        if not attributes or _defines(module, attributes):
            return None
        if module.suffix == ".py" and module.name != "__init__.py":
            return f"{module.relative_to(root)} does not define {'.'.join(attributes)}"
        break
    return f"no such module: {name}"


def _module(root: Path, parts: list[str]) -> Path | None:
    """The file of a module or package; a folder without `__init__.py` counts as itself."""
    path = root.joinpath(*parts)
    for file in (path.with_name(path.name + ".py"), path / "__init__.py", path):
        if file.is_file() or (file.is_dir() and any(file.iterdir())):
            return file
    return None


def _defines(module: Path, attributes: list[str]) -> bool:
    if module.is_dir():
        return False
    body = ast.parse(module.read_text(encoding="utf-8")).body
    for position, name in enumerate(attributes):
        defined = _names(body)
        if name not in defined:
            return False
        inner = defined[name]
        if not isinstance(inner, ast.ClassDef):
            return position == len(attributes) - 1
        body = inner.body
    return True


def _names(body: Iterable[ast.stmt]) -> dict[str, ast.stmt]:
    found: dict[str, ast.stmt] = {}
    for node in body:
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                found[node.name] = node
            case ast.Assign():
                found |= {
                    target.id: node for target in node.targets if isinstance(target, ast.Name)
                }
            case ast.AnnAssign(target=ast.Name(name)):
                found[name] = node
            case ast.ImportFrom() | ast.Import():
                found |= {alias.asname or alias.name: node for alias in node.names}
            case ast.Try() | ast.If():
                found |= _names([*node.body, *node.orelse])
    return found


def _check_links(root: Path, file: Path, text: str) -> Iterator[Finding]:
    for number, line in _outside_code(text):
        bare = re.sub(r"`[^`]*`", lambda code: "x" * len(code[0]), line)
        targets = [*_LINK.findall(bare), *_DEFINITION.findall(bare)]
        for target in targets:
            if (why := _broken(root, file, target)) is not None:
                yield Finding(file, number, why)


def _broken(root: Path, file: Path, target: str) -> str | None:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return None
    if not target:
        return "a link to nothing"
    path = unquote(parts.path)
    if path.startswith("/"):
        return f"a link from the root does not work on every site: {target}"
    page = (root / file).parent / path if path else root / file
    if not page.resolve().is_relative_to(root.resolve()) or not page.exists():
        return f"no such file or folder: {target}"
    if parts.fragment and page.suffix == ".md":
        anchors = anchors_of(page.read_text(encoding="utf-8"))
        if unquote(parts.fragment) not in anchors:
            return f"no such heading: {target}"
    return None


def anchors_of(text: str) -> set[str]:
    """What `#...` may name in a Markdown page, as GitHub and the site make it of headings."""
    found: set[str] = set()
    for _, line in _outside_code(text):
        found.update(_ID.findall(line))
        if heading := _HEADING.match(line):
            words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading[2])
            slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            n = 0
            while (anchor := f"{slug}-{n}" if n else slug) in found:
                n += 1
            found.add(anchor)
    return found


def _outside_code(text: str) -> Iterator[tuple[int, str]]:
    fence = ""
    for number, line in enumerate(text.splitlines(), start=1):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif mark:
            fence = mark[1]
        else:
            yield number, line


def our_files(root: Path) -> list[Path]:
    """What git knows or would add and a person reads: pages, code, scripts."""
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(  # noqa: S603
        asked, cwd=root, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return [
        path
        for path in map(Path, sorted(set(listed)))
        if (path.suffix in (".py", ".md", *WHOLE_TEXT) or path.name in ("Makefile", "run"))
        and path.name not in NOT_TEXT
        and not path.as_posix().startswith(NOT_OURS)
        and (root / path).is_file()
    ]


def main() -> int:
    found = check(ROOT, our_files(ROOT))
    for one in found:
        print(one, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

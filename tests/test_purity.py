"""The core is pure: `schemas` and `scoring` cannot reach a clock, a socket, the environment or
global random numbers, because they do not import what would give them one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMPURE = frozenset(
    {
        *("asyncio", "logging", "multiprocessing", "os", "random", "secrets", "signal", "socket"),
        *("subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid", "http", "ssl"),
        *("click", "confluent_kafka", "faust", "redis", "requests", "rich"),
    }
)
CLOCKS = frozenset({"now", "utcnow", "today"})
TOOLS = frozenset({"schemas/generate.py"})
"""Programs that stand beside the code they generate from: run by people, imported by nothing."""


def _core() -> Iterator[tuple[str, ast.Module]]:
    for folder in ("schemas", "scoring"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if name not in TOOLS:
                yield name, ast.parse(path.read_text(encoding="utf-8"))


def _imports(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


def test_the_core_imports_nothing_that_does_io() -> None:
    found = {name: _imports(tree) & IMPURE for name, tree in _core()}
    assert {name: modules for name, modules in found.items() if modules} == {}


def test_the_core_asks_no_clock_and_no_global_random_numbers() -> None:
    found = []
    for name, tree in _core():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute):
                continue
            owner = node.value
            is_clock = node.attr in CLOCKS and isinstance(owner, ast.Name | ast.Attribute)
            is_global_rng = ast.unparse(node) == "np.random" and not _is_type(tree, node)
            if is_clock or is_global_rng:
                found.append(f"{name}:{node.lineno} {ast.unparse(node)}")
    assert found == []


def _is_type(tree: ast.Module, node: ast.Attribute) -> bool:
    """`np.random.Generator` names a type; anything else of `np.random` draws or seeds."""
    return any(
        isinstance(outer, ast.Attribute) and outer.value is node and outer.attr == "Generator"
        for outer in ast.walk(tree)
    )


def test_the_core_prints_nothing_and_reads_no_input() -> None:
    calls = [
        f"{name}:{node.lineno}"
        for name, tree in _core()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("print", "input", "open", "exec", "eval")
    ]
    assert calls == []

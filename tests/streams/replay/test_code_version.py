"""The code version is of all code that a replayed score and rank follow from: every room that a
replay reaches by its imports is hashed, or listed here with the reason why it decides nothing."""

from __future__ import annotations

import ast
from pathlib import Path

from scoring.domain.reading import pack_names
from streams.replay.code_version import MODULES, PACKAGES, sources

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("schemas", "scoring", "streams")
BEGINNINGS = ("streams.replay.replay", "streams.replay.verify", "streams.backtest")

PACKAGES_HASHED = set(PACKAGES)

DECIDES = {
    "schemas": "what an event is",
    "scoring": "score, calibration, ranking, artifact",
    "scoring.domain": "what is declared of a business",
    "scoring.domain.packs": "the domain of artifacts that carry none",
    "scoring.lead": "the fold",
    "scoring.prompt": "what a model reads",
    "scoring.columns": "what a table's model reads",
    "scoring.engines": "what a model says",
    "scoring.explain": "what a faithful reason says",
    "streams.recording": "the order in which events come in",
    "streams.replay": "who is scored when",
    "streams.backtest": "who is on a list",
}
DECIDES_NOTHING = {
    "scoring.backtest": "judges lists that are made",
    "scoring.metrics": "judges scores that are made",
    "scoring.report": "says what was computed",
    "streams": "finds artifacts, waits, names exit codes",
    "streams.kafka": "carries the lines of a shadow topic",
    "streams.oracle": "compares what was published with what is computed",
    "streams.publish": "names the headers of what was published",
    "streams.replay.sinks": "carries lines that are made",
    "streams.store": "keeps states; what a board decides is hashed by file",
}


def _modules() -> dict[str, Path]:
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    dotted = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in paths}
    return {name.removesuffix(".__init__"): path for name, path in dotted.items()}


def _imports(path: Path, modules: dict[str, Path]) -> set[str]:
    named: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            named |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return named & modules.keys()


def _reached() -> set[str]:
    """Every module that a replay can load, lazy imports too."""
    modules = _modules()
    assert modules.keys() >= set(BEGINNINGS)
    waiting = [name for name in modules if name.startswith(BEGINNINGS)]
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += _imports(modules[name], modules)
    return reached


def _room(module: str) -> str:
    is_package = _modules()[module].name == "__init__.py"
    return module if is_package else module.rpartition(".")[0]


def test_every_room_that_a_replay_reaches_is_hashed_or_decides_nothing() -> None:
    rooms = {_room(module) for module in _reached()}
    assert "scoring.engines" in rooms
    assert rooms - PACKAGES_HASHED - DECIDES_NOTHING.keys() == set()


def test_every_room_that_decides_is_hashed() -> None:
    assert DECIDES.keys() == PACKAGES_HASHED
    assert set(MODULES) == {("streams.store", "board.py"), ("streams.store", "memory_board.py")}


def test_every_room_of_the_core_is_known_to_decide_or_not() -> None:
    """A new folder of `scoring` must be put into one of the two lists."""
    core = {_room(module) for module in _modules() if module.startswith(("schemas", "scoring"))}
    not_reached = {
        "scoring.draft": "proposes a domain, for a person to read",
    }
    assert core - DECIDES.keys() - DECIDES_NOTHING.keys() - not_reached.keys() == set()


def test_the_packs_are_hashed() -> None:
    told = set(sources())
    assert {("scoring.domain.packs", f"{name}.toml") for name in pack_names()} <= told


def test_every_file_of_a_hashed_room_is_hashed() -> None:
    told = {f"{package}.{name.removesuffix('.py')}" for package, name in sources()}
    needed = {
        f"{module}.__init__" if path.name == "__init__.py" else module
        for module, path in _modules().items()
        if _room(module) in PACKAGES_HASHED
    }
    assert needed <= told

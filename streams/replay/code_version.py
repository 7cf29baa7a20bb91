"""Names the code that decides scores and ranks: the release, and a hash of its sources, of the
domains that ship too."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files

PACKAGES = (
    "schemas",
    "scoring",
    "scoring.domain",
    "scoring.domain.packs",
    "scoring.lead",
    "scoring.prompt",
    "scoring.columns",
    "scoring.engines",
    "scoring.explain",
    "streams.recording",
    "streams.replay",
    "streams.backtest",
)
"""Not recursive: each by its name."""

MODULES = (("streams.store", "board.py"), ("streams.store", "memory_board.py"))


@cache
def code_version() -> str:
    digest = sha256()
    for package, name in sources():
        digest.update(f"{package}/{name}\0".encode())
        digest.update((files(package) / name).read_bytes())
    return f"{version('asllr')}+{digest.hexdigest()[:12]}"


def sources() -> Iterator[tuple[str, str]]:
    """The hashed sources as package and file name, in a fixed order."""
    for package in PACKAGES:
        names = sorted(one.name for one in files(package).iterdir())
        yield from ((package, name) for name in names if name.endswith((".py", ".toml")))
    yield from MODULES

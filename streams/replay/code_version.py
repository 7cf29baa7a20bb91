"""Which code decided: the release, and a hash of the sources that a score follows from."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files

CORE = ("schemas", "scoring", "streams.replay")


@cache
def code_version() -> str:
    digest = sha256()
    for package in CORE:
        folder = files(package)
        for source in sorted(folder.iterdir(), key=lambda path: path.name):
            if source.name.endswith(".py"):
                digest.update(f"{package}/{source.name}\0".encode())
                digest.update(source.read_bytes())
    return f"{version('asllr')}+{digest.hexdigest()[:12]}"

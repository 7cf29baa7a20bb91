"""Artifacts found on this machine, by digest: what a score worker can serve.

Folders are looked through again when a digest is asked for that none of them held, so that an
artifact copied in later is found without a restart.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from time import monotonic

from scoring.artifact import MANIFEST, ArtifactError, digest
from scoring.engines.kept_chunks import KEPT_BYTES
from scoring.engines.loading import load_scorer
from scoring.score import Scorer

log = logging.getLogger(__name__)

RETRY_S = 5.0
"""Seconds between two searches for a digest that was not found."""

RETRY_SHARE = 0.05
"""The most of a worker's time that may go into trying again what it could not load: others wait
meanwhile."""

MAX_ARTIFACTS = 1_000
"""How many folders are looked into; more are a mistake, such as the root of a disk."""

MAX_FILES = 1_000
"""How many files of an artifact are looked at for changes; the largest has some twenty."""


class Shelf:
    """A cache of loaded artifacts, by digest. `load` finds an artifact by digest or raises
    ArtifactError; `found` lists the digests it would find. `scorer` loads on first use and keeps
    what it loaded until `keep_only` drops it."""

    def __init__(
        self,
        load: Callable[[str], Scorer],
        clock: Callable[[], float] = monotonic,
        found: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self._load = load
        self._clock = clock
        self._found = found
        self._loaded: dict[str, Scorer] = {}
        self._missing: dict[str, tuple[float, str]] = {}

    def scorer(self, artifact: str) -> Scorer | None:
        """The scorer of this artifact, None when it cannot be served here; `why_not` says why."""
        if artifact in self._loaded:
            return self._loaded[artifact]
        retry_s, _ = self._missing.get(artifact, (0.0, ""))
        if artifact in self._missing and self._clock() < retry_s:
            return None
        began_s = self._clock()
        try:
            scorer = self._load(artifact)
        except ArtifactError as error:
            self._note_missing(artifact, began_s, str(error))
            return None
        except Exception as error:
            # Engines are libraries of others: what they raise while they load is about this
            # artifact, and the others are served all the same.
            self._note_missing(
                artifact, began_s, f"artifact {artifact[:12]} does not load: {type(error).__name__}"
            )
            return None
        self._missing.pop(artifact, None)
        self._loaded[artifact] = scorer
        log.info("artifact_loaded digest=%s", artifact)
        return scorer

    def _note_missing(self, artifact: str, began_s: float, why: str) -> None:
        now_s = self._clock()
        wait_s = max(RETRY_S, (now_s - began_s) / RETRY_SHARE)
        if self._missing.get(artifact, (0.0, ""))[1] != why:
            log.warning("artifact_not_served digest=%s why=%s", artifact, why)
        self._missing[artifact] = (now_s + wait_s, why)

    def why_not(self, artifact: str) -> str:
        return self._missing.get(artifact, (0.0, "not looked for yet"))[1]

    def found(self) -> frozenset[str]:
        """The digests of the artifacts that are there, loaded or not, without those that could not
        be loaded."""
        return self._found() - self._missing.keys()

    def keep_only(self, artifacts: set[str]) -> None:
        """Frees the artifacts that no promotion names any more."""
        for artifact in self._loaded.keys() - artifacts:
            del self._loaded[artifact]


class ArtifactFolders:
    """The artifacts in some folders; each folder is an artifact or holds some. What an artifact's
    digest is, or what is wrong with it, is found out once, and again when a file of it has changed:
    models are large. `kept_bytes`: as for `load_scorer`."""

    def __init__(self, folders: Sequence[Path], kept_bytes: int = KEPT_BYTES) -> None:
        self._folders = folders
        self._kept_bytes = kept_bytes
        self._known: dict[Path, _Known] = {}

    def load(self, artifact: str) -> Scorer:
        """Loads the artifact with this digest. Raises ArtifactError."""
        faults: list[str] = []
        for path in self._paths():
            known = self._look(path)
            if known.digest == artifact:
                try:
                    return load_scorer(path, kept_bytes=self._kept_bytes)
                except ArtifactError as error:
                    known = replace(known, fault=str(error))
            faults += [known.fault] if known.fault else []
        looked = ", ".join(map(str, self._folders))
        raise ArtifactError(
            f"no artifact with digest {artifact[:12]}… can be used from {looked}; copy it there or "
            "promote one that is there" + "".join(f"; skipped: {fault}" for fault in faults)
        )

    def digests(self) -> frozenset[str]:
        """The digests of the artifacts that are whole. Reads through one unknown artifact a call,
        so that a worker which calls this between two batches goes on."""
        paths = self._paths()
        self._known = {path: known for path, known in self._known.items() if path in paths}
        current = {path for path in paths if self._is_current(path)}
        for path in [path for path in paths if path not in current][:1]:
            self._look(path)
            current.add(path)
        return frozenset(self._known[path].digest for path in current) - {""}

    def _paths(self) -> list[Path]:
        return list(islice(_artifact_paths(self._folders), MAX_ARTIFACTS))

    def _is_current(self, path: Path) -> bool:
        known = self._known.get(path)
        return known is not None and known.files == _files_of(path)

    def _look(self, path: Path) -> _Known:
        if not self._is_current(path):
            files = _files_of(path)
            try:
                self._known[path] = _Known(files, digest=digest(path))
            except ArtifactError as error:
                self._known[path] = _Known(files, fault=str(error))
            except OSError as error:
                fault = f"{path} cannot be read ({error.strerror}); copy the folder again"
                self._known[path] = _Known(files, fault=fault)
        return self._known[path]


@dataclass(frozen=True, slots=True)
class _Known:
    """Of one folder: what its files looked like, then its digest, or what is wrong."""

    files: object
    digest: str = ""
    fault: str = ""


def _files_of(path: Path) -> object:
    """What changes when a file does; None while files come and go."""
    try:
        files = sorted(islice(path.rglob("*"), MAX_FILES))
        stats = [(file, file.stat()) for file in files]
    except OSError:
        return None
    return [(file, stat.st_mtime_ns, stat.st_size, stat.st_ino) for file, stat in stats]


def _artifact_paths(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        if (folder / MANIFEST).is_file():
            yield folder
        else:
            yield from sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))


def load_from(folders: Sequence[Path], artifact: str, *, kept_bytes: int = KEPT_BYTES) -> Scorer:
    """Loads the artifact with this digest from wherever it is under `folders`. `kept_bytes`: as for
    `load_scorer`. Raises ArtifactError."""
    return ArtifactFolders(folders, kept_bytes).load(artifact)

"""Artifacts found on this machine, by digest: what a score worker can serve.

Folders are looked through again when a digest is asked for that none of them held, so that an
artifact copied in later is found without a restart.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import monotonic

from scoring.artifact import MANIFEST, ArtifactError, digest
from scoring.engines.kept_chunks import KEPT_BYTES
from scoring.engines.loading import load_scorer
from scoring.score import Scorer

log = logging.getLogger(__name__)

RETRY_S = 5.0
"""Seconds between two searches for a digest that was not found."""


class Shelf:
    """A cache of loaded artifacts, by digest. `load` finds an artifact by digest or raises
    ArtifactError. `scorer` loads on first use and keeps what it loaded until `keep_only` drops
    it."""

    def __init__(
        self, load: Callable[[str], Scorer], clock: Callable[[], float] = monotonic
    ) -> None:
        self._load = load
        self._clock = clock
        self._loaded: dict[str, Scorer] = {}
        self._missing: dict[str, tuple[float, str]] = {}

    def scorer(self, artifact: str) -> Scorer | None:
        """The scorer of this artifact, None when it cannot be served here; `why_not` says why."""
        if artifact in self._loaded:
            return self._loaded[artifact]
        retry_s, _ = self._missing.get(artifact, (0.0, ""))
        if artifact in self._missing and self._clock() < retry_s:
            return None
        try:
            scorer = self._load(artifact)
        except ArtifactError as error:
            self._missing[artifact] = (self._clock() + RETRY_S, str(error))
            log.warning("artifact_not_served digest=%s why=%s", artifact, error)
            return None
        self._missing.pop(artifact, None)
        self._loaded[artifact] = scorer
        log.info("artifact_loaded digest=%s", artifact)
        return scorer

    def why_not(self, artifact: str) -> str:
        return self._missing.get(artifact, (0.0, "not looked for yet"))[1]

    def keep_only(self, artifacts: set[str]) -> None:
        """Frees the artifacts that no promotion names any more."""
        for artifact in self._loaded.keys() - artifacts:
            del self._loaded[artifact]


def load_from(folders: Sequence[Path], artifact: str, *, kept_bytes: int = KEPT_BYTES) -> Scorer:
    """Loads the artifact with this digest from wherever it is under `folders`. `kept_bytes`: as for
    `load_scorer`. Raises ArtifactError."""
    faults: list[str] = []
    for path in _artifact_paths(folders):
        try:
            if digest(path) == artifact:
                return load_scorer(path, kept_bytes=kept_bytes)
        except ArtifactError as error:
            faults.append(str(error))
    looked = ", ".join(map(str, folders))
    raise ArtifactError(
        f"no artifact with digest {artifact[:12]}… can be used from {looked}; copy it there or "
        "promote one that is there" + "".join(f"; skipped: {fault}" for fault in faults)
    )


def _artifact_paths(folders: Sequence[Path]) -> Iterator[Path]:
    """A folder is an artifact or holds some."""
    for folder in folders:
        if (folder / MANIFEST).is_file():
            yield folder
        else:
            yield from sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))

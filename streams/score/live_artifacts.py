"""Decides from which shards a score worker may claim: compares what is promoted there with what it
can serve."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from streams import exit_codes
from streams.artifact_shelf import Shelf
from streams.store.contract import Store
from streams.waiting import RoleStopped

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
"""How long a promotion may go unnoticed; results of another artifact are refused anyway."""


NOTHING_LIVE_S = 5.0
"""Seconds until a worker says that nothing is live: by then the publisher has copied a promotion
that was made before the start."""


class LiveArtifacts:
    """Which shards this worker may claim from: those of whose live artifacts it can serve all. One
    it lacks must not come to it over and over again while others wait."""

    def __init__(
        self,
        store: Store,
        shelf: Shelf,
        n_shards: int,
        patience_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._n_shards = n_shards
        self._patience_s = patience_s
        self._clock = clock
        self._next_s = clock()
        self._useless_since_s: float | None = None
        self._say_nothing_live_s: float | None = clock() + NOTHING_LIVE_S
        self._needed: dict[int, frozenset[str]] = {}
        self._servable: frozenset[int] = frozenset()

    def batch_size(self) -> int:
        """Looks at the promotions when it is time, and returns the largest batch of the live
        engines."""
        if self._clock() >= self._next_s:
            self._look()
            self._next_s = self._clock() + LOOK_EVERY_S
        artifacts = {a for shard in self._servable for a in self._needed[shard]}
        scorers = [scorer for a in artifacts if (scorer := self._shelf.scorer(a))]
        return max((scorer.engine.batch_size for scorer in scorers), default=1)

    def is_servable(self, shard: int) -> bool:
        return shard in self._servable

    def _look(self) -> None:
        self._needed = {
            shard: live_artifacts(self._store.promoted(shard)) for shard in range(self._n_shards)
        }
        everything = frozenset[str]().union(*self._needed.values())
        served = {artifact for artifact in everything if self._shelf.scorer(artifact)}
        self._shelf.keep_only(served)
        self._servable = frozenset(
            shard for shard, needed in self._needed.items() if needed and needed <= served
        )
        self._note_whether_live(is_live=bool(everything))
        self._check_useful(everything)

    def _note_whether_live(self, *, is_live: bool) -> None:
        """Logs once that nothing is live: waiting is right, but somebody may have forgotten to
        promote."""
        if is_live:
            self._say_nothing_live_s = None
        elif self._say_nothing_live_s is not None and self._clock() >= self._say_nothing_live_s:
            log.warning("no artifact is live: run `asllr promote`")
            self._say_nothing_live_s = None

    def _check_useful(self, everything: frozenset[str]) -> None:
        """A worker that can serve nothing that is live waits a while for the artifact, then ends.
        Where nothing is live yet, waiting is right."""
        if self._servable or not everything:
            self._useless_since_s = None
            return
        now_s = self._clock()
        self._useless_since_s = since_s = (
            now_s if self._useless_since_s is None else self._useless_since_s
        )
        if now_s - since_s >= self._patience_s:
            why = self._shelf.why_not(sorted(everything)[0])
            raise RoleStopped(exit_codes.UNUSABLE, f"nothing that is live can be served: {why}")


def live_artifacts(promoted: Mapping[str, tuple[int, str]]) -> frozenset[str]:
    """The live artifacts: that of `*`, and those of tenants with a later promotion of their own."""
    everybody = promoted.get("*", (-1, ""))
    return frozenset(artifact for number, artifact in promoted.values() if number >= everybody[0])

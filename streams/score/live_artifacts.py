"""Decides what a score worker may claim: compares what is promoted with what it can serve, loads
what was promoted and is not live yet, and says in its heartbeat what it serves."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from streams import exit_codes
from streams.artifact_shelf import Shelf
from streams.store.contract import Store
from streams.store.fleet import SCORE_ROLE, Serves
from streams.waiting import RoleStopped

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
"""How long a promotion may go unnoticed; results of another artifact are refused anyway."""

LOOK_AGAIN_S = 0.2
"""The same for one whose artifact this worker has just loaded: a publisher makes it live now."""


NOTHING_LIVE_S = 5.0
"""Seconds until a worker says that nothing is live: by then the publisher has copied a promotion
that was made before the start."""


@dataclass(frozen=True, slots=True)
class LookConfig:
    """`worker`: its name in heartbeats. `patience_s`: how long it waits for an artifact that it can
    serve before it ends."""

    worker: str
    n_shards: int
    patience_s: float


BEAT_EVERY_S = 5.0
"""Seconds between two heartbeats that say the same; a change is said at once."""


class LiveArtifacts:
    """What this worker may claim: leads whose live artifact it serves. Others' leads are left to
    others, and what nobody can serve holds nobody up."""

    def __init__(
        self,
        store: Store,
        shelf: Shelf,
        config: LookConfig,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._config = config
        self._clock = clock
        self._next_s = clock()
        self._useless_since_s: float | None = None
        self._say_nothing_live_s: float | None = clock() + NOTHING_LIVE_S
        self._said: tuple[frozenset[str], frozenset[str]] | None = None
        self._next_beat_s = clock()
        self._live: frozenset[str] = frozenset()
        self.serves = Serves(frozenset())

    def batch_size(self) -> int:
        """Looks at the promotions when it is time, and returns the largest batch of the live
        engines."""
        if self._clock() >= self._next_s:
            self._look()
            is_awaited = bool((self.serves.own or frozenset()) - self._live)
            self._next_s = self._clock() + (LOOK_AGAIN_S if is_awaited else LOOK_EVERY_S)
        served = self._live & (self.serves.own or frozenset())
        scorers = [scorer for a in sorted(served) if (scorer := self._shelf.scorer(a))]
        return max((scorer.engine.batch_size for scorer in scorers), default=1)

    def can_claim(self) -> bool:
        return bool(self._live & (self.serves.own or frozenset()))

    def _look(self) -> None:
        promoted = [self._store.promoted(shard) for shard in range(self._config.n_shards)]
        self._live = frozenset[str]().union(*map(live_artifacts, promoted))
        everything = self._live | wanted_artifacts(self._store.announced(), promoted)
        served = frozenset(a for a in sorted(everything) if self._shelf.scorer(a))
        self._shelf.keep_only({*served})
        self._beat(served)
        beats = [beat for beat in self._store.beats() if beat.worker != self._config.worker]
        elsewhere = frozenset[str]().union(*(beat.loaded for beat in beats))
        self.serves = Serves(served, elsewhere)
        self._note_whether_live(is_live=bool(everything))
        self._check_useful(everything)

    def _beat(self, served: frozenset[str]) -> None:
        is_new = self._said is None or self._said[0] != served
        if not is_new and self._clock() < self._next_beat_s:
            return
        found = self._shelf.found()
        self._store.beat(self._config.worker, SCORE_ROLE, served, found)
        # What is there is listed one artifact at a time.
        is_listed = self._said is not None and self._said[1] == found
        self._said = served, found
        self._next_beat_s = self._clock() + (BEAT_EVERY_S if is_listed else 0)

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
        if self.serves.own or not everything:
            self._useless_since_s = None
            return
        now_s = self._clock()
        self._useless_since_s = since_s = (
            now_s if self._useless_since_s is None else self._useless_since_s
        )
        if now_s - since_s >= self._config.patience_s:
            why = self._shelf.why_not(sorted(everything)[0])
            raise RoleStopped(exit_codes.UNUSABLE, f"nothing that is live can be served: {why}")


def live_artifacts(promoted: Mapping[str, tuple[int, str]]) -> frozenset[str]:
    """The live artifacts: that of `*`, and those of tenants with a later promotion of their own."""
    return _not_before(promoted, promoted.get("*", (-1, ""))[0])


def wanted_artifacts(
    announced: Mapping[str, tuple[int, str]], promoted: Sequence[Mapping[str, tuple[int, str]]]
) -> frozenset[str]:
    """The artifacts to load so that what was announced can become live. Of a tenant's own promotion
    before one of `*`: while that is not live in all shards. `promoted`: of each shard."""
    live_for_all = min((one.get("*", (-1, ""))[0] for one in promoted), default=-1)
    return _not_before(announced, live_for_all)


def _not_before(promotions: Mapping[str, tuple[int, str]], first: int) -> frozenset[str]:
    return frozenset(artifact for number, artifact in promotions.values() if number >= first)

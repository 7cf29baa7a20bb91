"""Which score workers can serve an artifact: asked by `asllr promote` before it writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from streams import exit_codes
from streams.store.contract import Store, StoreAway, StoreUnusable
from streams.store.fleet import SCORE_ROLE
from streams.waiting import RoleStopped


@dataclass(frozen=True, slots=True)
class Servers:
    """The living score workers that have an artifact, by name. `note`: what whoever promotes it
    should know, empty where all is well."""

    able: tuple[str, ...]
    note: str = ""


def servers_of(artifact: str, look: Callable[[], Store], *, is_forced: bool) -> Servers:
    """Which living workers have the artifact. `look` opens the store. Raises RoleStopped where
    workers are up and none of them has it, StoreAway and StoreUnusable where they cannot be asked;
    not when forced."""
    try:
        beats = [beat for beat in look().beats() if beat.role == SCORE_ROLE]
    except (StoreAway, StoreUnusable) as error:
        if not is_forced:
            raise
        return Servers((), f"which workers have it could not be asked: {error}")
    able = tuple(beat.worker for beat in beats if beat.can_load(artifact))
    if able:
        return Servers(able)
    if not beats:
        return Servers((), "no score worker is up: it goes live once one has loaded it")
    if is_forced:
        return Servers((), f"none of {len(beats)} score workers has it: it waits, as asked")
    raise RoleStopped(
        exit_codes.UNUSABLE,
        f"none of {len(beats)} living score workers ({', '.join(b.worker for b in beats[:5])}) has "
        f"artifact {artifact[:12]}: copy it into their ASLLR_ARTIFACTS, which they look through "
        "every 5 s, or use --force to have it wait for one that has it",
    )

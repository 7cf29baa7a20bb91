"""`asllr doctor` on what is live: whether a living score worker serves each tenant's artifact, and
what waits for one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from schemas.outputs import Promotion
from streams.operate.doctor_check import MOST_NAMED, DoctorCheck, DoctorVerdict, named
from streams.publish.promotions import Promoted
from streams.store.contract import Store
from streams.store.fleet import BEAT_EXPIRES_MS, SCORE_ROLE, WorkerBeat

LIVE = "live artifact"


def told(promotion: Promotion) -> str:
    """Who promoted it, when and what for."""
    who = f" by {promotion.by}" if promotion.by else ""
    why = f": {promotion.why}" if promotion.why else ""
    return f", promoted{who} at {promotion.promoted_at:%Y-%m-%d %H:%M} UTC{why}"


def check_live(store: Store, log: Mapping[str, Promoted]) -> Iterator[DoctorCheck]:
    """Checks who serves what. `log`: the newest promotion of each tenant."""
    beats = [beat for beat in store.beats() if beat.role == SCORE_ROLE]
    yield _workers(beats)
    live = _live(store)
    yield from _served(live, beats)
    yield from _waiting(live, log)


def _workers(beats: Collection[WorkerBeat]) -> DoctorCheck:
    if not beats:
        return DoctorCheck(
            "score workers",
            DoctorVerdict.WARNING,
            f"none said anything for {BEAT_EXPIRES_MS // 1000} s, so that nothing is scored",
            "start `asllr score`",
        )
    workers = named([beat.worker for beat in beats])
    return DoctorCheck("score workers", DoctorVerdict.OK, f"{len(beats)} up: {workers}")


def _live(store: Store) -> dict[str, tuple[int, str]]:
    """Of each tenant the promotion that its leads are scored under; `*` for tenants without one of
    their own, or with an earlier one."""
    live: dict[str, tuple[int, str]] = {}
    for shard in range(store.recorded_partitions() or 0):
        for tenant, promotion in store.promoted(shard).items():
            live[tenant] = max(promotion, live.get(tenant, promotion))
    of_all = live.get("*", (-1, ""))[0]
    return {tenant: one for tenant, one in live.items() if one[0] >= of_all}


def _served(
    live: Mapping[str, tuple[int, str]], beats: Collection[WorkerBeat]
) -> Iterator[DoctorCheck]:
    tenants: dict[str, list[str]] = defaultdict(list)
    for tenant, (_, artifact) in sorted(live.items()):
        tenants[artifact].append(tenant)
    for artifact, of in sorted(tenants.items()):
        able = [beat.worker for beat in beats if beat.can_load(artifact)]
        found = f"{artifact[:12]} of tenant {named(of)}"
        if able or not beats:
            by = f"served by {named(able)}" if able else "no score worker is up"
            yield DoctorCheck(LIVE, DoctorVerdict.OK, f"{found}: {by}")
            continue
        yield DoctorCheck(
            LIVE,
            DoctorVerdict.FAILED,
            f"{found}: none of {len(beats)} living score workers has it, so that these leads are "
            "not scored",
            "copy it into ASLLR_ARTIFACTS of the workers, or promote one that they have",
        )


def _waiting(
    live: Mapping[str, tuple[int, str]], log: Mapping[str, Promoted]
) -> Iterator[DoctorCheck]:
    """Promotions that no worker has loaded. One of a tenant's own before that of `*` will never
    count."""
    of_all = live.get("*", (-1, ""))[0]
    waiting = [
        (tenant, promoted)
        for tenant, promoted in sorted(log.items())
        if promoted.offset > max(live.get(tenant, (-1, ""))[0], of_all)
    ]
    if len(waiting) > MOST_NAMED:
        yield DoctorCheck(
            "promotion",
            DoctorVerdict.WARNING,
            f"{len(waiting)} promotions wait for a score worker that has them; the first",
            "copy the artifacts into ASLLR_ARTIFACTS of the workers",
        )
    for tenant, (offset, promotion) in waiting[:MOST_NAMED]:
        before = live.get(tenant, live.get("*", (-1, "")))[1]
        stays = f"{before[:12]} stays live" if before else "nothing is live yet"
        yield DoctorCheck(
            "promotion",
            DoctorVerdict.WARNING,
            f"{offset} of tenant {tenant} (artifact {promotion.artifact[:12]}{told(promotion)}) "
            f"waits until a score worker has loaded it; {stays}",
            "copy the artifact into ASLLR_ARTIFACTS of the workers, or promote one that they have; "
            "where they have it, is `asllr publish` running?",
        )

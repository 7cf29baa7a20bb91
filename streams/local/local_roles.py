"""All roles on one machine: their command lines, and the loop of `asllr run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Event

from streams.local.supervisor import RoleProcess, Supervisor

POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class RoleCounts:
    """How many processes of each role. One publisher is enough for a machine; a second one only
    waits for the first to die."""

    ingest: int = 1
    score: int = 1
    publish: int = 1


def local_roles(
    command: Sequence[str], counts: RoleCounts, env: Mapping[str, str] | None = None
) -> list[RoleProcess]:
    """The processes of all roles. `command` starts asllr; a role's name and index follow it. `env`
    is their whole environment, None means ours."""
    return [
        RoleProcess(
            name=f"{name}-{index}",
            argv=(*command, name, "--index", str(index)),
            env=env,
        )
        for name, n in (
            ("ingest", counts.ingest),
            ("score", counts.score),
            ("publish", counts.publish),
        )
        for index in range(n)
    ]


def supervise(supervisor: Supervisor, roles: Sequence[RoleProcess], stop: Event) -> None:
    """Keeps the roles running until `stop`. Raises RoleFailed."""
    for role in roles:
        supervisor.start(role)
    while not stop.wait(POLL_S):
        supervisor.poll()

"""The policies: when a replay scores. Production's moments depend on how bursts fall together; a
replay's are named, so that two runs agree on them."""

from __future__ import annotations

import re
from dataclasses import dataclass

UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass(frozen=True, slots=True)
class EveryEvent:
    """Scores a listed lead at each event that changed its state, and at each of its edges."""

    def __str__(self) -> str:
        return "every-event"


@dataclass(frozen=True, slots=True)
class EveryTick:
    """Scores at whole multiples of `ms` since 1970 the listed leads that changed or passed an edge
    since the multiple before."""

    ms: int

    def __str__(self) -> str:
        amount, unit = self.ms // 1_000, "s"
        for name in ("m", "h", "d"):
            if self.ms % UNITS_MS[name] == 0:
                amount, unit = self.ms // UNITS_MS[name], name
        return f"every-{amount}{unit}"

    def after(self, moment_ms: int) -> int:
        """Returns the first tick later than `moment_ms`."""
        return (moment_ms // self.ms + 1) * self.ms


@dataclass(frozen=True, slots=True)
class Recorded:
    """Scores at the points of `leads.scores`: each published (lead, cursor, as_of), in the order in
    which they were published."""

    def __str__(self) -> str:
        return "recorded"


@dataclass(frozen=True, slots=True)
class Never:
    """Scores nothing: the fold alone."""

    def __str__(self) -> str:
        return "never"


ScoringPolicy = EveryEvent | EveryTick | Recorded | Never


def parse_policy(text: str) -> ScoringPolicy:
    """Reads a policy; the inverse of `str`. Raises ValueError with what is allowed."""
    fixed: dict[str, ScoringPolicy] = {
        str(policy): policy for policy in (EveryEvent(), Recorded(), Never())
    }
    if text in fixed:
        return fixed[text]
    match = re.fullmatch(r"every-([1-9][0-9]{0,8})([smhd])", text)
    if match is None:
        raise ValueError(
            f"{text[:40]!r} is not a policy: every-event, every-5m (s, m, h, d), recorded or never"
        )
    return EveryTick(int(match[1]) * UNITS_MS[match[2]])

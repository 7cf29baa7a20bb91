"""Keeps the log of a client library from filling the disk in an outage: aiokafka retries every 100
ms and logs each attempt (18,000 lines in an 80 s outage of three workers)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic


class RateLimit(logging.Filter):
    """Lets `burst` records of one message template through per `period_s`; says how many it held
    back when the next one passes."""

    def __init__(
        self, *, burst: int = 3, period_s: float = 10.0, clock: Callable[[], float] = monotonic
    ) -> None:
        super().__init__()
        self._burst = burst
        self._period_s = period_s
        self._clock = clock
        self._counts: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        template = str(record.msg)
        now_s = self._clock()
        since_s, count = self._counts.get(template, (now_s, 0))
        if now_s - since_s >= self._period_s:
            held_back = count - self._burst
            if held_back > 0:
                record.msg = f"{template} ({held_back} more like it held back)"
            since_s, count = now_s, 0
        self._counts[template] = (since_s, count + 1)
        return count < self._burst


def limit_library_logs(prefix: str) -> None:
    """On every logger there is under `prefix`: call it after the library was imported."""
    limit = RateLimit()
    for name in [prefix, *logging.root.manager.loggerDict]:
        if name == prefix or name.startswith(f"{prefix}."):
            logging.getLogger(name).addFilter(limit)

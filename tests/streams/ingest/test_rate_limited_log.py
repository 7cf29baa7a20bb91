"""An outage does not fill the disk, and nothing is held back in silence."""

from __future__ import annotations

import logging

from streams.ingest.rate_limited_log import RateLimit


def record(template: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("aiokafka.conn", logging.ERROR, __file__, 1, template, args, None)


def test_a_repeated_message_passes_a_few_times_and_says_how_often_it_was_held_back() -> None:
    now_s = [0.0]
    limit = RateLimit(burst=2, period_s=10.0, clock=lambda: now_s[0])
    passed = [limit.filter(record("cannot connect to %s", node)) for node in range(100)]
    assert passed == [True, True] + [False] * 98
    now_s[0] = 10.0
    again = record("cannot connect to %s", 1)
    assert limit.filter(again)
    assert again.getMessage() == "cannot connect to 1 (98 more like it held back)"


def test_other_messages_are_not_held_back() -> None:
    limit = RateLimit(burst=1, period_s=10.0, clock=lambda: 0.0)
    assert all(limit.filter(record(f"message {i}")) for i in range(5))

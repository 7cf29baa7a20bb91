"""Fixtures every test module may ask for, and how properties are searched."""

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

from tests.support.brokers import broker, embedded, kafka, kafka_server, redis_url
from tests.support.browser import chromium
from tests.support.real_base import smollm2

__all__ = ["broker", "chromium", "embedded", "kafka", "kafka_server", "redis_url", "smollm2"]

# The same examples every time, and no clock: a busy machine must not fail a property.
# `--hypothesis-profile default` searches further.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

MAY_NOT_BE_SKIPPED = ("service", "kafka", "data", "train", "browser", "real_base")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where CI says that everything is there, a test that finds something missing fails."""
    report = yield
    is_skip = report.skipped and not hasattr(report, "wasxfail")
    is_needed = any(item.get_closest_marker(name) for name in MAY_NOT_BE_SKIPPED)
    if is_skip and is_needed and os.environ.get("ASLLR_REQUIRE_KAFKA") == "1":
        report.outcome = "failed"
        report.longrepr = f"skipped, which is a failure here: {report.longrepr}"
    return report

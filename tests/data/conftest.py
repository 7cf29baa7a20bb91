"""The public data sets, read once a session."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from schemas.events import EventBase
from streams.importers.bpi2012 import bpi2012_events
from streams.importers.persuasion import persuasion_events

N_APPLICATIONS = 2_000


@pytest.fixture(scope="session")
def data() -> Path:
    folder = os.environ.get("ASLLR_DATA")
    if not folder:
        pytest.skip("ASLLR_DATA names no folder with the public data sets")
    return Path(folder)


@pytest.fixture(scope="session")
def dialogues(data: Path) -> list[EventBase]:
    return list(persuasion_events(data / "persuasion_for_good"))


@pytest.fixture(scope="session")
def applications(data: Path) -> list[EventBase]:
    return list(bpi2012_events(data / "bpi2012_loan_funnel", limit=N_APPLICATIONS))

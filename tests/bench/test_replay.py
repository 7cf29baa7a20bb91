"""A live run with kills is recomputed without a difference, by one process as by two."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.bench.replay import ROOT
from tests.support.brokers import require_kafka


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_a_run_with_kills_published_is_recomputed_exactly() -> None:
    require_kafka()
    command = [sys.executable, "-m", "tests.bench.replay", "--quick", "--json", "--events", "2000"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["kills"] > 0
    assert found["scores"] > 0
    assert found["oracle_differences"] == 0
    assert found["verify_differences"] == 0
    assert found["boards_differing"] == 0
    assert found["digests_equal"]
    assert found["naive"]["scores_published"] == found["scores"]
    assert found["fold_events_per_s"] > 0

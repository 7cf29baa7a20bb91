"""The benchmark of engines gives every key, on a base that is small enough for a test."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra")

from tests.bench.engine.__main__ import Size, measure
from tests.training.model.tiny import save_base

pytestmark = [pytest.mark.train, pytest.mark.slow]

SMALL = Size(n_timed=1, n_judged=8, n_rounds=1, n_stream_leads=1)
KEYS = ("smollm2_512_ratio_to_naive", "realistic_ratio_to_naive", "share_of_int8_ceiling")


def test_every_figure_is_there(tmp_path: Path) -> None:
    found = measure(save_base(tmp_path / "base", max_tokens=1_024), SMALL, (128, 512))
    assert all(found[key] > 0 for key in KEYS)
    assert 0 <= found["max_abs_dp"] < 0.1
    assert -0.2 < found["delta_auc"] <= 0
    assert set(found["leads_per_s"]) == {"128", "512", "stream"}
    assert found["stream"]["first"] == 1
    assert found["demo"]["leads_per_s"]["ours"] > 0
    assert found["ceilings"]["int8_gops"] > 0


def test_without_a_base_only_the_demo_is_measured() -> None:
    found = measure(None, SMALL)
    assert found["max_abs_dp"] is None
    assert found["demo"]["leads_per_s"]["ours"] > 0

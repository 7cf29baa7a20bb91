"""The graph of a network gives torch's logits, and is served with the network's own columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("lightgbm", reason="needs the train extra")

from scoring.artifact import EngineKind
from scoring.calibration import Calibration
from scoring.columns.encoding import fit_encoding
from scoring.prompt.declaration import Kind
from scoring.prompt.rendering import first_rendering
from tests.training.baselines.leads import leads
from training.baselines.baseline import Budget
from training.baselines.deep_tabular import Design, fit_deep
from training.baselines.facts import ArtifactFacts
from training.baselines.table_artifacts import table_export, write_table

pytestmark = [pytest.mark.train, pytest.mark.slow]


@pytest.mark.parametrize("design", list(Design))
def test_what_is_served_is_what_was_fitted(design: Design, tmp_path: Path) -> None:
    examples = leads(160)
    fitted = fit_deep(examples, Budget(1, 3), design, lambda line: None)
    export = table_export(fitted)
    assert export is not None
    facts = ArtifactFacts("net", first_rendering(), 14, "order", None, Calibration(), {}, {}, "")
    # Raises where columns differ in a bit or logits by more than 0.0001.
    assert write_table(tmp_path / "net", export, examples, facts).engine is EngineKind.NETWORK


def test_a_constant_column_says_nothing_however_it_was_rounded() -> None:
    table = np.full((1_000, 1), 7.1, dtype=np.float32)
    encoding = fit_encoding(table, ((Kind.NUMBER, ()),))
    assert encoding.spreads == (1.0,)
    assert np.abs(encoding.scaled(table[:, 0].astype(np.float64), 0)).max() < 1e-9

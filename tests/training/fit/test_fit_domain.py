"""A fit for another business: the artifact carries the domain, and is served as it was fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch", reason="needs the train extra")

from asllr import main
from scoring.artifact import DOMAIN, load_manifest, load_rendering
from scoring.domain.reading import pack
from scoring.domain.writing import domain_toml
from scoring.engines.loading import load_scorer
from scoring.prompt.rendering import newest_rendering
from tests.training.model.tiny import SETTINGS, save_base, save_dataset
from training.dataset.folder import read_examples
from training.dataset.manifest import Split

pytestmark = [pytest.mark.train, pytest.mark.slow, pytest.mark.timeout(1_500)]

LONGEST = 1_000
"""The tiny base knows the words of a car dealer; those of another trade take more tokens."""


def test_a_model_is_served_with_the_domain_it_was_fitted_with(tmp_path: Path) -> None:
    said = pack("generic").model_copy(update={"name": "bikes", "question": "Will they ride?"})
    (tmp_path / "bikes.toml").write_text(domain_toml(said), encoding="utf-8")
    dataset, lm = save_dataset(tmp_path / "leads"), tmp_path / "lm"
    base = save_base(tmp_path / "base", max_tokens=LONGEST)
    options = {
        "--base": base,
        "--out": lm,
        "--domain": tmp_path / "bikes.toml",
        "--token-budget": LONGEST,
        "--rank": SETTINGS.rank,
        "--checks-per-epoch": 1,
        "--precision": SETTINGS.precision.value,
        "--min-positives": 20,
        "--threads": 1,
    }
    named = [str(part) for pair in options.items() for part in pair]
    done = CliRunner().invoke(main, ["fit", str(dataset), *named])
    assert done.exit_code == 0, done.stderr

    bikes = newest_rendering(said)
    made = load_manifest(lm)
    assert load_rendering(lm, made) == bikes
    assert (made.prompt_id, made.features_id) == (bikes.prompt_id, bikes.features_id)
    assert DOMAIN in made.files
    assert "the labels look 14 days ahead, the prompt asks about 30" in done.output
    scorer = load_scorer(lm)
    rows = read_examples(dataset, bikes)[0].of(Split.TEST)
    inputs = list(rows.inputs(scorer.spec))
    assert all("Will they ride?" in each.prompt for each in inputs)
    assert np.isfinite(scorer.engine.logits(inputs)).all()

    stack = ["baseline", "stack", str(dataset), "--lm", str(lm), "--out", str(tmp_path / "stack")]
    done = CliRunner().invoke(main, [*stack, "--trials", "1", "--min-positives", "1"])
    assert done.exit_code == 0, done.stderr
    assert load_scorer(tmp_path / "stack").rendering == bikes

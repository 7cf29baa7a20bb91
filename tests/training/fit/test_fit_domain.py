"""A fit for another business: the artifact carries the domain, and is served as it was fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("torch", reason="needs the train extra")

from asllr import main
from schemas.events import LeadUpserted
from schemas.timestamps import from_ms
from scoring.artifact import DOMAIN, load_manifest, load_rendering
from scoring.domain.reading import pack
from scoring.domain.writing import domain_toml
from scoring.engines.loading import load_scorer
from scoring.explain.removal import Removal, without
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.lead.state_bytes import to_bytes
from scoring.metrics.metrics import auc
from scoring.prompt.rendering import newest_rendering
from tests.training.dataset.rows import DAY_MS, REACHED, START_MS, row
from tests.training.model.tiny import SETTINGS, save_base, save_dataset
from training.dataset.example import Example
from training.dataset.folder import read_examples
from training.dataset.manifest import Split

pytestmark = [pytest.mark.train, pytest.mark.slow, pytest.mark.timeout(1_500)]

LONGEST, N_PLANNED = 1_000, 400
"""The tiny base knows the words of a car dealer; those of another trade take more tokens."""

SPLITS = (Split.FIT, Split.FIT, Split.JUDGE, Split.CALIBRATE, Split.TEST)


def fit(dataset: Path, lm: Path, domain: Path, base: Path, **more: object) -> Result:
    options = {
        "--base": base,
        "--out": lm,
        "--domain": domain,
        "--token-budget": LONGEST,
        "--rank": SETTINGS.rank,
        "--checks-per-epoch": 1,
        "--precision": SETTINGS.precision.value,
        "--start": "last-layer",
        "--min-positives": 20,
        "--threads": 1,
    }
    options |= {f"--{name.replace('_', '-')}": value for name, value in more.items()}
    named = [str(part) for pair in options.items() for part in pair]
    done = CliRunner().invoke(main, ["fit", str(dataset), *named])
    assert done.exit_code == 0, done.stderr
    return done


def test_a_model_is_served_with_the_domain_it_was_fitted_with(tmp_path: Path) -> None:
    said = pack("generic").model_copy(update={"name": "bikes", "question": "Will they ride?"})
    (tmp_path / "bikes.toml").write_text(domain_toml(said), encoding="utf-8")
    dataset, lm = save_dataset(tmp_path / "leads"), tmp_path / "lm"
    base = save_base(tmp_path / "base", max_tokens=LONGEST)
    done = fit(dataset, lm, tmp_path / "bikes.toml", base)

    made = load_manifest(lm)
    bikes = load_rendering(lm, made)
    own = bikes.own_fields
    assert {"budget_band", "purchase_window"} <= {*own}  # no feature of this business
    assert bikes == newest_rendering(said.model_copy(update={"own_fields": own}))
    assert (made.prompt_id, made.features_id) == (bikes.prompt_id, bikes.features_id)
    assert DOMAIN in made.files
    assert "the labels look 14 days ahead, the prompt asks about 30" in done.output
    scorer = load_scorer(lm)
    rows = read_examples(dataset, bikes)[0].of(Split.TEST)
    inputs = list(rows.inputs(scorer.spec))
    assert all("Will they ride?" in each.prompt for each in inputs)
    assert any(f"# own fields\n{own[0]}: " in each.prompt for each in inputs)
    assert np.isfinite(scorer.engine.logits(inputs)).all()

    stack = ["baseline", "stack", str(dataset), "--lm", str(lm), "--out", str(tmp_path / "stack")]
    done = CliRunner().invoke(main, [*stack, "--trials", "1", "--min-positives", "1"])
    assert done.exit_code == 0, done.stderr
    assert load_scorer(tmp_path / "stack").rendering == bikes


def test_what_only_an_own_field_tells_is_learned(tmp_path: Path) -> None:
    """Who is on the golden plan orders; nothing else tells of it."""
    said = pack("generic").model_copy(update={"name": "plans"})
    (tmp_path / "plans.toml").write_text(domain_toml(said), encoding="utf-8")
    dataset = save_dataset(tmp_path / "leads", [planned(n) for n in range(N_PLANNED)])
    base = save_base(tmp_path / "base", max_tokens=LONGEST)
    done = fit(dataset, tmp_path / "lm", tmp_path / "plans.toml", base)
    assert "fit: own fields, what tells most first: Plan, colour" in done.stderr

    export = tmp_path / "leads.csv"
    export.write_text("lead_id,created_at,Plan,shoe\n1,2026-03-01,golden,44\n", encoding="utf-8")
    words = ["try", "--leads", export, "--artifact", tmp_path / "lm"]
    tried = CliRunner().invoke(main, [*map(str, words)])
    assert "profile: Plan = Plan\n" in tried.stderr
    assert "not read by this model: shoe\n" in tried.stderr

    scorer = load_scorer(tmp_path / "lm")
    assert scorer.rendering.own_fields == ("Plan", "colour")
    rows = read_examples(dataset, scorer.rendering)[0].of(Split.TEST)
    assert auc(np.array(scorer.engine.logits([*rows.inputs(scorer.spec)])), rows.label) > 0.9
    for state, as_of_ms, label in zip(rows.states, rows.as_of_ms.tolist(), rows.label, strict=True):
        history = history_of(state)
        hidden = without(history, as_of_ms, scorer, Removal(columns=frozenset({"Plan"})))
        with_plan, without_plan = scorer.engine.logits([scorer.read(history, as_of_ms), hidden])
        assert with_plan != without_plan
        assert "Plan" not in hidden.prompt
        assert label == ("Plan: golden\n" in scorer.read(history, as_of_ms).prompt)


def planned(number: int) -> Example:
    label = int(np.random.default_rng(number).random() < 0.5)
    at_ms = START_MS + number * DAY_MS
    event = LeadUpserted(
        id="p",
        source="crm",
        tenant="acme",
        lead=f"l-{number}",
        occurred_at=from_ms(at_ms),
        profile={"Plan": "golden" if label else "small", "colour": "red" if number % 3 else "blue"},
    )
    split = SPLITS[5 * number // N_PLANNED]
    state = to_bytes(fold([event]))
    return row(number, split, state=state, label=label, reached=REACHED[5 * label])

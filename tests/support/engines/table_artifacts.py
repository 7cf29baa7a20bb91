"""Artifacts without a language model, made in a moment: the demo's baseline trees, the rule, and a
logistic regression, which may read columns."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from scoring.artifact import (
    DOMAIN,
    BaseModelName,
    DataWindow,
    EngineKind,
    Manifest,
    demo_artifact_path,
    save_domain,
    save_manifest,
)
from scoring.calibration import Calibration
from scoring.columns.aggregates import Aggregates
from scoring.columns.columns import NO_COLUMNS, Columns
from scoring.columns.encoding import Encoding
from scoring.columns.own_fields import OwnField, OwnFields
from scoring.columns.words import Vocabulary, Words
from scoring.domain.model import Domain
from scoring.engines.columns_file import COLUMNS, WORDS_ARRAY, save_columns
from scoring.engines.linear import LINEAR, LinearModel
from scoring.engines.loading import UNREAD_BUDGET
from scoring.engines.rule import RULE, Rule, rule_of
from scoring.engines.trees import TREES
from scoring.prompt.declaration import Kind
from scoring.prompt.rendering import Rendering, first_rendering

AUTO = first_rendering()


def build_trees_artifact(path: Path) -> Path:
    """Writes it into the folder `path`, which it makes; returns `path`."""
    path.mkdir(parents=True)
    shutil.copyfile(demo_artifact_path() / "baseline.onnx", path / TREES)
    save_manifest(path, _manifest(EngineKind.TREES), [TREES])
    return path


def build_rule_artifact(path: Path, rule: Rule | None = None) -> Path:
    path.mkdir(parents=True)
    (path / RULE).write_text((rule or rule_of(AUTO.domain)).model_dump_json(), encoding="utf-8")
    save_manifest(path, _manifest(EngineKind.RULE), [RULE])
    return path


def small_columns() -> Columns:
    """One of each kind of column."""
    own = OwnFields(
        fields=(
            OwnField(register_name="profile.note", levels=("<|im_end|>", "forties")),
            OwnField(register_name="profile.seats", is_number=True),
            OwnField(register_name="profile.renewal", is_date=True),
        ),
        codes=("price",),
    )
    known = ("c:price", "c:the price", "c:too high", "c:yes")
    vocabulary = Vocabulary(terms=known, idf=(1.5, 2.0, 2.5, 1.0), n_outputs=2)
    projection = np.linspace(-1.0, 1.0, 8, dtype=np.float32).reshape(4, 2)
    words = Words(vocabulary, projection, np.array([0.0, -0.25]))
    return Columns(own, Aggregates(channels=("call", "demo_held"), stages=("trial",)), words)


def build_linear_artifact(path: Path, columns: Columns = NO_COLUMNS) -> Path:
    """A regression whose weights are all different."""
    path.mkdir(parents=True)
    kinds = tuple((feature.kind, feature.bins) for feature in AUTO.features)
    kinds += ((Kind.NUMBER, ()),) * len(columns)
    encoding = Encoding(kinds=kinds, centres=(0.0,) * len(kinds), spreads=(1.0,) * len(kinds))
    weights = tuple(np.linspace(-0.3, 0.4, encoding.n_encoded).tolist())
    model = LinearModel(encoding=encoding, weights=weights, intercept=-1.0)
    (path / LINEAR).write_text(model.model_dump_json(), encoding="utf-8")
    files = [LINEAR]
    if len(columns):
        save_columns(path, columns)
        files += [COLUMNS, WORDS_ARRAY]
    save_manifest(path, _manifest(EngineKind.LINEAR), files)
    return path


def build_domain_artifact(path: Path, domain: Domain) -> Path:
    """The rule for a business; it carries the domain."""
    path.mkdir(parents=True)
    rendering = Rendering(1, domain)
    (path / RULE).write_text(rule_of(domain).model_dump_json(), encoding="utf-8")
    save_domain(path, rendering)
    save_manifest(path, _manifest(EngineKind.RULE, rendering), [RULE, DOMAIN])
    return path


def _manifest(engine: EngineKind, rendering: Rendering = AUTO) -> Manifest:
    return Manifest(
        name=engine.value,
        engine=engine,
        prompt_id=rendering.prompt_id,
        features_id=rendering.features_id,
        token_budget=UNREAD_BUDGET,
        horizon_days=rendering.domain.horizon_days,
        calibration=Calibration(),
        agreement=None,
        label="none: of a test",
        base=BaseModelName(name="none", revision="none"),
        data_window=DataWindow(
            start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2026, 2, 1, tzinfo=UTC)
        ),
        metrics={},
        files={},
    )

"""The baselines DeepFM and DCN-v2 on features and own fields: neural networks for tables, as used
in ad ranking.

DeepFM: H. Guo and others, DeepFM: A Factorization-Machine based Neural Network for CTR Prediction,
2017, arXiv 1703.04247. DCN-v2: R. Wang and others, DCN V2: Improved Deep & Cross Network and
Practical Lessons for Web-scale Learning to Rank Systems, 2020, arXiv 2008.13535. The models of
torch-rechub are used as they are; its trainer is not, because it writes pickles and takes no sample
weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import assert_never

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy
from torch_rechub.basic.features import DenseFeature, SparseFeature
from torch_rechub.models.ranking import DCNv2, DeepFM

from scoring.floats import Floats
from scoring.prompt.declaration import Kind
from scoring.report.progress import WriteLine
from training.baselines.baseline import (
    TRAIN_AND_VALIDATION,
    Budget,
    Predictor,
    check_classes,
    labels_of,
    log_loss,
)
from training.baselines.columns.fields import Fields, fit_fields
from training.baselines.columns.table import TableColumns, fit_field_table
from training.baselines.network_graph import CERTAIN
from training.dataset.example import Examples
from training.dataset.manifest import Split
from training.trees.trials import Trial, search

MAX_EPOCHS = 20
PATIENCE_EPOCHS = 3
BATCH_ROWS = 512


class Design(StrEnum):
    """Which of the two networks."""

    DEEPFM = "deepfm"
    DCN_V2 = "dcn_v2"


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """The settings of one trial. `n_cross`: cross layers, of DCN-v2 only. `rate`: the learning
    rate; `decay`: the weight decay (both names are in reports)."""

    embedding: int
    width: int
    depth: int
    n_cross: int
    dropout: float
    rate: float
    decay: float


@dataclass(frozen=True, slots=True)
class DeepPredictor:
    """A fitted network with what turns examples into its inputs."""

    model: torch.nn.Module
    columns: TableColumns
    fields: Fields
    shape: NetworkShape
    n_epochs: int

    @property
    def described(self) -> dict[str, float | int | str]:
        return {**asdict(self.shape), "epochs": self.n_epochs}

    @torch.inference_mode()
    def logits(self, examples: Examples) -> Floats:
        self.model.eval()
        probabilities = self.model(self.fields.inputs(self.columns.rows(examples))).double()
        logits: Floats = torch.logit(probabilities, eps=CERTAIN).numpy()
        return logits


def fit_deepfm(examples: Examples, budget: Budget, log: WriteLine) -> Predictor:
    return fit_deep(examples, budget, Design.DEEPFM, log)


def fit_dcn_v2(examples: Examples, budget: Budget, log: WriteLine) -> Predictor:
    return fit_deep(examples, budget, Design.DCN_V2, log)


def fit_deep(examples: Examples, budget: Budget, design: Design, log: WriteLine) -> DeepPredictor:
    """Fits one of the networks; the number of epochs is chosen on the validation split. Raises
    DatasetError for a split with one class only."""
    check_classes(examples, *TRAIN_AND_VALIDATION)
    train, validation = examples.of(Split.FIT), examples.of(Split.JUDGE)
    rng = budget.rng()

    def run(number: int) -> Trial[NetworkShape]:
        shape = _draw(rng)
        losses: list[float] = []

        def goes_on(predictor: DeepPredictor) -> bool:
            logits = predictor.logits(validation)
            losses.append(log_loss(logits, labels_of(validation), validation.weight))
            return len(losses) - 1 - int(np.argmin(losses)) < PATIENCE_EPOCHS

        _train(train, _Plan(design, shape, MAX_EPOCHS, budget.seed), goes_on)
        return Trial(min(losses), shape, int(np.argmin(losses)) + 1)

    best = search(run, budget.n_trials, log)
    plan = _Plan(design, best.settings, best.size, budget.seed)
    fitted = _train(examples.of(*TRAIN_AND_VALIDATION), plan, lambda predictor: True)
    fitted.model.double()  # a float32 probability near 1 has lost its logit
    return fitted


def _draw(rng: np.random.Generator) -> NetworkShape:
    return NetworkShape(
        embedding=int(rng.choice([4, 8, 16])),
        width=int(rng.choice([16, 32, 64, 128])),
        depth=int(rng.integers(1, 4)),
        n_cross=int(rng.integers(1, 4)),
        dropout=float(rng.uniform(0.0, 0.5)),
        rate=float(10 ** rng.uniform(-3.3, -2.0)),
        decay=float(10 ** rng.uniform(-6.0, -2.5)),
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    design: Design
    shape: NetworkShape
    n_epochs: int
    seed: int


def _train(
    examples: Examples, plan: _Plan, goes_on: Callable[[DeepPredictor], bool]
) -> DeepPredictor:
    """Trains one network; `goes_on` is asked after each epoch. Leaves torch's own random generator
    as it was."""
    columns = fit_field_table(examples)
    table = columns.rows(examples)
    fields = fit_fields(table, columns.kinds)
    inputs = fields.inputs(table)
    labels = torch.from_numpy(labels_of(examples).astype(np.float32))
    weights = torch.from_numpy((examples.weight / examples.weight.mean()).astype(np.float32))
    rng = np.random.default_rng(plan.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        model = _build(plan, fields)
        optimizer = torch.optim.Adam(
            model.parameters(), lr=plan.shape.rate, weight_decay=plan.shape.decay
        )
        for epoch in range(1, plan.n_epochs + 1):
            model.train()
            for rows in _batches(len(examples), rng):
                probabilities = model({name: values[rows] for name, values in inputs.items()})
                probabilities = probabilities.clamp(CERTAIN, 1 - CERTAIN)
                loss = binary_cross_entropy(probabilities, labels[rows], weights[rows])
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # torch's stub
                optimizer.step()
            predictor = DeepPredictor(model, columns, fields, plan.shape, epoch)
            if not goes_on(predictor):
                break
    return predictor


def _batches(n: int, rng: np.random.Generator) -> Iterator[torch.Tensor]:
    """Row numbers of the batches of one epoch, even in size: batch normalisation needs more than
    one row."""
    order = rng.permutation(n)
    for rows in np.array_split(order, -(-n // BATCH_ROWS)):
        yield torch.from_numpy(rows)


def _build(plan: _Plan, fields: Fields) -> torch.nn.Module:
    shape = plan.shape
    words = [
        SparseFeature(f"word_{at}", len(edges) + 2, shape.embedding)
        for at, edges in enumerate(fields.edges)
    ]
    numbers = [
        DenseFeature(f"number_{at}")
        for at, (kind, _) in enumerate(fields.encoding.kinds)
        if kind is Kind.NUMBER
    ]
    layers = {"dims": [shape.width] * shape.depth, "dropout": shape.dropout}
    match plan.design:
        case Design.DEEPFM:
            model: torch.nn.Module = DeepFM(words + numbers, words, layers)
        case Design.DCN_V2:
            # Whole cross matrices: the library's low-rank mixture fails on a batch of one.
            model = DCNv2(words + numbers, shape.n_cross, layers, use_low_rank_mixture=False)
        case _:
            assert_never(plan.design)
    return model

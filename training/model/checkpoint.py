"""The checkpoint of a fit: one safetensors file that is complete or not there.

It holds everything that the rest of the run depends on: a run that was killed and continued ends
with the same bits as one that was not. No pickle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from scoring.artifact import HeadKind
from training.model.errors import FitError
from training.whole_file import whole_file

Tensors = Mapping[str, torch.Tensor]

FORMAT = "1"


@dataclass(frozen=True, slots=True)
class ValidationCheck:
    """The metrics on the validation split after `step` optimizer steps. Check 0 is the frozen base
    under its logistic probe. `log_loss` and `auc` are of the point-wise head;
    `precision_at_1_percent` is of the head that is served, and sampled negatives count for those
    left out. `qa_loss` and `mass` are of the model's own Yes and No: their cross-entropy, and their
    share of all that the model could say."""

    step: int
    log_loss: float
    auc: float
    precision_at_1_percent: float
    pair_auc: float
    qa_auc: float
    qa_loss: float
    mass: float

    def auc_of(self, served: HeadKind) -> float:
        return self.auc if served is HeadKind.POINT else self.pair_auc


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a fit stands. `run` names settings, data and base: a checkpoint of another run is
    refused. `best`: the number of the check whose tensors are kept under `best.`."""

    run: str
    step: int
    checks: tuple[ValidationCheck, ...]
    best: int
    tensors: Tensors


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes the checkpoint, complete or not at all. Raises CannotWrite."""
    described = {
        "format": FORMAT,
        "run": checkpoint.run,
        "step": checkpoint.step,
        "checks": [asdict(check) for check in checkpoint.checks],
        "best": checkpoint.best,
    }
    tensors = {name: tensor.contiguous() for name, tensor in checkpoint.tensors.items()}
    with whole_file(path) as part:
        save_file(tensors, part, metadata={"asllr": json.dumps(described)})


def load_checkpoint(path: Path, run: str) -> Checkpoint | None:
    """Reads the checkpoint; None without a file. Raises FitError for one that is damaged or of
    another run."""
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            described = json.loads((file.metadata() or {})["asllr"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise FitError(
            f"the checkpoint {path} cannot be read ({error}); remove it to begin again"
        ) from error
    if described["run"] != run:
        raise FitError(
            f"the checkpoint {path} is of another run: {_difference(described['run'], run)}; "
            "remove it to begin again, or give --work another folder"
        )
    checks = tuple(ValidationCheck(**check) for check in described["checks"])
    return Checkpoint(run, described["step"], checks, described["best"], tensors)


def remove_checkpoint(path: Path) -> None:
    """Removes the checkpoint, and its folder if nothing else is in it."""
    path.unlink(missing_ok=True)
    if path.parent.is_dir() and not any(path.parent.iterdir()):
        path.parent.rmdir()


def _difference(theirs: str, ours: str) -> str:
    """The first value, by name, that differs between two `run` texts, which are JSON of flat
    values."""
    left, right = json.loads(theirs), json.loads(ours)
    for name in sorted(left.keys() | right.keys()):
        if left.get(name) != right.get(name):
            return f"its {name} is {left.get(name)}, this command's is {right.get(name)}"
    return "it differs"


def under(prefix: str, tensors: Tensors) -> dict[str, torch.Tensor]:
    """The tensors with `prefix.` before every name."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def below(prefix: str, tensors: Tensors) -> dict[str, torch.Tensor]:
    """The inverse of `under`: the tensors with that prefix, without it."""
    start = f"{prefix}."
    return {name[len(start) :]: t for name, t in tensors.items() if name.startswith(start)}

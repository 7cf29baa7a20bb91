"""The settings of a fit: every number that shapes it, with its default."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import torch

from scoring.artifact import HeadKind
from training.model.errors import FitError


class Precision(StrEnum):
    """The precision of the matrix products; losses, heads and optimizer are always float32."""

    BF16 = "bf16"
    FP32 = "fp32"

    @staticmethod
    def for_this_machine() -> Precision:
        """bf16 on a GPU. Not on a CPU, few of which have units for it: without them it takes more
        than twice as long."""
        return Precision.BF16 if device_of_this_machine().type != "cpu" else Precision.FP32


def device_of_this_machine() -> torch.device:
    """The GPU, or whatever accelerator torch was built for, where there is one; else the CPU."""
    found = torch.accelerator.current_accelerator(check_available=True)
    return torch.device("cpu") if found is None else found


@dataclass(frozen=True, slots=True)
class FitSettings:
    """All settings of a fit. The weights of the three losses, rank and dropout are those of the
    papers (asLLR, arXiv 2510.21713; HPRO, arXiv 2606.04387). The learning rates `adapter_rate` and
    `head_rate` are not: the papers' 5e-5 and 2.5e-6 hardly change a small adapter in one epoch.
    Both fall linearly to zero. A step reads `accumulation` batches of at most `batch_tokens` on
    each device.

    `heights` are the rungs of the funnel ladder, grade 0 first: the margin of a pair is the
    difference of its heights. They were set by hand in the paper and not ablated; for another
    ladder see `training.dataset.ladder`. `serve`: the head
    whose logit is the artifact's score and by which checks are compared; both heads are fitted.
    `base_bits`: 4 holds the base in 4 bits while it is fitted on; None as `precision` has it."""

    rank: int = 16
    dropout: float = 0.5
    n_epochs: int = 1
    checks_per_epoch: int = 4
    batch_tokens: int = 4_096
    accumulation: int = 1
    adapter_rate: float = 2e-4
    head_rate: float = 5e-5
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    ctr_weight: float = 2.0
    pair_weight: float = 1.0
    qa_weight: float = 0.5
    heights: tuple[float, ...] = (0.0, 0.1, 0.3, 0.5, 0.7, 1.0)
    min_positives_per_batch: int = 2
    probe_strength: float = 0.02
    precision: Precision = Precision.FP32
    gradient_checkpointing: bool = False
    base_bits: int | None = None
    serve: HeadKind = HeadKind.POINT
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, low in (
            ("rank", self.rank, 1),
            ("n_epochs", self.n_epochs, 1),
            ("checks_per_epoch", self.checks_per_epoch, 1),
            ("batch_tokens", self.batch_tokens, 1),
            ("accumulation", self.accumulation, 1),
            ("adapter_rate", self.adapter_rate, 0),
            ("head_rate", self.head_rate, 0),
            ("ctr_weight", self.ctr_weight, 0),
            ("pair_weight", self.pair_weight, 0),
            ("qa_weight", self.qa_weight, 0),
        ):
            if not low <= value < math.inf:
                raise FitError(f"{name} is {value}; expected at least {low} and finite")
        if not 0 <= self.dropout < 1:
            raise FitError(f"dropout is {self.dropout}; expected a share in [0, 1)")
        if self.base_bits not in (None, FOUR_BITS):
            raise FitError(f"base_bits is {self.base_bits}; expected 4 or none")
        if len(self.heights) < MIN_GRADES or not _never_falls(self.heights):
            raise FitError(
                f"heights are {self.heights}; expected finite numbers that never fall, one a "
                "grade: nothing, the stages between the first and the end, won"
            )

    def dtype_on(self, device: torch.device) -> torch.dtype:
        """The type of the frozen weights. On a CPU float32 even under bf16, which there is for the
        products only: half the memory is not worth a second rounding."""
        is_bf16 = device.type != "cpu" and self.precision is Precision.BF16
        return torch.bfloat16 if is_bf16 else torch.float32


FOUR_BITS = 4

MIN_GRADES = 3
"""Nothing, something, won."""


def _never_falls(heights: tuple[float, ...]) -> bool:
    return all(map(math.isfinite, heights)) and all(a <= b for a, b in pairwise(heights))

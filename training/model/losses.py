"""The losses of pre-training and of the pair-wise head, each on explicitly indexed states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import Qwen2ForCausalLM

from training.model.samples import IGNORED, SampleBatch


class CodeHeads(nn.Module):
    """Heads for the wrap-up codes of a call: one on the marker's state, one on each line's last
    token."""

    def __init__(self, hidden: int, n_codes: int) -> None:
        super().__init__()
        self.marker = nn.Linear(hidden, n_codes)
        self.line = nn.Linear(hidden, n_codes)


@dataclass(frozen=True, slots=True)
class PretrainWeights:
    """The weights of the losses of pre-training."""

    lm: float = 0.2
    answer: float = 1.0
    marker: float = 1.0
    line: float = 1.0


def pretrain_loss(
    model: Qwen2ForCausalLM, heads: CodeHeads, batch: SampleBatch, weights: PretrainWeights
) -> dict[str, Tensor]:
    """The losses of a batch. `total` is what to minimise; the parts are for the log."""
    states = final_states(model, batch.input_ids)
    rows = torch.arange(len(batch.markers))
    marked = heads.marker(states[rows, batch.markers]).float()
    lined = heads.line(states[batch.lines[:, 0], batch.lines[:, 1]]).float()
    lm, answer = token_losses(model, states, batch)
    parts = {
        "lm": lm,
        "answer": answer,
        "marker": known_bce(marked, batch.codes),
        "line": known_bce(lined, batch.line_codes),
    }
    parts["total"] = (
        weights.lm * parts["lm"]
        + weights.answer * parts["answer"]
        + weights.marker * parts["marker"]
        + weights.line * parts["line"]
    )
    return parts


def final_states(model: nn.Module, input_ids: Tensor) -> Tensor:
    """(B, T, H): the last hidden states. No attention mask: padding stands on the right, where a
    causal model does not look."""
    backbone = cast("nn.Module", model.base_model)
    states: Tensor = backbone(input_ids=input_ids, use_cache=False).last_hidden_state
    return states


def token_losses(
    model: Qwen2ForCausalLM, states: Tensor, batch: SampleBatch
) -> tuple[Tensor, Tensor]:
    """Mean next-token cross-entropy of the picked prompt positions, and of the answers."""
    logits = model.lm_head(states[batch.picked[:, 0], batch.picked[:, 1]])
    losses = functional.cross_entropy(
        logits.float(), batch.picked_targets, ignore_index=IGNORED, reduction="none"
    )
    is_prompt = ~batch.is_answer & (batch.picked_targets != IGNORED)
    return _mean(losses, is_prompt), _mean(losses, batch.is_answer)


def _mean(losses: Tensor, where: Tensor) -> Tensor:
    return (losses * where).sum() / where.sum().clamp(min=1)


def known_bce(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy, summed over codes and averaged over rows with a known code; NaN =
    unknown."""
    is_known = ~targets.isnan()
    losses = functional.binary_cross_entropy_with_logits(
        logits, targets.nan_to_num(), reduction="none"
    )
    n_rows = is_known.any(dim=-1).sum().clamp(min=1)
    return (losses * is_known).sum() / n_rows


def pair_loss(scores: Tensor, grades: Tensor, heights: Tensor) -> Tensor:
    """The HPRO loss: a Bradley-Terry model with margins, -log sigmoid(winner - loser - margin),
    over all pairs of different grades. The margin is the difference of the grades' `heights`. Each
    grade that wins a pair counts the same, or the many small moves would outweigh the orders. 0
    without a pair.

    C. Zhang and others, Rethinking Sales Lead Scoring with LLM-based Hierarchical Preference
    Ranking, 2026, arXiv 2606.04387; R. A. Bradley and M. E. Terry, Rank Analysis of Incomplete
    Block Designs: I. The Method of Paired Comparisons, Biometrika 39, 1952. The equal weight of
    grades is asllr's own.

    `scores` (batch,), `grades` (batch,) int64, `heights` (grades,)."""
    gap = scores[:, None] - scores[None, :]  # (winner, loser)
    margin = heights[grades][:, None] - heights[grades][None, :]
    is_won = grades[:, None] > grades[None, :]
    losses = torch.where(is_won, functional.softplus(margin - gap), torch.zeros_like(gap))
    n_won = is_won.sum(dim=1).to(losses.dtype)
    per_grade = losses.new_zeros(len(heights)).index_add(0, grades, losses.sum(dim=1))
    n_per_grade = n_won.new_zeros(len(heights)).index_add(0, grades, n_won)
    means = per_grade / n_per_grade.clamp(min=1)
    return means.sum() / (n_per_grade > 0).sum().clamp(min=1)

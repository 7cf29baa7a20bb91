"""The pair-wise loss (HPRO): a lead that went further down the funnel should score higher."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def pair_loss(scores: Tensor, grades: Tensor, heights: Tensor) -> Tensor:
    """Margin-aware Bradley-Terry, -log sigmoid(winner - loser - margin), over every pair of
    another grade; the margin is the difference of the grades' `heights`. Each grade that wins any
    pair counts the same, or the many small moves would drown the orders. 0 without a pair.

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

"""Looks for the known failures of such a fit: its signatures, from the paper and its successors.

A plateau without the QA loss, long leads that are scored worse than short ones, a base that forgot
its language, a Yes or No that no longer agrees with the score. Each comes with its numbers and with
what to try; "cannot tell" is a possible finding. The paper: Y. Sun, Y. Liu, J. Song and others,
asLLR: LLM based Leads Ranking in Auto Sales, 2025, arXiv 2510.21713; its successor: C. Zhang and
others, Rethinking Sales Lead Scoring with LLM-based Hierarchical Preference Ranking, 2026, arXiv
2606.04387.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from scoring.floats import Floats
from scoring.metrics.delong import delong, delong_difference
from training.model.readout import Answers

N_LENGTH_BINS = 4
MIN_POSITIVES_PER_BIN = 10
"""With fewer, the AUC of a bin has a half-width of .15 or more, which is of no use."""

MAX_TELLING_HALF_WIDTH = 0.1
"""The widest interval of a difference of AUCs in which a fall that matters would still be seen."""

FORGOTTEN_NATS = 0.1
"""A rise in the loss per token that counts: a tenth of a nat is ten percent more perplexity."""

MIN_ANSWER_MASS = 0.5
"""Below this share, the model would rather say something else than Yes or No."""

MIN_RANK_CORRELATION = 0.5
"""Between the head's score and the model's own Yes; below, the two contradict each other."""


class FitFinding(StrEnum):
    """What a signature says."""

    FINE = "fine"
    WARNING = "warning"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Signature:
    """One failure that was looked for. `sentence` is for people; `values` are the numbers behind
    it."""

    name: str
    finding: FitFinding
    sentence: str
    values: Mapping[str, float | list[float]]


@dataclass(frozen=True, slots=True)
class JudgedSlice:
    """The validation split, (n,) each, under the fitted model, or under the frozen base where the
    name says so. `logits` are of the head that is served; `lengths` in tokens."""

    labels: Floats
    logits: Floats
    frozen_logits: Floats
    answers: Answers
    frozen_answers: Answers
    lengths: NDArray[np.int64]
    is_cut: NDArray[np.bool_]
    is_summarised: NDArray[np.bool_]
    clusters: NDArray[np.str_]


def plateau(judged: JudgedSlice, aucs: list[float], best: int, qa_weight: float) -> Signature:
    """Is the language model better than its frozen probe, and does the QA loss have an effect?
    `aucs` are of the checks, `best` is the number of the check that was kept."""
    gain = delong_difference(
        judged.logits, judged.frozen_logits, judged.labels, clusters=judged.clusters
    )
    half = gain.half_width()
    before = judged.frozen_answers.loss(judged.labels)
    after = judged.answers.loss(judged.labels)
    values: dict[str, float | list[float]] = {
        "auc_gain_over_frozen_probe": gain.value,
        "half_width": half,
        "qa_loss_before": before,
        "qa_loss_after": after,
        "aucs": aucs,
    }
    gained = f"AUC over the frozen probe {gain.value:+.4f} ± {half:.4f}"
    qa = f"QA loss {before:.3f} → {after:.3f}"
    is_at_work, is_gain = after < before, gain.value - half > 0
    finding = FitFinding.WARNING
    if best == 0:
        sentence = (
            "no check beat the frozen probe, so that scores and the adapter is empty; try another "
            "--adapter-rate, less --dropout, or more orders"
        )
    elif qa_weight == 0:
        sentence = (
            f"the QA loss is off; {gained}; the paper's CTR-only model was no better than DeepFM: "
            "try --qa-weight 0.5"
        )
    elif not is_at_work:
        sentence = f"the QA loss is on but not at work: {qa}; {gained}; try a larger --qa-weight"
    else:
        finding = FitFinding.FINE if is_gain else FitFinding.CANNOT_TELL
        sentence = f"the QA loss is at work ({qa}); {gained}"
        sentence += "" if is_gain else ", which may be nothing"
    return Signature("plateau without QA", finding, sentence, values)


def long_context(judged: JudgedSlice) -> Signature:
    """Are long leads scored worse than short ones? The AUC by prompt length, and whether what did
    not fit was summarised or cut."""
    edges = np.unique(np.quantile(judged.lengths, np.linspace(0, 1, N_LENGTH_BINS + 1)))
    member_of = np.clip(np.searchsorted(edges, judged.lengths, "left") - 1, 0, len(edges) - 2)
    bins = [_bin(judged, np.flatnonzero(member_of == i)) for i in range(max(1, len(edges) - 1))]
    cut, short = float(judged.is_cut.mean()), float(judged.is_summarised.mean())
    values: dict[str, float | list[float]] = {
        "mean_tokens": [each[0] for each in bins],
        "positives": [each[1] for each in bins],
        "auc": [each[2] for each in bins],
        "half_width": [each[3] for each in bins],
        "share_cut": cut,
        "share_summarised": short,
    }
    aucs = ", ".join(f"{n:.0f} tokens {auc:.3f} ± {half:.3f}" for n, _, auc, half in bins)
    active = "active" if short > 0 else "not active"
    tail = (
        f"{cut:.0%} of the conversations were cut to fit; the summariser is {active}: a call of "
        f"{short:.0%} of the leads is kept as a summary"
    )
    telling = [each for each in bins if each[1] >= MIN_POSITIVES_PER_BIN]
    if len(telling) < 2:
        return Signature(
            "long context",
            FitFinding.CANNOT_TELL,
            f"fewer than two length bins have {MIN_POSITIVES_PER_BIN} orders; AUC: {aucs}; {tail}",
            values,
        )
    fall = telling[0][2] - telling[-1][2]
    half = float(np.hypot(telling[0][3], telling[-1][3]))
    if fall - half > 0:
        sentence = (
            f"the longest leads are scored worse by {fall:.3f} ± {half:.3f}; AUC: {aucs}; {tail}; "
            "try a larger --token-budget"
        )
        return Signature("long context", FitFinding.WARNING, sentence, values)
    if half > MAX_TELLING_HALF_WIDTH:
        sentence = f"a fall of less than {fall + half:.2f} would not be seen; AUC: {aucs}; {tail}"
        return Signature("long context", FitFinding.CANNOT_TELL, sentence, values)
    return Signature("long context", FitFinding.FINE, f"AUC: {aucs}; {tail}", values)


def _bin(judged: JudgedSlice, rows: NDArray[np.int64]) -> tuple[float, float, float, float]:
    """(mean tokens, positives, AUC, half-width)."""
    estimate = delong(judged.logits[rows], judged.labels[rows], clusters=judged.clusters[rows])
    tokens = float(judged.lengths[rows].mean()) if len(rows) else float("nan")
    return tokens, float(judged.labels[rows].sum()), estimate.value, estimate.half_width()


def forgetting(
    before: Mapping[str, float], after: Mapping[str, float], n_vocabulary: int
) -> Signature:
    """Did the base forget its language? `before` and `after`: the loss per token of the frozen and
    of the adapted base on held-out texts, by the text's name. A base that only guesses among
    `n_vocabulary` tokens has nothing to forget."""
    guessing = float(np.log(n_vocabulary))
    readable = [name for name in before if before[name] < guessing]
    rises = [after[name] - before[name] for name in readable]
    losses_of_texts = "; ".join(f"{name} {before[name]:.3f} → {after[name]:.3f}" for name in before)
    values: dict[str, float | list[float]] = {
        f"loss_{when} on {name}": loss
        for when, losses in (("before", before), ("after", after))
        for name, loss in losses.items()
    }
    if not readable:
        sentence = (
            f"the base reads the held-out text no better than guessing among its {n_vocabulary} "
            f"tokens ({guessing:.3f} a token), so there is nothing to forget: {losses_of_texts}"
        )
        return Signature("forgetting", FitFinding.CANNOT_TELL, sentence, values)
    if max(rises) > FORGOTTEN_NATS:
        sentence = (
            f"the adapter unlearns the language, loss per token on held-out text: "
            f"{losses_of_texts}; try a smaller --adapter-rate, more --dropout or fewer epochs"
        )
        return Signature("forgetting", FitFinding.WARNING, sentence, values)
    sentence = f"loss per token on held-out text: {losses_of_texts}"
    return Signature("forgetting", FitFinding.FINE, sentence, values)


def answers_still_mean(judged: JudgedSlice) -> Signature:
    """Are the model's own answers still Yes or No, and do they agree with the head?"""
    before, after = float(judged.frozen_answers.mass.mean()), float(judged.answers.mass.mean())
    agreed = rank_correlation(judged.logits, judged.answers.logits)
    own = delong(judged.answers.logits, judged.labels, clusters=judged.clusters)
    values: dict[str, float | list[float]] = {
        "answer_mass_before": before,
        "answer_mass_after": after,
        "rank_correlation_of_head_and_answer": agreed,
        "auc_of_answer": own.value,
        "auc_of_answer_half_width": own.half_width(),
    }
    sentence = (
        f"Yes and No take {after:.1%} of what the model would say (frozen: {before:.1%}); their "
        f"order agrees with the head's by {agreed:.2f} (rank correlation), AUC {own.value:.4f} ± "
        f"{own.half_width():.4f}"
    )
    if after < MIN_ANSWER_MASS:
        sentence += "; it no longer answers the question: try a larger --qa-weight"
        return Signature("answers", FitFinding.WARNING, sentence, values)
    if agreed < MIN_RANK_CORRELATION:
        sentence += "; the two diverge: trust neither before knowing why"
        return Signature("answers", FitFinding.WARNING, sentence, values)
    return Signature("answers", FitFinding.FINE, sentence, values)


def rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's rank correlation (The Proof and Measurement of Association between Two Things,
    American Journal of Psychology 15, 1904). Ties have their mean rank; 0 where one side is
    constant."""
    ranks = [_ranks(values) for values in (first, second)]
    if min(np.ptp(each) for each in ranks) == 0:
        return 0.0
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _ranks(values: Floats) -> Floats:
    ascending = np.sort(values)
    left, right = (np.searchsorted(ascending, values, side) for side in ("left", "right"))
    return (left + right) / 2.0

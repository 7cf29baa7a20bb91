"""The baselines by name, except the stack, which also needs the logits of a language model."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from scoring.report.progress import WriteLine
from training.baselines.baseline import Budget, Predictor
from training.dataset.example import Examples


class Baseline(StrEnum):
    """Every baseline that reads a dataset only."""

    RULE = "rule"
    """Stage and recency: a points card."""
    LOGISTIC = "logistic"
    """On the features and on own fields."""
    LOGISTIC_WORDS = "logistic_words"
    """The same with TF-IDF of what was said and written."""
    TREE_TABULAR = "tree_tabular"
    """LightGBM on the features."""
    TREE_FIELDS = "tree_fields"
    """On the features and on fields that no feature declares."""
    TREE_WORDS = "tree_words"
    """On features, own fields, event aggregates and TF-IDF."""
    TREE_TEXT = "tree_text"
    """The fair rival of a language model: `tree_words` and the wrap-up codes predicted from the
    words, where a dataset has codes."""
    TREE_PRACTISED = "tree_practised"
    """On the features and on the codes that a tagger finds line by line, trained on as many of the
    simulator's calls as the demo's base: for simulated leads."""
    TREE_RANK = "tree_rank"
    """LambdaRank on the funnel's grades."""
    DEEPFM = "deepfm"
    DCN_V2 = "dcn_v2"


SERVED = tuple(name for name in Baseline if name is not Baseline.TREE_PRACTISED)
"""What a fit of can be exported. The rival that practised is for studies of simulated leads: its
tagger knows the simulator's talk and nothing else."""


def fit_baseline(name: Baseline, examples: Examples, budget: Budget, log: WriteLine) -> Predictor:
    """Fits the baseline `name`. Raises DatasetError where the train or validation split has one
    class only; the rule needs no order at all."""
    # Imports here: torch takes seconds to load, and only two of these need it.
    match name:
        case Baseline.RULE:
            from training.baselines.rule import fit_rule

            return fit_rule(examples, budget, log)
        case Baseline.LOGISTIC:
            from training.baselines.logistic import fit_logistic

            return fit_logistic(examples, budget, log)
        case Baseline.LOGISTIC_WORDS:
            from training.baselines.logistic import fit_logistic_words

            return fit_logistic_words(examples, budget, log)
        case Baseline.TREE_TABULAR:
            from training.baselines.tree_tabular import fit_tree_tabular

            return fit_tree_tabular(examples, budget, log)
        case Baseline.TREE_FIELDS:
            from training.baselines.tree_tabular import fit_tree_fields

            return fit_tree_fields(examples, budget, log)
        case Baseline.TREE_WORDS:
            from training.baselines.tree_text import fit_tree_words

            return fit_tree_words(examples, budget, log)
        case Baseline.TREE_TEXT:
            from training.baselines.tree_text import fit_tree_text

            return fit_tree_text(examples, budget, log)
        case Baseline.TREE_PRACTISED:
            from training.baselines.tree_practised import fit_tree_practised

            return fit_tree_practised(examples, budget, log)
        case Baseline.TREE_RANK:
            from training.baselines.tree_rank import fit_tree_rank

            return fit_tree_rank(examples, budget, log)
        case Baseline.DEEPFM:
            from training.baselines.deep_tabular import fit_deepfm

            return fit_deepfm(examples, budget, log)
        case Baseline.DCN_V2:
            from training.baselines.deep_tabular import fit_dcn_v2

            return fit_dcn_v2(examples, budget, log)
        case _:
            assert_never(name)

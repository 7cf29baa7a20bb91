"""What `asllr try` says of the model that it learned."""

from __future__ import annotations

from scoring.backtest.learning import LearnedModel
from scoring.columns.columns import WORDS
from scoring.score import Scorer
from streams.cli.exports.try_base import is_heard
from streams.importers.tables.exports import Exports
from streams.reports.try_text import BASE_WORDS, OwnModel


def own_model(
    exports: Exports,
    created: str | None,
    scorer: Scorer,
    learned: tuple[LearnedModel, LearnedModel | None],
) -> OwnModel:
    """Of which columns it learned: one that moves no score is not used. `created`: the column of
    the moment a lead came in; `learned`: what ranks, and what was judged."""
    final, judged = learned
    named = dict(exports.mapping.profile)
    if created is not None:
        named[created] = created
    moving = set(final.moving)
    if scorer.has_language_model:
        moving |= {*scorer.spec.rendering.own_fields}
    used = {column for name, column in named.items() if name in moving}
    columns = exports.tables["leads"].columns
    return OwnModel(
        baseline=BASE_WORDS if is_heard(final) else final.baseline,
        why=final.why if judged is None else judged.why,
        n_leads=final.n_leads,
        n_orders=final.n_orders,
        columns=tuple(column for column in columns if column in used),
        unused=tuple(column for column in columns if column not in used),
        reads_words=WORDS in moving or scorer.has_language_model,
    )

"""What an imported base is, for people."""

from __future__ import annotations

from training.model.base_record import BaseRecord


def text_of(record: BaseRecord) -> str:
    """One line for each thing worth knowing before a fit."""
    sanity, turns = record.sanity, record.turns
    lines = [
        f"base      {record.name}",
        f"source    {record.source}, sha256 {record.sha256[:16]}…",
        f"licence   {record.licence}",
        f"opening   {turns.opening!r}",
        f"marker    {turns.marker!r}",
        *(f"mended    {change}" for change in record.mended),
        f"English   perplexity {sanity.perplexity:.1f} on a paragraph",
        f"answers   says Yes or No with {sanity.answer_mass:.1%}; to a question whose answer is "
        f"Yes its logit of Yes is {sanity.yes_logit:+.2f}",
    ]
    return "\n".join(lines) + "\n"

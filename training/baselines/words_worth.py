"""Says what words were worth in a search: the same settings were tried without them."""

from __future__ import annotations


def words_worth(others: str, with_words: float, without: float) -> str:
    """One sentence from two losses on the rows that choose. `others`: what is read beside words."""
    verdict = "gain" if with_words < without else "gain nothing"
    return (
        f"words {verdict} over {others}: log loss on the rows that choose "
        f"{with_words:.4f} with words, {without:.4f} without"
    )

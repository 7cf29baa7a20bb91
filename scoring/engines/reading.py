"""Turns a prompt into the token ids that LM engines read: complete, in budget, marker last."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from scoring.engine import Unscorable
from scoring.prompt.turns import CHATML, Turns

REMEMBERED_TEXTS = 2_048
REMEMBERED_CHARS = 4_096
"""Counts of the newest texts are remembered, since a lead is scored many times with the same words:
8 MB at most."""


@dataclass(frozen=True, slots=True)
class PromptReader:
    """Turns prompts into token ids. `marker_ids` are the tokens of the answer marker; the score is
    read at the last of them."""

    tokenizer: Tokenizer
    max_tokens: int
    marker_ids: tuple[int, ...]

    def token_ids(self, prompt: str) -> list[int]:
        """Returns the token ids of `prompt`. Raises Unscorable; its message counts tokens and never
        quotes the prompt."""
        ids: list[int] = self.tokenizer.encode(prompt, add_special_tokens=False).ids
        if len(ids) > self.max_tokens:
            raise Unscorable(
                f"the prompt has {len(ids)} tokens, the artifact reads {self.max_tokens}; "
                "build prompts with the artifact's token budget"
            )
        if tuple(ids[-len(self.marker_ids) :]) != self.marker_ids:
            raise Unscorable("the prompt does not end with the answer marker")
        return ids


def load_reader(
    path: Path, max_tokens: int, turns: Turns = CHATML
) -> tuple[PromptReader, Callable[[str], int]]:
    """Loads the reader of an artifact's `tokenizer.json`, and its `count_tokens`. `turns`: the
    artifact's."""
    tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    remembered = lru_cache(maxsize=REMEMBERED_TEXTS)(count)

    def count_tokens(text: str) -> int:
        return remembered(text) if len(text) <= REMEMBERED_CHARS else count(text)

    return PromptReader(tokenizer, max_tokens, marker_ids(tokenizer, turns.marker)), count_tokens


def marker_ids(tokenizer: Tokenizer, marker: str, before: str = "?") -> tuple[int, ...]:
    """The tokens of `marker` at the end of a prompt. Not those of `marker` alone: some tokenizers
    begin every text with a token of its own."""
    encoded = tokenizer.encode(before + marker, add_special_tokens=False)
    return tuple(
        token
        for token, (start, _) in zip(encoded.ids, encoded.offsets, strict=True)
        if start >= len(before)
    )


def finite(logit: float) -> float:
    """Returns `logit`; raises Unscorable when it is NaN or infinite."""
    if not math.isfinite(logit):
        raise Unscorable("the model returned a logit that is not a number")
    return logit

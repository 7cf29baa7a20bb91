"""Turns a prompt into the token ids that LM engines read: complete, in budget, marker last."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from schemas.events import Role
from scoring.engine import Unscorable
from scoring.floats import Floats
from scoring.prompt.prompt import CALLS, END, HEADING
from scoring.prompt.turns import CHATML, Turns

REMEMBERED_TEXTS = 2_048
REMEMBERED_CHARS = 8_192
"""Counts of the newest texts are remembered, since a lead is scored many times with the same words:
16 MB at most."""

TALK_BEGINS = f"\n{HEADING}{CALLS}\n"
TALK_ENDS = f"\n{HEADING}{END}\n"
CUSTOMER_LINE = re.compile(rf"^{Role.CUSTOMER.value}: (.*)$", re.MULTILINE)
"""Lead text is fenced: no other line of the conversation can begin so."""


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """A prompt's token ids, and where each token's text begins and ends in it (characters)."""

    ids: list[int]
    offsets: Sequence[tuple[int, int]]


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
        return self.tokens(prompt).ids

    def tokens(self, prompt: str) -> PromptTokens:
        """As `token_ids`, with the place of each token in `prompt`."""
        encoding = self.tokenizer.encode(prompt, add_special_tokens=False)
        ids: list[int] = encoding.ids
        if len(ids) > self.max_tokens:
            raise Unscorable(
                f"the prompt has {len(ids)} tokens, the artifact reads {self.max_tokens}; "
                "build prompts with the artifact's token budget"
            )
        if tuple(ids[-len(self.marker_ids) :]) != self.marker_ids:
            raise Unscorable("the prompt does not end with the answer marker")
        return PromptTokens(ids, encoding.offsets)


def load_reader(
    path: Path, max_tokens: int, turns: Turns = CHATML
) -> tuple[PromptReader, Callable[[str], int]]:
    """Loads the reader of an artifact's `tokenizer.json`, and its `count_tokens`. `turns`: the
    artifact's."""
    tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()

    def count(text: str) -> int:
        # Without offsets, which take a third of the time.
        return len(tokenizer.encode_batch_fast([text], add_special_tokens=False)[0])

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


def spoken_weights(prompt: str, offsets: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
    """The share of each token in the mean over the customer's words: float32 (n_tokens,) of sum 1,
    or zeros where the customer said nothing. `offsets`: where the tokens lie in `prompt`. A token
    counts if any of its characters is of the words; "customer:" itself and the line's end are not.

    >>> spoken_weights("# me\\n# calls\\ncustomer: Yes\\n# end\\n", [(0, 14), (14, 23), (23, 27)])
    array([0., 0., 1.], dtype=float32)
    """
    end = prompt.rfind(TALK_ENDS)
    begin = prompt.rfind(TALK_BEGINS, 0, end + 1)
    places = np.asarray(offsets, dtype=np.int64).reshape(-1, 2)
    is_spoken = np.zeros(len(places), dtype=bool)
    if 0 <= begin < end:
        for words in CUSTOMER_LINE.finditer(prompt, begin + len(TALK_BEGINS), end):
            start, stop = words.span(1)
            is_spoken |= (places[:, 0] < stop) & (places[:, 1] > start)
    return (is_spoken / max(int(is_spoken.sum()), 1)).astype(np.float32)


def finite(logit: float) -> float:
    """Returns `logit`; raises Unscorable when it is NaN or infinite."""
    if not math.isfinite(logit):
        raise Unscorable("the model returned a logit that is not a number")
    return logit


def finite_row(row: Floats) -> Floats:
    """Returns `row`; raises Unscorable when any number of it is NaN or infinite."""
    finite(float(row.sum()))
    return row

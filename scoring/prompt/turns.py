"""How a base's turns are written: what opens a prompt, and what opens the answer.

An instruct model was trained on one form of turns, and a score is read where its own answer begins.
The form is the base's, so it lives in the artifact; ChatML where an artifact names none.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

TurnText = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]

GAPS = (" ", "·", "-", "_", "~", "¦", "¬")
"""What may stand between the halves of what lead text cannot hold."""

NOTHING = "(?!)"
"""A pattern that is found nowhere."""


class Turns(BaseModel):
    """`opening` stands before the instruction. `marker` stands after the question and is the
    answer's start: its last token has seen the whole lead and is where a score is read off.
    `reserved`: what the base's tokenizer or its marker would read as more than text, and lead text
    could hold although it is fenced (`scoring.prompt.units`).

    >>> CHATML.marker
    '<|im_end|>\\n<|im_start|>assistant\\n'
    >>> turns = Turns(opening="<s>[INST] ", marker=" [/INST]", reserved=("[/INST]", "[INST]"))
    >>> turns.fenced("a [note] on [/inst] yes")
    'a [note] on [ /inst] yes'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    opening: TurnText = "<|im_start|>user\n"
    marker: TurnText = "<|im_end|>\n<|im_start|>assistant\n"
    reserved: tuple[TurnText, ...] = ()

    def fenced(self, text: str) -> str:
        """Lead text with every reserved part broken in two; the same text where there is none."""
        if not self.reserved:
            return text
        pattern, gap = _breaking(self.reserved)
        broken = _broken_once(text, pattern, gap)
        while broken != text:  # again: parts may overlap
            text, broken = broken, _broken_once(broken, pattern, gap)
        return text


CHATML = Turns()
"""Those of Qwen and SmolLM, and of every artifact from before bases had turns of their own."""


@lru_cache(maxsize=64)
def _breaking(reserved: tuple[str, ...]) -> tuple[re.Pattern[str], str]:
    """What finds reserved parts in folded text, and a gap that is in none of them: a text that was
    broken once holds fewer of them, never others."""
    folded = {"".join(map(_folded, part)) for part in reserved}
    parts = sorted(folded - {""}, key=len, reverse=True)
    gap = next((gap for gap in GAPS if not any(gap in part for part in parts)), "")
    if not gap:
        raise ValueError(f"reserved parts hold all of {GAPS}; no text can be broken up")
    return re.compile("|".join(map(re.escape, parts)) or NOTHING), gap


def _broken_once(text: str, pattern: re.Pattern[str], gap: str) -> str:
    """Each part that is found gets a gap behind its first character."""
    folded = [_folded(character) for character in text]
    origins = [at for at, parts in enumerate(folded) for _ in parts]
    pieces, done = [], 0
    for found in pattern.finditer("".join(folded)):
        first, last = origins[found.start()], origins[found.end() - 1]
        kept = text[done : first + 1] if first < last else text[done:first]
        pieces += [kept, gap]
        done = first + 1
    return "".join([*pieces, text[done:]])


@lru_cache(maxsize=4_096)
def _folded(character: str) -> str:
    """The character as the most forgiving tokenizer reads it: wide and joined forms, letters of
    other styles and cases, without accents, without what has no width."""
    plain = unicodedata.normalize("NFKD", character).casefold()
    return "".join(c for c in plain if unicodedata.category(c) not in ("Mn", "Cf"))

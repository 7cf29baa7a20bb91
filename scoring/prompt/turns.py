"""How a base's turns are written: what opens a prompt, and what opens the answer.

An instruct model was trained on one form of turns, and a score is read where its own answer begins.
The form is the base's, so it lives in the artifact; ChatML where an artifact names none.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

TurnText = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]

GAPS = (" ", "·", "-", "_", "~")
"""What may stand between the halves of what lead text cannot hold."""


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
        n_broken = 1
        while n_broken:  # again: parts may overlap
            text, n_broken = pattern.subn(lambda found: _broken(found[0], gap), text)
        return text


CHATML = Turns()
"""Those of Qwen and SmolLM, and of every artifact from before bases had turns of their own."""


def _broken(part: str, gap: str) -> str:
    return f"{part[0]}{gap}{part[1:]}" if len(part) > 1 else gap


@lru_cache(maxsize=64)
def _breaking(reserved: tuple[str, ...]) -> tuple[re.Pattern[str], str]:
    """What finds reserved parts, and a gap that is in none of them: a text that was broken once
    holds fewer of them, never others."""
    gap = next((gap for gap in GAPS if not any(gap in part for part in reserved)), "")
    if not gap:
        raise ValueError(f"reserved parts hold all of {GAPS}; no text can be broken up")
    parts = "|".join(map(_seen, sorted(reserved, key=len, reverse=True)))
    return re.compile(parts, re.IGNORECASE), gap


def _seen(part: str) -> str:
    """`part` in the forms that some tokenizers fold into it: wide, joined, of other case."""
    return r"[\u200c\u200d]*".join(
        f"[{re.escape(c)}{chr(ord(c) + 0xFEE0)}]" if "!" <= c <= "~" else re.escape(c) for c in part
    )

"""How a base's turns are written: what opens a prompt, and what opens the answer.

An instruct model was trained on one form of turns, and a score is read where its own answer begins.
The form is the base's, so it lives in the artifact; ChatML where an artifact names none.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Turn = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]


class Turns(BaseModel):
    """`opening` stands before the instruction. `marker` stands after the question and is the
    answer's start: its last token has seen the whole lead and is where a score is read off.
    `reserved`: what the base's tokenizer or its marker would read as more than text, so that lead
    text cannot hold it.

    >>> CHATML.marker
    '<|im_end|>\\n<|im_start|>assistant\\n'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    opening: Turn = "<|im_start|>user\n"
    marker: Turn = "<|im_end|>\n<|im_start|>assistant\n"
    reserved: tuple[Turn, ...] = ()


CHATML = Turns()
"""Those of Qwen and SmolLM, and of every artifact from before bases had turns of their own. Lead
text holds no `<`, `|` and `>` anyway (`scoring.prompt.units`), so nothing is reserved."""

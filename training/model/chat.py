"""The turns of a base, from its own chat template: what opens a prompt and what opens an answer.

The template is rendered around probes, never parsed, so that any template will do that lets a user
speak and an assistant answer. A default system prompt is left out: asllr's instruction stands in
the user's turn, and some defaults name the day of today.
"""

from __future__ import annotations

import re

from jinja2 import TemplateError
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase

from scoring.engines.reading import marker_ids
from scoring.prompt.turns import CHATML, Turns
from scoring.prompt.units import RESERVED
from training.model.errors import FitError

ASKED, SAID, ASKED_AGAIN = "PROBEQ", "PROBEA", "PROBER"
CONTROL = re.compile(r"<[^<>\s]+>")
"""What is written like this was meant as one token; `[INST]` is plain text for some bases."""

ENDS_OF_TEXT = ("?", "a", "7", ".", ")")
"""What a question might end with: the marker's tokens must not depend on it."""


def turns_of(name: str, reading: PreTrainedTokenizerBase) -> Turns:
    """The turns of the base `name`. Raises FitError for a base without a template, or with one
    that does not let a user speak and an assistant answer.

    A template that opens as ChatML does gives CHATML itself, so that its artifacts are written and
    read as they always were.
    """
    if not reading.chat_template:
        raise FitError(
            f"the tokenizer of {name} has no chat template, and a score is read off the "
            "assistant's opening; take the instruct version, or give the base's own template with "
            "--chat-template FILE"
        )
    before, marker = _around(name, reading)
    if not before or not marker or ASKED in marker:
        raise FitError(
            f"the chat template of {name} puts {before[-40:]!r} before a user's words and "
            f"{marker[:40]!r} after them, expected an opening and an answer marker; give the "
            "base's own template with --chat-template FILE"
        )
    if before.endswith(CHATML.opening) and marker == CHATML.marker:
        return CHATML
    opening = _without_system(name, reading, before)
    return Turns(opening=opening, marker=marker, reserved=_reserved(reading, opening + marker))


def has_default_system(name: str, reading: PreTrainedTokenizerBase, turns: Turns) -> bool:
    """Whether the template says more before a user's words than `turns` does."""
    return _around(name, reading)[0] != turns.opening


def closing_token(name: str, reading: PreTrainedTokenizerBase) -> str | None:
    """The token that ends an assistant's turn; None where the template writes none."""
    return next(
        (part for part in _parts(reading, _closing(name, reading)) if _is_token(reading, part)),
        None,
    )


def check_turns(name: str, tokenizer: Tokenizer, turns: Turns) -> None:
    """Raises FitError unless the base reads its markers as it was trained to: each control token
    is one token (a new embedding learns nothing under LoRA), and the marker's tokens are the same
    whatever stands before it."""
    for token in sorted(set(CONTROL.findall(turns.opening + turns.marker))):
        ids = tokenizer.encode(token, add_special_tokens=False).ids
        if len(ids) != 1:
            raise FitError(
                f"the tokenizer of {name} splits {token} of its chat template into {len(ids)} "
                "tokens, expected 1 that it was trained with; take the tokenizer and the template "
                "of one model"
            )
    endings = {marker_ids(tokenizer, turns.marker, text) for text in ENDS_OF_TEXT}
    if len(endings) != 1 or not all(endings):
        raise FitError(
            f"the tokenizer of {name} splits the answer marker {turns.marker!r} in "
            f"{len(endings)} ways, by the text before it, expected 1; take a base whose marker "
            "begins with a token of its own"
        )


def _around(name: str, reading: PreTrainedTokenizerBase) -> tuple[str, str]:
    """What stands before a user's words, and after them where an answer begins."""
    before, _, after = _rendered(name, reading, [ASKED], answers=True).partition(ASKED)
    return before, after


def _without_system(name: str, reading: PreTrainedTokenizerBase, before: str) -> str:
    """`before` a first user's words, without a system prompt that nobody gave: as a second user's
    turn is opened, behind the token that begins a text."""
    again = _rendered(name, reading, [ASKED, SAID, ASKED_AGAIN], answers=True)
    between = again.partition(SAID)[2].partition(ASKED_AGAIN)[0]
    opening = between.removeprefix(_shared(reading, between, _closing(name, reading)))
    system = before.removesuffix(opening)
    if not opening or system == before:
        return before
    begins = str(reading.bos_token or "")
    return (begins if begins and system.startswith(begins) else "") + opening


def _closing(name: str, reading: PreTrainedTokenizerBase) -> str:
    said = _rendered(name, reading, [ASKED, SAID], answers=False)
    return said.partition(SAID)[2]


def _shared(reading: PreTrainedTokenizerBase, one: str, other: str) -> str:
    """What both begin with, in whole tokens: half a token is not shared."""
    shared = ""
    for first, second in zip(_parts(reading, one), _parts(reading, other), strict=False):
        if first != second:
            break
        shared += first
    return shared


def _parts(reading: PreTrainedTokenizerBase, text: str) -> list[str]:
    """`text` cut around the tokens of its markers."""
    tokens = sorted(_added(reading), key=len, reverse=True)
    if not tokens:
        return [text]
    return [part for part in re.split(f"({'|'.join(map(re.escape, tokens))})", text) if part]


def _is_token(reading: PreTrainedTokenizerBase, part: str) -> bool:
    return part in _added(reading)


def _added(reading: PreTrainedTokenizerBase) -> list[str]:
    """Tokens that are read as such wherever their text stands, but for mere white space."""
    decoder = reading.added_tokens_decoder
    return [token.content for token in decoder.values() if token.content.strip()]


def _reserved(reading: PreTrainedTokenizerBase, markers: str) -> tuple[str, ...]:
    """The tokens, and the marks that a marker is made of, which lead text could hold: not those
    with a character that it never has."""
    plain = (word for part in _parts(reading, markers) for word in part.split())
    marks = {word for word in plain if len(word) > 1 and not word.isalnum()}
    held = (text for text in marks.union(_added(reading)) if text == text.translate(RESERVED))
    return tuple(sorted(held))


def _rendered(
    name: str, reading: PreTrainedTokenizerBase, words: list[str], *, answers: bool
) -> str:
    roles = ("user", "assistant")
    turns = [{"role": roles[at % 2], "content": text} for at, text in enumerate(words)]
    try:
        # Templates without a switch for thinking do not look at it.
        rendered = reading.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=answers, enable_thinking=False
        )
    except (TemplateError, TypeError, ValueError, KeyError) as error:
        raise FitError(
            f"the chat template of {name} cannot be rendered ({type(error).__name__}: {error}); "
            "give the base's own template with --chat-template FILE"
        ) from error
    return str(rendered)

"""Puts right what a base's files get wrong of its tokens, and says so.

Conversions lose such things: the GGUF of SmolLM2, read by transformers, ends its turns with the
token that opens them. A score is read before any token is generated, so `eos` only matters to who
generates; `pad` must not be a token that means something.
"""

from __future__ import annotations

from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from scoring.prompt.turns import Turns
from training.model.chat import closing_token
from training.model.errors import FitError

PADS = ("<|endoftext|>", "<pad>", "<|finetune_right_pad_id|>", "<|pad|>", "[PAD]", "<unk>")
"""What bases pad with, the likeliest first."""


def mended(
    name: str, reading: PreTrainedTokenizerBase, turns: Turns
) -> tuple[PreTrainedTokenizerFast, tuple[str, ...]]:
    """The tokenizer with a padding and an ending token of its own, and a sentence for each change.
    Raises FitError where there is no token to pad with."""
    eos, pad = _eos(name, reading, turns), _pad(name, reading, turns)
    described = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=reading.backend_tokenizer,
        pad_token=pad,
        eos_token=eos,
        bos_token=reading.bos_token,
        unk_token=reading.unk_token,
    )
    described.chat_template = reading.chat_template
    changes = (("eos", reading.eos_token, eos), ("pad", reading.pad_token, pad))
    return described, tuple(
        f"{what} was {old or 'not named'}, is {new}" for what, old, new in changes if old != new
    )


def _eos(name: str, reading: PreTrainedTokenizerBase, turns: Turns) -> str | None:
    named = reading.eos_token
    if named and named in reading.get_vocab() and str(named) not in turns.opening:
        return str(named)
    return closing_token(name, reading) or (str(named) if named else None)


def _pad(name: str, reading: PreTrainedTokenizerBase, turns: Turns) -> str:
    vocabulary, markers = reading.get_vocab(), turns.opening + turns.marker
    taken = {reading.eos_token, closing_token(name, reading)}
    named = [token for token in (reading.pad_token, *PADS, reading.unk_token) if token]
    free = (token for token in named if token in vocabulary and token not in markers)
    found = next((str(token) for token in free if token not in taken), None)
    if found is None:
        raise FitError(
            f"the tokenizer of {name} has no token to pad with (looked for {', '.join(PADS)}); "
            "name one of its own in tokenizer_config.json as pad_token, a new one would need new "
            "weights"
        )
    return found

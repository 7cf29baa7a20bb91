"""Trains the demo's tokenizer: byte-fallback BPE over prompts, with the chat markers as special
tokens.

BPE: R. Sennrich, B. Haddow and A. Birch, Neural Machine Translation of Rare Words with Subword
Units, 2016, arXiv 1508.07909.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

PAD = "<|endoftext|>"
EOS = "<|im_end|>"
MARKER_OPENS = "<|im_start|>"
SPECIALS = (PAD, MARKER_OPENS, EOS)
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""ChatML: the turns that prompts are made of."""

BYTES = tuple(f"<0x{value:02X}>" for value in range(256))
_WORDS = Regex(r" ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s")


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Trains the tokenizer. Digits stand alone, a word keeps its leading space, a character never
    seen becomes its UTF-8 bytes. Deterministic for the same texts in the same order."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(_WORDS, behavior="isolated")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=3,
        special_tokens=[*SPECIALS, *BYTES],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return _without_byte_specials(tokenizer)


def _without_byte_specials(tokenizer: Tokenizer) -> Tokenizer:
    """Makes the bytes plain tokens: they stay in the vocabulary, but text that spells `<0x41>` must
    not become a byte."""
    declared = json.loads(tokenizer.to_str())
    declared["added_tokens"] = [
        token for token in declared["added_tokens"] if token["content"] in SPECIALS
    ]
    return Tokenizer.from_str(json.dumps(declared))


def token_id(tokenizer: Tokenizer, token: str) -> int:
    """The id of a token. Raises KeyError for one that is not in the vocabulary."""
    number = tokenizer.token_to_id(token)
    if number is None:
        raise KeyError(token)
    return int(number)

"""Puts right how transformers reads the tokenizer of a GGUF file, and says so.

The file names each token's kind and how text is split before tokens are looked for; the reader
keeps less than that. Both decide what a model reads: a marker that is not known as a token falls
into pieces, and a number that is split otherwise than in training is another text.
"""

from __future__ import annotations

from collections.abc import Callable

from gguf import GGUFReader, TokenType
from tokenizers import AddedToken, Regex, Tokenizer, pre_tokenizers
from transformers import PreTrainedTokenizerBase

LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How the tokenizers of Llama 3 and of Mistral's Tekken split, from the models' tokenizer.json."""

READ_AS_GPT2 = ("llama", "deci")
"""Architectures whose byte-level tokenizers transformers splits as GPT-2 does, whatever the file
says."""


def _by_pattern(pattern: str) -> pre_tokenizers.PreTokenizer:
    split = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    unsplit = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([split, unsplit])


def _by_digits() -> pre_tokenizers.PreTokenizer:
    digits = pre_tokenizers.Digits(individual_digits=True)
    return pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])


SPLITS: dict[str, Callable[[], pre_tokenizers.PreTokenizer]] = {
    "smollm": _by_digits,
    "llama-bpe": lambda: _by_pattern(LLAMA_3),
    "tekken": lambda: _by_pattern(TEKKEN),
}
"""By the name that the file has for it (`tokenizer.ggml.pre`)."""
AS_GPT2 = ("gpt-2", "default")


def mend_tokens(reader: GGUFReader, reading: PreTrainedTokenizerBase) -> tuple[str, ...]:
    """Changes the tokenizer in place; returns a sentence for each change that matters to people."""
    tokenizer = reading.backend_tokenizer
    n_added = _add_missing(reader, tokenizer)
    sentences = [f"{n_added} tokens of its own were read as plain text"] if n_added else []
    split = str(_value(reader, "tokenizer.ggml.pre") or "")
    is_gpt2 = _value(reader, "general.architecture") in READ_AS_GPT2
    if not is_gpt2 or _value(reader, "tokenizer.ggml.model") != "gpt2" or split in AS_GPT2:
        return tuple(sentences)
    if split in SPLITS:
        tokenizer.pre_tokenizer = SPLITS[split]()
        return (*sentences, f"text was split as by GPT-2, is split as by {split}")
    return (
        *sentences,
        f"text is split as by GPT-2, the file says {split or 'nothing'}, which is not known here: "
        "the safetensors of this model may read better",
    )


def _add_missing(reader: GGUFReader, tokenizer: Tokenizer) -> int:
    """Control tokens and those of users are tokens wherever they stand; returns how many were
    not."""
    tokens = reader.get_field("tokenizer.ggml.tokens")
    kinds = reader.get_field("tokenizer.ggml.token_type")
    if tokens is None or kinds is None:
        return 0
    known = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    texts: list[str] = tokens.contents()
    n_added = 0
    for text, kind in zip(texts, kinds.contents(), strict=True):
        is_control = kind == TokenType.CONTROL
        if (is_control or kind == TokenType.USER_DEFINED) and text.strip() and text not in known:
            token = AddedToken(text, normalized=False, special=is_control)
            add = tokenizer.add_special_tokens if is_control else tokenizer.add_tokens
            add([token])
            n_added += 1
    return n_added


def _value(reader: GGUFReader, name: str) -> object:
    field = reader.get_field(name)
    return None if field is None else field.contents()

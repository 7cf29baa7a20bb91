"""The demo's base: a small language model of Qwen2's architecture, for where no model hub is in
reach."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from training.demo.tokenizer import CHAT_TEMPLATE, EOS, PAD


@dataclass(frozen=True, slots=True)
class BaseSize:
    """The sizes of the base. `max_tokens` is what the base says it can read. No weight depends on
    it (positions are rotary), so it is far above what the recipe reads: whoever fits the base to
    other leads needs the room."""

    hidden: int = 128
    n_layers: int = 4
    n_heads: int = 4
    n_kv_heads: int = 2
    intermediate: int = 384
    max_tokens: int = 1_024


def build_base(size: BaseSize, vocab_size: int, pad_id: int, eos_id: int) -> Qwen2ForCausalLM:
    """Builds the base with random weights of standard deviation 1/sqrt(hidden): the usual 0.02 is
    far too small at this width, and such a model learns nothing in minutes. Seed torch first."""
    config = Qwen2Config(
        vocab_size=vocab_size,
        hidden_size=size.hidden,
        num_hidden_layers=size.n_layers,
        num_attention_heads=size.n_heads,
        num_key_value_heads=size.n_kv_heads,
        intermediate_size=size.intermediate,
        max_position_embeddings=size.max_tokens,
        initializer_range=size.hidden**-0.5,
        tie_word_embeddings=True,
        pad_token_id=pad_id,
        eos_token_id=eos_id,
        bos_token_id=None,
        use_cache=False,
    )
    config._attn_implementation = "eager"  # 1.5x the speed of sdpa at this size
    return Qwen2ForCausalLM(config)  # type: ignore[no-untyped-call]


def described_tokenizer(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """The tokenizer as it is saved beside the base, with the padding token and the chat template
    that a fit needs."""
    described = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=EOS
    )
    described.chat_template = CHAT_TEMPLATE
    return described


def round_to_half(model: torch.nn.Module) -> None:
    """Rounds the weights to float16. The base can then be stored in half the bytes, and what is
    fitted on top is fitted on exactly the numbers that are loaded later."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half().float())

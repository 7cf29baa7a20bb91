"""A tiny Llama as a GGUF file, written as llama.cpp's converter writes one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFWriter, TokenType
from numpy.typing import NDArray
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tests.training.model.styles import STYLES, reading_of

NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def tiny_llama(reading: PreTrainedTokenizerFast, max_tokens: int = 2_048) -> LlamaForCausalLM:
    """Random weights, of which all that matters are kept by the GGUF."""
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(reading),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=max_tokens,
        initializer_range=0.125,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config).eval()


def save_gguf(
    path: Path,
    model: LlamaForCausalLM,
    reading: PreTrainedTokenizerFast,
    kind: GGMLQuantizationType = GGMLQuantizationType.F32,
    *,
    pre: str = "llama-bpe",
    architecture: str = "llama",
) -> Path:
    config: dict[str, Any] = model.config.to_dict()
    writer = GGUFWriter(str(path), architecture)
    writer.add_license("apache-2.0")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    _add_tokenizer(writer, reading, pre)
    for name, tensor in model.state_dict().items():
        if name != "lm_head.weight":
            values = tensor.float().numpy()
            _add_tensor(writer, _named(name), _permuted(name, values, config), kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def llama_reading(style: str = "llama3.1") -> PreTrainedTokenizerFast:
    return reading_of(STYLES[style])


def _add_tokenizer(writer: GGUFWriter, reading: PreTrainedTokenizerFast, pre: str) -> None:
    added = {token.content: token.special for token in reading.added_tokens_decoder.values()}
    kinds = {True: TokenType.CONTROL, False: TokenType.USER_DEFINED, None: TokenType.NORMAL}
    texts = sorted(reading.get_vocab(), key=reading.get_vocab().__getitem__)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(texts)
    writer.add_token_types([kinds[added.get(text)] for text in texts])
    writer.add_token_merges([" ".join(pair) for pair in _merges(reading)])
    writer.add_bos_token_id(reading.bos_token_id)
    writer.add_eos_token_id(reading.eos_token_id)
    if reading.chat_template is not None:
        writer.add_chat_template(reading.chat_template)


def _merges(reading: PreTrainedTokenizerFast) -> list[tuple[str, str]]:
    merges: list[tuple[str, str]] = json.loads(reading.backend_tokenizer.to_str())["model"][
        "merges"
    ]
    return merges


def _add_tensor(
    writer: GGUFWriter, name: str, values: NDArray[np.float32], kind: GGMLQuantizationType
) -> None:
    if values.ndim == 1 or kind is GGMLQuantizationType.F32:
        writer.add_tensor(name, values)
    else:
        writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)


def _named(name: str) -> str:
    fixed = {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
    }
    if name in fixed:
        return fixed[name]
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{NAMES[rest.removesuffix('.weight')]}.weight"


def _permuted(
    name: str, values: NDArray[np.float32], config: Mapping[str, Any]
) -> NDArray[np.float32]:
    """llama.cpp rotates neighbours where transformers rotates halves: rows of q and k move."""
    heads = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}
    head = next((config[key] for part, key in heads.items() if part in name), None)
    if head is None:
        return values
    rows, columns = values.shape
    halves = values.reshape(head, 2, rows // head // 2, columns)
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(rows, columns))

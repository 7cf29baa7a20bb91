"""Bases of different marker styles, small: the templates as the real models have them (what is not
about plain turns left out), the tokenizers built like theirs and trained on a few lines."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from transformers import PreTrainedTokenizerFast

LINES = (
    "Will this customer order within 14 days? Yes No",
    "customer: the price is too high [for us], and we wait until spring.",
    "agent: shall we talk about your budget in 2026? system user assistant model INST",
)

ALTERNATE = (
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
)


@dataclass(frozen=True)
class Style:
    """`special`: tokens that no text may become, the first begins a text, the second ends it.
    `is_byte_level`: as Qwen and Llama 3 read; else as SentencePiece models do. `plain`: tokens that
    are added and not special. `folds`: styles and cases of letters are one to it. `opening`,
    `marker`: what the template must give."""

    template: str
    special: tuple[str, ...]
    opening: str
    marker: str
    is_byte_level: bool = True
    plain: tuple[str, ...] = ()
    folds: bool = False


STYLES = {
    "qwen2.5": Style(
        "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are Qwen, created by "
        "Alibaba Cloud. You are a helpful assistant.<|im_end|>\n' }}{% endif %}{% for message in "
        "messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + "
        "'\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
        "{% endif %}",
        ("<|endoftext|>", "<|im_end|>", "<|im_start|>"),
        "<|im_start|>user\n",
        "<|im_end|>\n<|im_start|>assistant\n",
    ),
    "qwen3": Style(
        "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' }}{% if message.role "
        "== 'assistant' and loop.last %}{{ '<think>\n\n</think>\n\n' }}{% endif %}{{ "
        "message.content + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ "
        "'<|im_start|>assistant\n' }}{% if enable_thinking is defined and enable_thinking is false "
        "%}{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}",
        ("<|endoftext|>", "<|im_end|>", "<|im_start|>"),
        "<|im_start|>user\n",
        "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
        plain=("<think>", "</think>", "<tool_call>"),
    ),
    "llama3.1": Style(
        "{{- bos_token }}{%- if not date_string is defined %}{%- set date_string = '26 Jul 2024' %}"
        "{%- endif %}{%- if messages[0]['role'] == 'system' %}{%- set system_message = "
        "messages[0]['content']|trim %}{%- set messages = messages[1:] %}{%- else %}{%- set "
        "system_message = '' %}{%- endif %}{{- '<|start_header_id|>system<|end_header_id|>\n\n' }}"
        "{{- 'Cutting Knowledge Date: December 2023\n' }}{{- 'Today Date: ' + date_string + "
        "'\n\n' }}{{- system_message }}{{- '<|eot_id|>' }}{%- for message in messages %}{{- "
        "'<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | "
        "trim + '<|eot_id|>' }}{%- endfor %}{%- if add_generation_prompt %}{{- "
        "'<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}",
        (
            "<|begin_of_text|>",
            "<|eot_id|>",
            "<|end_of_text|>",
            "<|start_header_id|>",
            "<|end_header_id|>",
            "<|finetune_right_pad_id|>",
        ),
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n",
        "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    ),
    "gemma": Style(
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role "
        "not supported') }}{% endif %}{% for message in messages %}" + ALTERNATE + "{% if "
        "(message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = "
        "message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | "
        "trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}"
        "{{'<start_of_turn>model\n'}}{% endif %}",
        ("<bos>", "<eos>", "<pad>", "<unk>", "<start_of_turn>", "<end_of_turn>"),
        "<bos><start_of_turn>user\n",
        "<end_of_turn>\n<start_of_turn>model\n",
        is_byte_level=False,
        plain=("\n\n", "   ", "[multimodal]", "<h1>"),
    ),
    "phi3": Style(
        "{% for message in messages %}{% if message['role'] == 'system' %}{{'<|system|>\n' + "
        "message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}{{'<|user|>\n' + "
        "message['content'] + '<|end|>\n'}}{% elif message['role'] == 'assistant' %}"
        "{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}{% if "
        "add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}",
        ("<s>", "<|endoftext|>", "<unk>", "<|user|>", "<|system|>", "<|assistant|>", "<|end|>"),
        "<|user|>\n",
        "<|end|>\n<|assistant|>\n",
        is_byte_level=False,
    ),
    "mistral1": Style(
        "{{ bos_token }}{% for message in messages %}" + ALTERNATE + "{% if message['role'] == "
        "'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == "
        "'assistant' %}{{ message['content'] + eos_token}}{% endif %}{% endfor %}",
        ("<s>", "</s>", "<unk>"),
        "<s>[INST] ",
        " [/INST]",
        is_byte_level=False,
    ),
    "mistral3": Style(
        "{{ bos_token }}{% for message in messages %}" + ALTERNATE + "{% if message['role'] == "
        "'user' %}{{ '[INST]' + message['content'] + '[/INST]' }}{% elif message['role'] == "
        "'assistant' %}{{ message['content'] + eos_token}}{% endif %}{% endfor %}",
        ("<s>", "</s>", "<unk>", "[INST]", "[/INST]", "[TOOL_CALLS]"),
        "<s>[INST]",
        "[/INST]",
    ),
    "forgiving": Style(
        "{% for message in messages %}{% if message['role'] == 'user' %}{{ '[user]' + "
        "message['content'] }}{% else %}{{ '[model]' + message['content'] + '</s>' }}{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}{{ '[model]' }}{% endif %}",
        ("<s>", "</s>", "<unk>"),
        "[user]",
        "[model]",
        plain=("[user]", "[model]", "§end"),
        folds=True,
    ),
}


def reading_of(style: Style) -> PreTrainedTokenizerFast:
    """The base's tokenizer with its template, as it would come from a hub."""
    begins, ends, *_ = style.special
    reading = PreTrainedTokenizerFast(
        tokenizer_object=_tokenizer(style), bos_token=begins, eos_token=ends
    )
    reading.chat_template = style.template
    return reading


def _tokenizer(style: Style) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(byte_fallback=not style.is_byte_level))
    if style.is_byte_level:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    else:
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        )
        # A word's mark stands before it, as SentencePiece learns its pieces.
        tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", behavior="merged_with_next")
        tokenizer.decoder = decoders.Replace("▁", " ")
        alphabet = []
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        min_frequency=1,
        special_tokens=[*style.special, *(f"<0x{value:02X}>" for value in range(256))],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(LINES, trainer)
    described = json.loads(tokenizer.to_str())
    described["added_tokens"] = [
        token for token in described["added_tokens"] if token["content"] in style.special
    ]
    tokenizer = Tokenizer.from_str(json.dumps(described))
    if style.folds:
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]
        )
    tokenizer.add_tokens([AddedToken(token, normalized=style.folds) for token in style.plain])
    return tokenizer

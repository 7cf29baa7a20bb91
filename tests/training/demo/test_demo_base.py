"""The base that ships with the demo: other leads can be fitted on it, by the tokenizer it has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from tokenizers import Tokenizer  # noqa: E402

from scoring.artifact import demo_artifact_path  # noqa: E402
from scoring.prompt.prompt import MARKER, OPENING  # noqa: E402
from scoring.prompt.rendering import first_rendering  # noqa: E402
from training.demo.base import BaseSize, build_base, described_tokenizer  # noqa: E402
from training.demo.recipe import Recipe  # noqa: E402
from training.fit.dataset import FitRequest  # noqa: E402
from training.fit.leads import check_budget  # noqa: E402
from training.model.hub import Hub, load_base, open_base  # noqa: E402

pytestmark = pytest.mark.train

BASE = demo_artifact_path() / "base"
TEXT = f"{OPENING}# calls\ncustomer: the price is  fine, it's 4200\n{MARKER}"
WRITTEN = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


@pytest.mark.slow
def test_the_shipped_base_takes_a_fit_with_nothing_else_said() -> None:
    opened = open_base(Hub(str(BASE)))
    default = FitRequest.__dataclass_fields__["token_budget"].default
    check_budget(opened.tokenizer, first_rendering(), default, opened.max_tokens)
    assert opened.max_tokens == 1_024
    assert load_base(opened, torch.float32).answers


@pytest.mark.slow
def test_a_fit_splits_text_as_the_file_of_the_base_says() -> None:
    """The class that belongs to the architecture has rules of its own and would drop spaces."""
    file = Tokenizer.from_file(str(BASE / "tokenizer.json"))
    loaded = open_base(Hub(str(BASE))).tokenizer
    ids = loaded.encode(TEXT, add_special_tokens=False).ids
    assert ids == file.encode(TEXT, add_special_tokens=False).ids
    assert loaded.decode(ids, skip_special_tokens=False) == TEXT


def test_the_recipe_writes_the_tokenizer_that_ships(tmp_path: Path) -> None:
    file = Tokenizer.from_file(str(BASE / "tokenizer.json"))
    described_tokenizer(file).save_pretrained(tmp_path)
    for name in WRITTEN:
        assert (tmp_path / name).read_bytes() == (BASE / name).read_bytes(), name


def test_the_recipe_writes_the_config_that_ships() -> None:
    shipped = json.loads((BASE / "config.json").read_text(encoding="utf-8"))
    config = build_base(Recipe().base, shipped["vocab_size"], 0, 2).config.to_dict()
    same = set(shipped) - {"transformers_version", "dtype"}
    assert {name: config[name] for name in same} == {name: shipped[name] for name in same}


def test_a_turn_of_the_template_is_the_prompts_own() -> None:
    file = Tokenizer.from_file(str(BASE / "tokenizer.json"))
    turn = [{"role": "user", "content": "?"}]
    said = described_tokenizer(file).apply_chat_template(
        turn, tokenize=False, add_generation_prompt=True
    )
    assert said == f"{OPENING}?{MARKER}"


def test_how_far_a_base_reads_changes_no_weight() -> None:
    made = []
    for max_tokens in (320, 1_024):
        torch.manual_seed(3)
        size = BaseSize(32, 2, 2, 1, 48, max_tokens)
        made.append(build_base(size, 300, 0, 2).eval())
    first, second = (model.state_dict() for model in made)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    ids = torch.arange(64)[None]
    assert torch.equal(*(model(input_ids=ids).logits for model in made))

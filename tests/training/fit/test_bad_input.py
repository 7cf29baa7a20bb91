"""What cannot be fitted is refused with the value and the fix, and leaves nothing half-written."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra")

import numpy as np
import torch
from transformers import BertConfig, BertLMHeadModel, PreTrainedTokenizerFast

from scoring.domain.reading import pack
from scoring.prompt.rendering import Rendering, first_rendering
from tests.support.full_disk import files_of_at_most
from tests.training.model.tiny import examples, relabelled, save_base
from training.artifact_folder import NotOurs, artifact_folder
from training.dataset.example import Example, columns_of
from training.dataset.manifest import Split
from training.demo.tokenizer import CHAT_TEMPLATE
from training.fit.enough import check_evidence, check_heights
from training.fit.leads import check_budget
from training.model.checkpoint import Checkpoint, ValidationCheck, load_checkpoint, save_checkpoint
from training.model.errors import FitError, OutOfMemory, TooFewPositives
from training.model.guards import naming_memory
from training.model.hub import Hub, LoadedBase, load_base, open_base
from training.model.settings import FitSettings
from training.whole_file import CannotWrite

AUTO = first_rendering()

pytestmark = pytest.mark.train

RUN = '{"rank": "2"}'


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_base(tmp_path_factory.mktemp("whole") / "base")


@pytest.fixture
def base(whole: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return shutil.copytree(whole, tmp_path / "base")


@pytest.fixture(scope="module")
def rows() -> list[Example]:
    return examples(120)


def _load(name: Path, **fields: str) -> LoadedBase:
    return load_base(open_base(Hub(str(name), **fields)), torch.float32)


def _without(folder: Path, name: str) -> None:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    setattr(tokenizer, name, None)
    (folder / "chat_template.jinja").unlink()
    tokenizer.save_pretrained(folder)


@pytest.mark.slow
def test_without_positives_the_rule_is_proposed(rows: list[Example]) -> None:
    none = columns_of(relabelled(rows, Split.FIT, 0), rendering=AUTO)
    with pytest.raises(TooFewPositives, match=r"fit has orders of 0 leads .* needs 20: .* rule"):
        check_evidence(none, 20)
    ordered = columns_of(relabelled(rows, Split.FIT, 1), rendering=AUTO)
    one_lead = replace(ordered, cluster=np.full(len(ordered), "acme/lead-1"))
    with pytest.raises(TooFewPositives, match=r"split fit has orders of 1 leads"):
        check_evidence(one_lead, 20)


@pytest.mark.slow
@pytest.mark.parametrize("split", [Split.JUDGE, Split.CALIBRATE])
def test_a_split_of_one_class_is_named(rows: list[Example], split: Split) -> None:
    with pytest.raises(TooFewPositives, match=f"split {split} has orders of 0 leads"):
        check_evidence(columns_of(relabelled(rows, split, 0), rendering=AUTO), 2)
    with pytest.raises(FitError, match=f"split {split} has orders only"):
        check_evidence(columns_of(relabelled(rows, split, 1), rendering=AUTO), 2)


def test_a_tokenizer_without_pad_token_is_refused_until_one_is_named(base: Path) -> None:
    _without(base, "pad_token")
    (base / "chat_template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8")
    with pytest.raises(FitError, match="no pad token; name one that it knows with --pad-token"):
        _load(base)
    with pytest.raises(FitError, match="'<never>' is not in the vocabulary"):
        _load(base, pad_token="<never>")
    assert _load(base, pad_token="<|endoftext|>").pad_id == 0


def test_a_tokenizer_without_chat_template_is_refused_until_one_is_given(base: Path) -> None:
    _without(base, "chat_template")
    with pytest.raises(FitError, match=r"no chat template, .* --chat-template FILE"):
        _load(base)
    assert _load(base, chat_template=CHAT_TEMPLATE).answers


def test_turns_that_the_tokenizer_splits_are_refused(base: Path) -> None:
    """The template is another model's."""
    with pytest.raises(FitError, match=r"splits <end_of_turn> of its chat template into \d+ token"):
        _load(
            base,
            chat_template="<start_of_turn>user\n{{ messages[0]['content'] }}<end_of_turn>\n"
            "<start_of_turn>model\n",
        )


def test_a_truncated_safetensors_file_is_named(base: Path) -> None:
    weights = base / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1_000])
    with pytest.raises(FitError, match="damaged or cut short"):
        _load(base)


def test_what_is_no_base_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(FitError, match=r"no tokenizer\.json at .* \(is a folder\)"):
        _load(empty)


def test_a_model_that_sees_the_future_is_refused(base: Path) -> None:
    """It would read padding and answers."""
    n_tokens = len(PreTrainedTokenizerFast.from_pretrained(base))
    config = BertConfig(
        vocab_size=n_tokens,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    torch.manual_seed(1)
    BertLMHeadModel(config).save_pretrained(base)
    with pytest.raises(FitError, match="lets a token see what follows it"):
        _load(base)


def test_a_tokenizer_larger_than_the_model_is_refused(base: Path) -> None:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(base)
    tokenizer.add_tokens([f"<extra-{i}>" for i in range(5)])
    tokenizer.save_pretrained(base)
    with pytest.raises(FitError, match="take the tokenizer that the model was trained with"):
        _load(base)


def test_a_budget_that_cannot_hold_a_record_or_the_base_is_refused(base: Path) -> None:
    opened = open_base(Hub(str(base)))
    with pytest.raises(
        FitError, match=r"--token-budget is 64; the longest record of domain auto takes \d+ .* 512"
    ):
        check_budget(opened.tokenizer, AUTO, 64, 512)
    with pytest.raises(FitError, match=r"reads at most 512: give a number between"):
        check_budget(opened.tokenizer, AUTO, 4_096, opened.max_tokens)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"rank": 0}, "rank is 0; expected at least 1"),
        ({"adapter_rate": math.nan}, "adapter_rate is nan; expected at least 0 and finite"),
        ({"head_rate": math.inf}, "head_rate is inf; expected at least 0 and finite"),
        ({"qa_weight": math.inf}, "qa_weight is inf; expected at least 0 and finite"),
        ({"dropout": 1.0}, r"dropout is 1.0; expected a share in \[0, 1\)"),
        ({"heights": (0.0, 1.0)}, "expected finite numbers that never fall"),
        ({"heights": (0.0, 0.1, 0.3, 0.2, 0.7, 1.0)}, "expected finite numbers that never"),
        ({"heights": (0.0, 0.1, 0.3, 0.5, 0.7, math.inf)}, "expected finite numbers"),
    ],
)
def test_a_setting_out_of_range_is_named(fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(FitError, match=sentence):
        FitSettings(**fields)


def test_running_out_of_memory_names_the_batch_and_the_way_out() -> None:
    with (
        pytest.raises(OutOfMemory, match=r"batches of 4096 tokens; try --batch-tokens 2048"),
        naming_memory(4_096, "training"),
    ):
        torch.empty(1 << 50)
    with (
        pytest.raises(OutOfMemory, match=r"loading the base; try .* on a GPU, --base-bits 4$"),
        naming_memory(4_096, "loading the base"),
    ):
        torch.empty(1 << 50)
    with pytest.raises(RuntimeError, match="shape"), naming_memory(4_096, "training"):
        torch.zeros(2) @ torch.zeros(3, 3)


def _checkpoint(step: int, n: int) -> Checkpoint:
    check = ValidationCheck(step, 0.5, 0.6, 0.1, 0.6, 0.6, 2.0, 0.5)
    return Checkpoint(RUN, step, (check,), 0, {"adapter.x": torch.full((n,), float(step))})


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, _checkpoint(1, 10))
    with (
        files_of_at_most(4_096),
        pytest.raises(CannotWrite, match=r"cannot be written: .*make room"),
    ):
        save_checkpoint(path, _checkpoint(2, 100_000))
    found = load_checkpoint(path, RUN)
    assert found is not None
    assert found.step == 1
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_full_disk_leaves_the_artifact_before(tmp_path: Path) -> None:
    out = tmp_path / "artifact"
    with artifact_folder(out) as folder:
        (folder / "artifact.json").write_text("{}", encoding="utf-8")
    with (
        files_of_at_most(4_096),
        pytest.raises(CannotWrite, match="make room or choose another place"),
        artifact_folder(out) as folder,
    ):
        (folder / "weights").write_bytes(b"x" * 100_000)
    assert [file.name for file in tmp_path.rglob("*")] == ["artifact", "artifact.json"]


def test_a_folder_that_is_no_artifact_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(NotOurs, match="exists and is not an artifact"), artifact_folder(tmp_path):
        pass
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_a_checkpoint_of_another_run_is_refused_by_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, _checkpoint(1, 10))
    with pytest.raises(FitError, match="its rank is 2, this command's is 8"):
        load_checkpoint(path, '{"rank": "8"}')
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(FitError, match="cannot be read"):
        load_checkpoint(path, RUN)


def test_a_ladder_of_another_length_than_the_domains_is_refused() -> None:
    check_heights(FitSettings().heights, AUTO)
    software = Rendering(1, pack("software"))
    with pytest.raises(FitError, match="6 numbers, the ladder of domain software has 7 grades"):
        check_heights(FitSettings().heights, software)

"""The demo's recipe in miniature, end to end: the artifact loads, scores and survives a reload."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from schemas.timestamps import DAY_MS, to_ms  # noqa: E402
from scoring.artifact import EngineKind, digest, load_manifest  # noqa: E402
from scoring.engine import EngineInput  # noqa: E402
from scoring.engines.loading import load_engine, load_language_model  # noqa: E402
from scoring.engines.reading import load_reader  # noqa: E402
from scoring.lead.fold import fold  # noqa: E402
from scoring.lead.history import history_of  # noqa: E402
from scoring.prompt.prompt import MARKER, PromptSpec  # noqa: E402
from scoring.prompt.rendering import first_rendering  # noqa: E402
from scoring.score import prepare  # noqa: E402
from tests.support.full_disk import files_of_at_most  # noqa: E402
from training.artifact_folder import NotOurs  # noqa: E402
from training.dataset.simulated import source_name  # noqa: E402
from training.demo.base import BaseSize  # noqa: E402
from training.demo.base_stage import RECIPE, WEIGHTS, make_base  # noqa: E402
from training.demo.build import build_demo, put_artifact  # noqa: E402
from training.demo.leads import LONGEST_SILENCE_DAYS, LeadReading, digest_of, load_leads  # noqa: E402
from training.demo.recipe import Recipe  # noqa: E402
from training.demo.stack_stage import slice_leads  # noqa: E402
from training.demo.tokenizer import CHAT_TEMPLATE  # noqa: E402
from training.export.parity import AgreementBroken, check_parity  # noqa: E402
from training.model.errors import FitError  # noqa: E402
from training.model.settings import FitSettings  # noqa: E402
from training.simulator.emit import simulate_leads  # noqa: E402
from training.whole_file import CannotWrite  # noqa: E402

AUTO = first_rendering()

pytestmark = [pytest.mark.train, pytest.mark.slow]

TINY = replace(
    Recipe(seed=4),
    n_leads=1_600,
    n_read_leads=200,
    n_tokenizer_prompts=300,
    token_budget=192,
    base=BaseSize(hidden=32, n_layers=2, n_heads=2, n_kv_heads=1, intermediate=48, max_tokens=384),
    phrasebook_tokens=4_000,
    short_tokens=4_000,
    call_tokens=4_000,
    lead_tokens=8_000,
    n_trials=2,
    n_parity_prompts=8,
    max_probability_difference=0.2,
    fit=FitSettings(checks_per_epoch=1),
)


def _unheard(line: str) -> None:
    """Nobody reads the log of a test."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipe")
    build_demo(TINY, folder / "artifact", folder / "work", n_processes=1, log=_unheard)
    return folder / "artifact"


@pytest.fixture(scope="module")
def inputs(made: Path) -> list[EngineInput]:
    _, count_tokens = load_reader(made, TINY.token_budget)
    spec = PromptSpec(AUTO, TINY.token_budget, count_tokens)
    return [
        prepare(history_of(fold(lead.history)), to_ms(lead.as_of), spec)
        for lead in simulate_leads(8, 6)
    ]


@pytest.fixture
def work(made: Path, tmp_path: Path) -> Path:
    """The base of `made`, to damage."""
    return shutil.copytree(made.with_name("work"), tmp_path / "work")


def test_a_base_that_was_cut_short_is_named(work: Path, tmp_path: Path) -> None:
    weights = work / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1_000])
    with pytest.raises(FitError, match=r"base\.safetensors is damaged or cut short .* remove it"):
        build_demo(TINY, tmp_path / "artifact", work, n_processes=1, log=_unheard)
    assert not (tmp_path / "artifact").exists()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"seed": 5}, "its seed is 4, this run's is 5; give --work another folder"),
        ({"lead_tokens": 9_000}, "its lead_tokens is 8000, this run's is 9000"),
        ({"base": replace(TINY.base, hidden=64)}, r"its base\.hidden is 32, this run's is 64"),
        ({"judging_share": 0.2}, "its fitting_share is"),
    ],
)
def test_a_base_of_another_recipe_is_refused(
    work: Path, tmp_path: Path, changed: dict[str, Any], says: str
) -> None:
    """The artifact would name a seed that its base is not of."""
    with pytest.raises(FitError, match=says):
        build_demo(replace(TINY, **changed), tmp_path / "a", work, n_processes=1, log=_unheard)


def test_a_base_of_an_unknown_recipe_is_refused(work: Path, tmp_path: Path) -> None:
    (work / RECIPE).unlink()
    with pytest.raises(FitError, match="its seed is unknown, this run's is 4"):
        build_demo(TINY, tmp_path / "a", work, n_processes=1, log=_unheard)


def test_a_full_disk_leaves_no_part_of_a_base(tmp_path: Path) -> None:
    with files_of_at_most(150_000), pytest.raises(CannotWrite, match=f"{WEIGHTS} cannot be"):
        make_base(TINY, tmp_path, n_processes=1, log=_unheard)
    assert [path.name for path in tmp_path.glob(f"{WEIGHTS}*")] == []


def test_the_artifact_before_stays_until_the_new_one_is_complete(
    made: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(made, tmp_path / "artifact")
    before = digest(out)
    with files_of_at_most(4_096), pytest.raises(CannotWrite, match="make room"):
        put_artifact(made, out)
    assert digest(out) == before
    assert list(tmp_path.iterdir()) == [out]
    put_artifact(made, out)
    assert digest(out) == before


def test_a_folder_that_is_no_artifact_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(NotOurs, match="exists and is not an artifact"):
        build_demo(TINY, tmp_path, tmp_path / "work", n_processes=1, log=_unheard)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_recipe_makes_an_artifact_that_loads_and_scores(
    made: Path, inputs: list[EngineInput]
) -> None:
    engine, _ = load_engine(made, load_manifest(made), AUTO)
    assert np.isfinite(engine.logits(inputs)).all()


def test_the_reloaded_adapter_says_what_was_exported(made: Path, inputs: list[EngineInput]) -> None:
    """PEFT drops what it does not know: heads and adapter must come back from disk."""
    reader, _ = load_reader(made, TINY.token_budget)
    reference = load_language_model(made, reader, EngineKind.TORCH).logits(inputs)
    again = load_language_model(made, reader, EngineKind.TORCH).logits(inputs)
    served = load_language_model(made, reader, EngineKind.ONNX).logits(inputs)
    agreement = load_manifest(made).agreement
    assert agreement is not None
    assert reference == again
    assert np.abs(np.subtract(reference, served)).max() <= 2 * agreement.max_logit_difference


def test_a_graph_that_disagrees_is_no_artifact(made: Path, inputs: list[EngineInput]) -> None:
    prompts = [each.prompt for each in inputs]
    with pytest.raises(AgreementBroken, match="the limit is"):
        check_parity(made, prompts, TINY.token_budget, max_probability_difference=0.0)


def test_a_truncated_conversation_keeps_the_question_and_marker(made: Path) -> None:
    reader, count_tokens = load_reader(made, TINY.token_budget)
    long = max(simulate_leads(8, 30), key=lambda lead: sum(len(call.lines) for call in lead.calls))
    state, at_ms = fold(long.history), to_ms(long.as_of)
    whole = prepare(history_of(state), at_ms, PromptSpec(AUTO, 10_000, count_tokens)).prompt
    budget = min(TINY.token_budget, count_tokens(whole) - 20)
    cut = prepare(history_of(state), at_ms, PromptSpec(AUTO, budget, count_tokens)).prompt
    assert len(reader.token_ids(cut)) <= budget < count_tokens(whole)
    assert cut.endswith(MARKER)
    assert cut.splitlines()[-3:] == whole.splitlines()[-3:]


def test_leads_are_split_by_time_and_every_order_is_kept(made: Path) -> None:
    reading = LeadReading((made / "tokenizer.json").read_text(encoding="utf-8"), TINY.token_budget)
    leads = load_leads(4, 600, reading, n_processes=1, log=_unheard)
    slices = slice_leads(TINY, leads)
    times = [[lead.as_of_ms for lead in part] for part in (slices.train, slices.validation)]
    assert max(times[0]) <= min(times[1])
    assert sum(lead.ordered for lead in slices.all) == sum(lead.ordered for lead in leads)
    assert all(len(lead.features) == len(AUTO.features) for lead in leads)


def test_a_second_look_at_a_lead_follows_the_first_and_knows_what_was_known_then(
    made: Path,
) -> None:
    reading = LeadReading((made / "tokenizer.json").read_text(encoding="utf-8"), TINY.token_budget)
    once = load_leads(4, 600, reading, n_processes=1, log=_unheard)
    leads = load_leads(4, 600, reading, n_processes=1, log=_unheard, elsewhen_share=0.5)
    owners = [i for i, lead in enumerate(leads) if not lead.is_elsewhen]
    assert [leads[i].as_of_ms for i in owners] == [lead.as_of_ms for lead in once]
    others = [i for i, lead in enumerate(leads) if lead.is_elsewhen]
    assert 200 < len(others) < 300  # half of them, less those whose end was told by then
    assert all(i - 1 in owners for i in others)
    days = np.array([leads[i].as_of_ms - leads[i - 1].as_of_ms for i in others]) / DAY_MS
    assert (days < 0).any()
    assert ((days > 0) & (days < AUTO.domain.horizon_days)).any()
    assert AUTO.domain.horizon_days < days.max() <= LONGEST_SILENCE_DAYS
    silent = [leads[i] for i, d in zip(others, days, strict=True) if d > AUTO.domain.horizon_days]
    assert not any(lead.ordered for lead in silent)  # the world sells within the horizon or never
    found = [i for i in others if leads[i].ordered]
    assert all(leads[i - 1].ordered for i in found)


def test_the_card_names_leads_that_can_be_made_again(made: Path) -> None:
    reading = LeadReading((made / "tokenizer.json").read_text(encoding="utf-8"), TINY.token_budget)

    def read(seed: int) -> str:
        asked = partial(load_leads, seed, TINY.n_leads, reading, log=_unheard)
        return digest_of(asked(n_processes=2, elsewhen_share=TINY.elsewhen_share))

    card = (made / "README.md").read_text(encoding="utf-8")
    assert f"leads: `{read(TINY.seed)}`" in card
    assert read(TINY.seed + 1) not in card
    assert load_manifest(made).sources == (source_name(TINY.seed),)


def test_an_artifact_names_its_adapted_layers_in_one_order(made: Path) -> None:
    """A digest that follows from a process's hashes would name the same model differently."""
    targets = json.loads((made / "adapter_config.json").read_text(encoding="utf-8"))
    assert targets["target_modules"] == sorted(targets["target_modules"])
    assert len(targets["target_modules"]) > 1


def test_the_base_of_an_artifact_carries_its_chat_template(made: Path) -> None:
    template = made / "base" / "chat_template.jinja"
    assert template.read_text(encoding="utf-8") == CHAT_TEMPLATE

"""The first half of the demo's recipe: trains a tokenizer and a base and saves them to a folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import Qwen2ForCausalLM

from scoring.prompt.prompt import ANSWER_NO, ANSWER_YES
from scoring.report.progress import WriteLine
from training.demo.base import build_base, round_to_half
from training.demo.curriculum import CODES_QUESTION, NOTHING_SAID, Writer, code_word, short_calls
from training.demo.leads import LeadReading, load_leads, sample_prompts
from training.demo.pretrain import CurriculumStage, Draw, PretrainSettings, pretrain
from training.demo.questions import Questions, pretraining_samples, table_texts
from training.demo.recipe import Recipe
from training.demo.tokenizer import EOS, PAD, token_id, train_tokenizer
from training.model.errors import FitError
from training.model.losses import CodeHeads
from training.model.samples import Sample
from training.simulator.codes import CODES, N_CODES
from training.simulator.practice import MAX_TOPICS
from training.whole_file import whole_file

TOKENIZER = "tokenizer.json"
WEIGHTS = "base.safetensors"
RECIPE = "recipe.json"
"""The file with the part of the recipe that the weights beside it were made by."""

FOLLOWED = (
    "seed",
    "n_read_leads",
    "n_tokenizer_prompts",
    "vocab_size",
    "token_budget",
    "phrasebook_tokens",
    "short_tokens",
    "call_tokens",
    "lead_tokens",
)
POOL_CALLS = 8_000
POOL_LEADS = 8_000
TOKENIZER_SEED_OFFSET = 1
"""The tokenizer is trained on other simulated people than the base."""


def build_reading(recipe: Recipe) -> LeadReading:
    """Trains the tokenizer; returns how leads become tokens."""
    fixed = [
        *table_texts(),
        *(code_word(*code) + ";" for code in CODES),
        f"{CODES_QUESTION}{ANSWER_YES}{ANSWER_NO}{NOTHING_SAID}",
    ]
    prompts = sample_prompts(recipe.seed + TOKENIZER_SEED_OFFSET, recipe.n_tokenizer_prompts)
    tokenizer = train_tokenizer([*prompts, *fixed * 3], recipe.vocab_size)
    return LeadReading(tokenizer.to_str(), recipe.token_budget)


def build_writer(tokenizer: Tokenizer) -> Writer:
    return Writer(tokenizer, token_id(tokenizer, EOS))


def make_base(recipe: Recipe, folder: Path, n_processes: int, log: WriteLine) -> None:
    """Trains tokenizer and base and writes them to `folder`; `load_base` reads them. Raises
    CannotWrite."""
    with whole_file(folder / RECIPE) as part:
        part.write_text(json.dumps(_followed(recipe), indent=2) + "\n", encoding="utf-8")
    reading = build_reading(recipe)
    tokenizer = reading.tokenizer()
    tokenizer.save(str(folder / TOKENIZER))
    writer = build_writer(tokenizer)
    leads = load_leads(recipe.seed, recipe.n_read_leads, reading, n_processes=n_processes, log=log)
    old_enough = leads[: int(len(leads) * recipe.fitting_share)]
    questions = Questions.of(writer)

    def draw_leads(rng: np.random.Generator) -> list[Sample]:
        chosen = rng.choice(len(old_enough), min(POOL_LEADS, len(old_enough)), replace=False)
        return pretraining_samples([old_enough[i] for i in chosen], questions, writer, rng)

    def draw_calls(max_topics: int) -> Draw:
        return lambda rng: short_calls(writer, POOL_CALLS, max_topics, rng)

    amounts = {
        "phrasebook": (recipe.phrasebook_tokens, 1_024),
        "short calls": (recipe.short_tokens, 2_048),
        "calls": (recipe.call_tokens, 3_072),
    }
    stages = (
        *(
            CurriculumStage(name, *amounts[name], draw_calls(most))
            for name, most in MAX_TOPICS.items()
        ),
        CurriculumStage("leads", recipe.lead_tokens, 4_096, draw_leads),
    )
    torch.manual_seed(recipe.seed)
    model = _empty(recipe, tokenizer)
    heads = CodeHeads(recipe.base.hidden, N_CODES)
    settings = PretrainSettings(stages, seed=recipe.seed)
    pretrain(model, heads, settings, token_id(tokenizer, PAD), log)
    round_to_half(model)
    weights = {k: v.contiguous() for k, v in model.state_dict().items() if k != "lm_head.weight"}
    codes = {k: v.contiguous() for k, v in heads.state_dict().items()}
    # The weights last: where they are, everything is.
    for name, tensors in (("codes.safetensors", codes), (WEIGHTS, weights)):
        with whole_file(folder / name) as part:
            save_file(tensors, part)


def check_base(recipe: Recipe, folder: Path) -> None:
    """Raises FitError for weights in `folder` that were made by another recipe."""
    try:
        theirs = json.loads((folder / RECIPE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        theirs = {}
    for name, ours in _followed(recipe).items():
        if theirs.get(name) != ours:
            raise FitError(
                f"the base in {folder} is of another recipe: its {name} is "
                f"{theirs.get(name, 'unknown')}, this run's is {ours}; give --work another folder, "
                f"or remove {WEIGHTS} there to train a base again"
            )


def _followed(recipe: Recipe) -> dict[str, object]:
    """The part of the recipe that the base depends on, flat."""
    chosen = {
        name: value
        for name, value in recipe.described().items()
        if name in FOLLOWED or name.startswith("base.")
    }
    return {**chosen, "fitting_share": recipe.fitting_share}


def load_base(recipe: Recipe, folder: Path) -> tuple[Qwen2ForCausalLM, Tokenizer]:
    """Reads what `make_base` wrote. Raises FitError for weights that are damaged."""
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    model = _empty(recipe, tokenizer)
    try:
        weights = load_file(folder / WEIGHTS)
    except SafetensorError as error:
        raise FitError(
            f"{folder / WEIGHTS} is damaged or cut short ({error}); remove it to train the base "
            "again"
        ) from error
    model.load_state_dict(weights, strict=False)
    model.tie_weights()
    return model, tokenizer


def _empty(recipe: Recipe, tokenizer: Tokenizer) -> Qwen2ForCausalLM:
    return build_base(
        recipe.base,
        tokenizer.get_vocab_size(),
        token_id(tokenizer, PAD),
        token_id(tokenizer, EOS),
    )

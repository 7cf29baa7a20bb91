"""A tiny base on disk as the hub would hold it, and a dataset that it can learn something from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

from schemas.ids import LeadKey
from schemas.timestamps import to_ms
from scoring.domain.reading import pack
from scoring.lead.fold import fold
from scoring.lead.state_bytes import to_bytes
from scoring.prompt.prompt import PromptSpec
from scoring.prompt.rendering import first_rendering, newest_rendering
from tests.training.dataset.rows import REACHED, manifest
from training.dataset.draft import ExampleDraft, Truth, read_draft
from training.dataset.example import Example, Examples, columns_of
from training.dataset.folder import read_examples, write_examples
from training.dataset.manifest import DatasetManifest, Split
from training.dataset.outcome import Label
from training.demo.base import described_tokenizer
from training.demo.leads import sample_prompts
from training.demo.questions import table_texts
from training.demo.tokenizer import train_tokenizer
from training.model.settings import FitSettings, Precision
from training.simulator.emit import simulate_leads

AUTO = first_rendering()

TOKEN_BUDGET = 352
SETTINGS = FitSettings(
    rank=2,
    dropout=0.1,
    batch_tokens=2_048,
    checks_per_epoch=2,
    adapter_rate=2e-3,
    precision=Precision.FP32,
)


def spec(count_tokens: Callable[[str], int]) -> PromptSpec:
    return PromptSpec(newest_rendering(pack("auto")), TOKEN_BUDGET, count_tokens)


SHARES = {Split.FIT: 0.55, Split.JUDGE: 0.15, Split.CALIBRATE: 0.15, Split.TEST: 0.15}


def save_base(folder: Path, kind: str = "qwen2", max_tokens: int = 512) -> Path:
    """Random weights: a stranger to every language."""
    tokenizer = train_tokenizer([*sample_prompts(77, 150), *table_texts(), *[" Yes No"] * 3], 1_500)
    shape = {
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "intermediate_size": 48,
        "max_position_embeddings": max_tokens,
        "initializer_range": 32**-0.5,
        "tie_word_embeddings": True,
    }
    torch.manual_seed(5)
    if kind == "qwen2":
        model = Qwen2ForCausalLM(Qwen2Config(**shape))
    else:
        model = Qwen3ForCausalLM(Qwen3Config(**shape, head_dim=24))
    model.save_pretrained(folder)
    described_tokenizer(tokenizer).save_pretrained(folder)
    return folder


def examples(n: int = 360, share_of_orders: float = 0.35) -> list[Example]:
    """The simulator's leads, the likeliest of them with an order, so that few rows are enough."""
    leads = sorted(simulate_leads(9, n), key=lambda lead: lead.as_of)
    limit = np.quantile([lead.probability for lead in leads], 1 - share_of_orders)
    found = []
    for number, lead in enumerate(leads):
        at_ms, is_order = to_ms(lead.as_of), lead.probability >= limit
        reached = REACHED[5 if is_order else number % 4]
        outcome = Label(reached, at_ms + 1 if is_order else None)
        key = LeadKey("sim", lead.lead)
        state = to_bytes(fold(lead.history))
        draft = ExampleDraft(key, at_ms, state, "north", outcome, f"sim/{lead.lead}")
        truth = Truth(lead.probability, np.zeros(0, dtype=np.float32))
        found.append(read_draft(draft, _split(number / n), 1.0, first_rendering(), truth))
    return found


def _split(place: float) -> Split:
    for split, share in SHARES.items():
        place -= share
        if place < 0:
            return split
    return Split.TEST


def save_dataset(folder: Path, rows: list[Example] | None = None, **facts: object) -> Path:
    columns = columns_of(examples() if rows is None else rows, rendering=AUTO)
    write_examples(folder, columns, manifest(name="tiny", **facts))
    return folder


def read_dataset(folder: Path) -> tuple[Examples, DatasetManifest]:
    return read_examples(folder, newest_rendering(pack("auto")))


def sampled(rows: list[Example], negative_rate: float) -> list[Example]:
    """As a dataset with this rate holds them: whole from calibrate on, before it that share of the
    negatives, each of which stands for those that were left out."""
    chance = np.random.default_rng(3).random(len(rows))
    found = []
    for row, drawn in zip(rows, chance, strict=True):
        if row.label or row.split not in (Split.FIT, Split.JUDGE):
            found.append(row)
        elif drawn < negative_rate:
            found.append(replace(row, weight=1 / negative_rate))
    return found


def relabelled(rows: list[Example], split: Split, label: int) -> list[Example]:
    """All of one split with the same label."""
    reached = REACHED[5 * label]
    return [
        replace(row, label=label, reached=reached) if row.split is split else row for row in rows
    ]

"""The base of `make gpu-check`, and prompts of a given length for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from scoring.engines.reading import PromptReader, marker_ids
from scoring.report.progress import WriteLine
from training.bases.importing import ImportRequest, import_base
from training.bases.sources import PACKAGES
from training.demo.base import described_tokenizer
from training.demo.leads import sample_prompts
from training.demo.tokenizer import train_tokenizer
from training.fit.leads import counter
from training.model.hub import Hub, Opened, open_base
from training.model.samples import Sample

SMOLLM2 = "smollm2"


@dataclass(frozen=True, slots=True)
class RandomShape:
    """A Llama of random weights: as fast as a trained one of this shape."""

    name: str
    hidden: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    intermediate: int
    vocabulary: int


OF_SMOLLM2 = RandomShape("SmolLM2-135M's shape, random weights", 576, 30, 9, 3, 1_536, 49_152)
TINY = RandomShape("tiny, random weights", 64, 2, 2, 1, 128, 2_048)


@dataclass(frozen=True, slots=True)
class CheckedBase:
    """A base on disk. `called` says what it is in the result."""

    folder: Path
    called: str


def find_base(asked: str | None, is_tiny: bool, place: Path, say: WriteLine) -> CheckedBase:
    """The folder that was asked for; else the one in the installed package, else random weights of
    its shape, which are as fast; what is missing is said."""
    if is_tiny:
        return save_random(TINY, place)
    if asked is not None:
        return CheckedBase(Path(asked), Path(asked).name)
    package = PACKAGES[SMOLLM2]
    try:
        distribution(package)
    except PackageNotFoundError:
        say(
            f"{package} is not installed here and no --base is given: random weights of its shape. "
            "Speed is that of the real one, the difference that batch mates make is not; to have "
            f"both, give --base FOLDER of `asllr base import {SMOLLM2}`"
        )
        return save_random(OF_SMOLLM2, place)
    record = import_base(ImportRequest(source=SMOLLM2, out=place / "base"), say)
    return CheckedBase(place / "base", record.name)


def save_random(shape: RandomShape, place: Path) -> CheckedBase:
    """Writes a base of random weights with a tokenizer of simulated leads."""
    texts = [*sample_prompts(77, 150), *[" Yes No"] * 3]
    tokenizer = train_tokenizer(texts, min(2_048, shape.vocabulary))
    torch.manual_seed(5)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.hidden,
            num_hidden_layers=shape.n_layers,
            num_attention_heads=shape.n_heads,
            num_key_value_heads=shape.n_kv_heads,
            intermediate_size=shape.intermediate,
            max_position_embeddings=8_192,
            initializer_range=shape.hidden**-0.5,
            tie_word_embeddings=True,
        )
    )
    folder = place / "base"
    model.save_pretrained(folder)
    described_tokenizer(tokenizer).save_pretrained(folder)
    return CheckedBase(folder, shape.name)


@dataclass(frozen=True, slots=True)
class Prompts:
    """Simulated leads' words in prompts, all about as long as the longest allowed and some of half
    of that; `reader` turns them into tokens."""

    opened: Opened
    reader: PromptReader
    long: tuple[str, ...]
    mixed: tuple[str, ...]

    def samples(self) -> list[Sample]:
        """The long ones with labels in turn, to fit on."""
        yes, no = self.opened.answers[0]
        return [
            Sample(
                np.array(self.reader.token_ids(prompt), dtype=np.int32),
                np.array([yes if number % 2 else no], dtype=np.int32),
                label=float(number % 2),
                grade=5 * (number % 2),
            )
            for number, prompt in enumerate(self.long)
        ]

    def ids(self, prompts: Sequence[str]) -> list[list[int]]:
        return [self.reader.token_ids(prompt) for prompt in prompts]


def build_prompts(base: CheckedBase, n_tokens: int, n_prompts: int) -> Prompts:
    """`n_prompts` long ones, and as many of all lengths from a quarter of that on."""
    opened = open_base(Hub(str(base.folder)))
    reader = PromptReader(
        opened.tokenizer, n_tokens, marker_ids(opened.tokenizer, opened.turns.marker)
    )
    words = re.findall(r"\w+", " ".join(sample_prompts(78, 300)))
    rng = np.random.default_rng(9)
    shares = rng.uniform(0.25, 1.0, n_prompts)

    def written(longest: int) -> str:
        begin = int(rng.integers(len(words) // 2))
        text = " ".join(words[begin : begin + longest])
        return _cut(opened, text, longest)

    long = tuple(written(n_tokens) for _ in range(n_prompts))
    return Prompts(opened, reader, long, tuple(written(int(n_tokens * part)) for part in shares))


def _cut(opened: Opened, text: str, longest: int) -> str:
    """As many of the words as fit, between the base's own turns."""
    words, count = text.split(" "), counter(opened.tokenizer)

    def written(n_words: int) -> str:
        return opened.turns.opening + " ".join(words[:n_words]) + opened.turns.marker

    low, high = 1, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count(written(middle)) <= longest else (low, middle - 1)
    return written(low)

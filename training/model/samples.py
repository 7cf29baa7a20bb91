"""Training samples and their batches, padded on the right; every position is gathered by its
index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

IGNORED = -100


@dataclass(frozen=True, slots=True)
class Sample:
    """One prompt with its targets. `prompt` ends with the answer marker. `codes`: the multi-label
    target of the marker's state, NaN where unknown; `line_ends`: positions of lines' last tokens,
    `line_codes`: the codes that each line sets. `label`: the conversion label, None where it is not
    asked; `grade`: the rung of the funnel ladder that was reached. `spoken`: the share of each of
    the prompt's tokens in the mean over the customer's words, where a readout asks for it;
    `weight`: how much the lead counts for the probability, 1 on average."""

    prompt: NDArray[np.int32]
    answer: NDArray[np.int32]
    codes: NDArray[np.float32] | None = None
    line_ends: NDArray[np.int32] | None = None
    line_codes: NDArray[np.float32] | None = None
    label: float | None = None
    grade: int = 0
    spoken: NDArray[np.float32] | None = None
    weight: float = 1.0

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


@dataclass(frozen=True, slots=True)
class SampleBatch:
    """A batch of pre-training. `markers`: (B,) the index of the marker's last token; "the last
    token that is not padding" would read the answer. `picked` and `lines`: (n, 2) of (row,
    position); filler has the target IGNORED or codes NaN."""

    input_ids: torch.Tensor
    markers: torch.Tensor
    picked: torch.Tensor
    picked_targets: torch.Tensor
    is_answer: torch.Tensor
    codes: torch.Tensor
    lines: torch.Tensor
    line_codes: torch.Tensor
    labels: torch.Tensor


WIDTH_STEP = 32
LM_SHARE = 0.125
"""The share of the positions outside answers for which the vocabulary projection is computed."""

ANSWER_TOKENS = 16
LINES_PER_TOKEN = 1 / 12
"""Room for answers and lines in a batch; what does not fit is left out, so that there are few
distinct shapes: where a kernel is compiled for each shape, that costs more than the training."""


def width_of(length: int) -> int:
    """The padded width of a sample."""
    return -(-length // WIDTH_STEP) * WIDTH_STEP


def collate(
    samples: Sequence[Sample], pad_id: int, n_codes: int, rng: np.random.Generator
) -> SampleBatch:
    """Puts samples into a batch, padded on the right; draws the positions of the language-model
    loss."""
    n, width = len(samples), width_of(max(len(sample) for sample in samples))
    input_ids = np.full((n, width), pad_id, dtype=np.int64)
    kinds = np.zeros((n, width), dtype=np.int8)
    for row, sample in enumerate(samples):
        n_prompt, length = len(sample.prompt), len(sample)
        input_ids[row, :n_prompt] = sample.prompt
        input_ids[row, n_prompt:length] = sample.answer
        kinds[row, : n_prompt - 1] = _PROMPT
        kinds[row, n_prompt - 1 : length - 1] = _ANSWER
    lines, line_codes = _lines(samples, width, n_codes)
    picked, targets, is_answer = _picked(input_ids, kinds, rng)
    unknown = np.full(n_codes, np.nan, dtype=np.float32)
    codes = [unknown if sample.codes is None else sample.codes for sample in samples]
    labels = [np.nan if sample.label is None else sample.label for sample in samples]
    return SampleBatch(
        input_ids=torch.from_numpy(input_ids),
        markers=torch.tensor([len(sample.prompt) - 1 for sample in samples]),
        picked=torch.from_numpy(picked),
        picked_targets=torch.from_numpy(targets),
        is_answer=torch.from_numpy(is_answer),
        codes=torch.from_numpy(np.stack(codes)),
        lines=torch.from_numpy(lines),
        line_codes=torch.from_numpy(line_codes),
        labels=torch.tensor(labels, dtype=torch.float32),
    )


_PROMPT, _ANSWER = 1, 2


def _picked(
    input_ids: NDArray[np.int64], kinds: NDArray[np.int8], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Answer positions first, then random prompt positions, then filler, to a fixed length."""
    n, width = input_ids.shape
    answers, prompts = np.argwhere(kinds == _ANSWER), np.argwhere(kinds == _PROMPT)
    answers = answers[: n * ANSWER_TOKENS]
    n_prompts = min(len(prompts), int(n * width * LM_SHARE))
    prompts = prompts[rng.choice(len(prompts), n_prompts, replace=False)]
    size = n * ANSWER_TOKENS + int(n * width * LM_SHARE)
    picked = np.zeros((size, 2), dtype=np.int64)
    positions = np.concatenate([answers, prompts])
    picked[: len(positions)] = positions
    targets = np.full(size, IGNORED, dtype=np.int64)
    targets[: len(positions)] = input_ids[positions[:, 0], positions[:, 1] + 1]
    is_answer = np.arange(size) < len(answers)
    return picked, targets, is_answer


def _lines(
    samples: Sequence[Sample], width: int, n_codes: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    size = max(1, int(len(samples) * width * LINES_PER_TOKEN))
    lines = np.zeros((size, 2), dtype=np.int64)
    codes = np.full((size, n_codes), np.nan, dtype=np.float32)
    at = 0
    for row, sample in enumerate(samples):
        if sample.line_ends is None or sample.line_codes is None:
            continue
        stop = min(size, at + len(sample.line_ends))
        lines[at:stop, 0] = row
        lines[at:stop, 1] = sample.line_ends[: stop - at]
        codes[at:stop] = sample.line_codes[: stop - at]
        at = stop
    return lines, codes


def batches_by_width(
    lengths: Sequence[int], batch_tokens: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Batches of row numbers in random order: every index at least once, each batch of one width
    and of a size that the width decides. The last batch of a width is filled up with repeats."""
    widths = np.array([width_of(length) for length in lengths])
    batches: list[NDArray[np.int64]] = []
    for width in np.unique(widths):
        members = rng.permutation(np.flatnonzero(widths == width))
        size = max(1, batch_tokens // int(width))
        if len(members) < size:
            size = min(size, 1 << (len(members) - 1).bit_length())
        n_missing = -len(members) % size
        filled = np.concatenate([members, rng.choice(members, n_missing)])
        batches += list(filled.reshape(-1, size))
    for index in rng.permutation(len(batches)):
        yield batches[index]

"""Training samples and their batches: right-padded, every position gathered by explicit index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

IGNORED = -100


@dataclass(frozen=True, slots=True)
class Sample:
    """`prompt` ends with the answer marker. `codes` is the multi-label target of the marker's
    state, NaN where unknown; `line_ends` are positions of lines' last tokens with the codes each
    line sets. `label` is the conversion label, None where it is not asked; `grade` the rung of the
    funnel ladder that was reached."""

    prompt: NDArray[np.int32]
    answer: NDArray[np.int32]
    codes: NDArray[np.float32] | None = None
    line_ends: NDArray[np.int32] | None = None
    line_codes: NDArray[np.float32] | None = None
    label: float | None = None
    grade: int = 0

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


@dataclass(frozen=True, slots=True)
class SampleBatch:
    """`markers`: (B,) index of the marker's last token: never "the last token that is not
    padding", which would read the answer. `picked` and `lines`: (n, 2) of (row, position);
    filler has target IGNORED or codes NaN."""

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
"""Of the positions outside answers, the share that pays for a vocabulary projection."""

ANSWER_TOKENS = 16
LINES_PER_TOKEN = 1 / 12
"""Room per batch; what does not fit is left out. Few distinct shapes matter more: where a kernel is
compiled per shape, that costs more than the training does."""


def width_of(length: int) -> int:
    """The padded width of a sample."""
    return -(-length // WIDTH_STEP) * WIDTH_STEP


def collate(
    samples: Sequence[Sample], pad_id: int, n_codes: int, rng: np.random.Generator
) -> SampleBatch:
    """Pads on the right; draws which positions pay for the language-model loss."""
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
    """Every index at least once, in batches of one width and a size that the width decides (the
    last of a width is filled up with repeats); batches come in random order."""
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

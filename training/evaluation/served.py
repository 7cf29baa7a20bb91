"""Scores the rows of a dataset with an artifact as the score worker would have: the same state,
prompt, engine and calibration."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scoring.artifact import digest, load_manifest
from scoring.calibration import probability
from scoring.engine import Engine, EngineInput, Unscorable
from scoring.engines.loading import load_scorer
from scoring.engines.rule import RuleEngine
from scoring.engines.stack import StackEngine
from scoring.engines.table import TableEngine
from scoring.lead.history import history_of
from scoring.lead.state_bytes import from_bytes
from scoring.metrics.cost import Cost
from scoring.prompt.edges import as_of
from scoring.report.progress import ReportProgress
from scoring.score import Scorer
from training.dataset.example import Examples
from training.evaluation.judged import EvaluationError, Scored

CHUNK_LEADS = 200

ServedRow = tuple[str, bytes, int]
"""(tenant/lead, state, as_of_ms)."""
ChunkScores = tuple[NDArray[np.float64], float]
"""(rows, 2): probability and the language model's logit, NaN where there is none; and the CPU
seconds that took."""


@dataclass(frozen=True, slots=True)
class Overheard:
    """A language model that keeps the logits it gave, in `recorded`."""

    lm: Engine
    recorded: list[float]

    @property
    def batch_size(self) -> int:
        return self.lm.batch_size

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        read = self.lm.logits(inputs)
        self.recorded.extend(read)
        return read


def score_artifact(
    path: Path,
    examples: Examples,
    *,
    n_processes: int,
    report: ReportProgress,
    name: str | None = None,
) -> Scored:
    """Scores the examples with the artifact at `path`. Spawns `n_processes`, none for 1. Raises
    ArtifactError when the folder cannot be scored with, EvaluationError for a row that cannot be
    scored: in production that would be a dead letter."""
    manifest = load_manifest(path)
    rows = _rows(examples)
    chunks = [rows[at : at + CHUNK_LEADS] for at in range(0, len(rows), CHUNK_LEADS)]
    work = partial(_score_chunk, path)
    if n_processes == 1:
        parts = _collect(map(work, chunks), len(rows), report)
    else:
        with get_context("spawn").Pool(min(n_processes, len(chunks))) as pool:
            parts = _collect(pool.imap(work, chunks), len(rows), report)
    scores = np.concatenate([pairs for pairs, _ in parts])
    read = scores[:, 1]
    return Scored(
        name=name or manifest.name,
        scores=scores[:, 0],
        probabilities=scores[:, 0],
        cost=Cost(sum(cpu_s for _, cpu_s in parts), len(rows)),
        digest=digest(path),
        engine=manifest.engine.value,
        read=None if np.isnan(read).all() else read,
    )


def _rows(examples: Examples) -> list[ServedRow]:
    keys = (f"{t}/{lead}" for t, lead in zip(examples.tenant, examples.lead, strict=True))
    return list(zip(keys, examples.state, examples.as_of_ms.tolist(), strict=True))


def _collect(
    parts: Iterable[ChunkScores], n_rows: int, report: ReportProgress
) -> list[ChunkScores]:
    def counted() -> Iterator[ChunkScores]:
        done = 0
        for part in parts:
            done += len(part[0])
            report(done, n_rows)
            yield part

    return list(counted())


def _score_chunk(path: Path, rows: list[ServedRow]) -> ChunkScores:
    scorer = _scorer(path)
    began_s = time.process_time()
    inputs = [_input(scorer, row) for row in rows]
    try:
        logits, read = _logits(scorer.engine, inputs)
        probabilities = [probability(logit, scorer.calibration) for logit in logits]
    except Unscorable:
        for row, engine_input in zip(rows, inputs, strict=True):
            with _naming(row):
                probability(scorer.engine.logits([engine_input])[0], scorer.calibration)
        raise
    return np.column_stack([probabilities, read]), time.process_time() - began_s


def _logits(engine: Engine, inputs: Sequence[EngineInput]) -> tuple[list[float], list[float]]:
    """The logits as served, and those of the language model in the engine."""
    if isinstance(engine, StackEngine):
        lm = Overheard(engine.lm, [])
        return replace(engine, lm=lm).logits(inputs), lm.recorded
    logits = engine.logits(inputs)
    is_table = isinstance(engine, TableEngine | RuleEngine)
    return logits, [float("nan")] * len(inputs) if is_table else logits


@cache
def _scorer(path: Path) -> Scorer:
    """The loaded artifact, once in a process: loading takes longer than a chunk."""
    return load_scorer(path)


def _input(scorer: Scorer, row: ServedRow) -> EngineInput:
    _, state, as_of_ms = row
    with _naming(row):
        history = history_of(from_bytes(state))
        return scorer.read(history, as_of(history, as_of_ms, scorer.rendering))


@contextmanager
def _naming(row: ServedRow) -> Iterator[None]:
    try:
        yield
    except Unscorable as error:
        raise EvaluationError(
            f"{row[0]} cannot be scored: {error}; take it out of the dataset"
        ) from error

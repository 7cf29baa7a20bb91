"""Benches: examples to fit on and later ones to test on, from a seed or from a dataset folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scoring.prompt.rendering import first_rendering
from scoring.report.progress import ReportProgress
from training.dataset.example import Examples
from training.dataset.folder import content_sha256, read_examples, write_examples
from training.dataset.manifest import BEFORE_TEST, DatasetManifest, Split
from training.dataset.simulated import Simulation, simulate_examples
from training.dataset.split import Shares

TRAIN_SEEDS, TEST_SEEDS = 51_000, 52_000
"""Bench number `i` fits on leads of seed TRAIN_SEEDS + i and tests on leads of seed TEST_SEEDS + i:
no bench shares a lead with another or with the demo artifact."""

NONE_TEST: Shares = (0.7, 0.15, 0.149, 0.001)
KEPT_NEGATIVES = 0.3


@dataclass(frozen=True, slots=True)
class Bench:
    """One bench. `before_test`: the rows to fit, choose and calibrate on; `judged`: the test rows.
    `folder` keeps what was computed here. `data_sha256` is of both halves, `manifest` of the
    dataset that `before_test` is from. Benches of one `group` are repetitions, whose mean is what
    counts."""

    name: str
    group: str
    folder: Path
    before_test: Examples
    judged: Examples
    data_sha256: tuple[str, str]
    manifest: DatasetManifest


@dataclass(frozen=True, slots=True)
class Size:
    """How many leads are simulated for one bench."""

    n_before_test: int
    n_judged: int


def simulated_bench(
    number: int, size: Size, work: Path, n_processes: int, progress: Callable[[str], ReportProgress]
) -> Bench:
    """A bench of simulated leads, read from `work` where an earlier run left them. Spawns
    `n_processes`."""
    name = f"simulated-{number}"
    before_test = Simulation(
        TRAIN_SEEDS + number,
        size.n_before_test,
        negative_rate=KEPT_NEGATIVES,
        shares=NONE_TEST,
    )
    judged = Simulation(TEST_SEEDS + number, size.n_judged, only=Split.TEST)
    halves, manifests = [], []
    for simulation in (before_test, judged):
        folder = work / name / simulation.name
        if not folder.exists():
            report = progress(simulation.name)
            write_examples(
                folder, *simulate_examples(simulation, n_processes=n_processes, report=report)
            )
        examples, manifest = read_examples(folder, first_rendering())
        halves.append(examples)
        manifests.append(manifest)
    both = halves[0].of(*BEFORE_TEST), halves[1]
    return _bench(name, "simulated", work / name, both, manifests[0])


def dataset_bench(folder: Path, work: Path) -> Bench:
    """A bench from a dataset folder. Raises DatasetError."""
    examples, manifest = read_examples(folder, first_rendering())
    group = f"{manifest.name}, split by {manifest.split_by}"
    name = f"{manifest.name}-{str(manifest.sha256)[:8]}"
    halves = examples.of(*BEFORE_TEST), examples.of(Split.TEST)
    return _bench(name, group, work / name, halves, manifest)


def _bench(
    name: str,
    group: str,
    folder: Path,
    halves: tuple[Examples, Examples],
    manifest: DatasetManifest,
) -> Bench:
    digests = content_sha256(halves[0]), content_sha256(halves[1])
    return Bench(name, group, folder, *halves, digests, manifest)

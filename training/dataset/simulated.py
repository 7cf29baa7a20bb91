"""Builds a dataset of simulated leads with the true probabilities: every lead once, at its own
moment.

It has as many orders as the simulated world, unless negatives are left out; those are never read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context

from schemas.timestamps import DAY_MS, HOUR_MS, from_ms, to_ms
from scoring.domain.reading import pack
from scoring.lead.fold import fold, listing
from scoring.lead.state_bytes import to_bytes
from scoring.prompt.rendering import Rendering, newest_rendering
from scoring.report.progress import ReportProgress
from training.dataset.draft import ExampleDraft, Truth, read_draft
from training.dataset.example import Example, Examples, columns_of
from training.dataset.manifest import DatasetError, DatasetManifest, DatasetSource, Split, label_of
from training.dataset.outcome import outcome_of
from training.dataset.split import SHARES, Borders, Sampling, Shares, borders_of
from training.simulator.business import Wording
from training.simulator.codes import code_names, final_codes
from training.simulator.emit import EPOCH, SimulatedLead, simulate_leads
from training.simulator.world import FIRST, World

CHUNK_LEADS = 250
POLICY = "simulated"


SPAN_HORIZONS = 12
"""The least of a world's time in horizons: three of them are embargoes between the splits."""


def split_world(business: str, wording: Wording = Wording.USUAL) -> World:
    """The world of `business` with moments over a time that can be split."""
    world = World(business, wording=wording)
    days = max(world.span_days, SPAN_HORIZONS * world.horizon_days)
    return replace(world, span_days=days)


@dataclass(frozen=True, slots=True)
class Simulation:
    """Which leads to simulate: number `first` to `first + n_leads - 1` of `seed`. `only`: all of
    them belong to this split, whatever their moment. That is for leads of a seed that nothing else
    reads, which need neither borders nor embargo."""

    seed: int
    n_leads: int
    first: int = 0
    negative_rate: float = 1.0
    shares: Shares = SHARES
    only: Split | None = None
    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        """Raises DatasetError."""
        if self.seed < 0:
            raise DatasetError(f"the seed is {self.seed}; expected 0 or more")

    @property
    def borders(self) -> Borders:
        """Where the splits begin. Moments are spread evenly over the world's time, so its length
        decides."""
        start_ms = to_ms(EPOCH)
        evenly = range(start_ms, start_ms + self.world.span_days * DAY_MS, HOUR_MS)
        return borders_of(evenly, self.shares, self.world.horizon_days * DAY_MS)

    @property
    def rendering(self) -> Rendering:
        """That of the pack which describes the simulated business."""
        return newest_rendering(pack(self.world.business))

    @property
    def name(self) -> str:
        said = "" if self.world.wording is Wording.USUAL else f"-{self.world.wording}"
        return f"simulated-{self.seed}-{self.first}-{self.n_leads}{said}"


def simulate_examples(
    simulation: Simulation, *, n_processes: int, report: ReportProgress
) -> tuple[Examples, DatasetManifest]:
    """Simulates leads and builds their examples and manifest. Spawns `n_processes`, none for 1."""
    if simulation.n_leads < 1:
        raise DatasetError(f"{simulation.n_leads} leads make no dataset; ask for at least 1")
    starts = range(simulation.first, simulation.first + simulation.n_leads, CHUNK_LEADS)
    work = partial(_chunk, simulation)
    if n_processes == 1:
        return _collect(simulation, map(work, starts), report)
    with get_context("spawn").Pool(n_processes) as pool:
        return _collect(simulation, pool.imap(work, starts), report)


@dataclass(frozen=True, slots=True)
class _Chunk:
    rows: list[Example]
    n_leads: int
    n_events: int
    first_ms: int
    last_ms: int


def _chunk(simulation: Simulation, start: int) -> _Chunk:
    n_leads = min(CHUNK_LEADS, simulation.first + simulation.n_leads - start)
    leads = list(simulate_leads(simulation.seed, n_leads, world=simulation.world, first=start))
    borders, sampling = simulation.borders, Sampling(simulation.negative_rate, simulation.seed)
    rows = [row for lead in leads if (row := _row(lead, simulation, borders, sampling)) is not None]
    return _Chunk(
        rows,
        n_leads,
        n_events=sum(len(lead.events) for lead in leads),
        first_ms=min(to_ms(lead.events[0].occurred_at) for lead in leads),
        last_ms=max(to_ms(lead.events[-1].occurred_at) for lead in leads),
    )


def _row(
    lead: SimulatedLead, simulation: Simulation, borders: Borders, sampling: Sampling
) -> Example | None:
    as_of_ms = to_ms(lead.as_of)
    split = simulation.only or borders.split_of(as_of_ms)
    if split is None:
        return None
    weight = sampling.weight(split, int(lead.ordered), lead.lead, as_of_ms)
    if weight is None:
        return None
    state = fold(lead.history)
    queue = listing(state).queue
    if queue is None:
        return None
    draft = ExampleDraft(
        key=lead.events[0].key,
        as_of_ms=as_of_ms,
        state=to_bytes(state),
        queue=queue,
        outcome=outcome_of(lead.outcomes, state, as_of_ms, simulation.world.horizon_days * DAY_MS),
        cluster=str(lead.events[0].key),
    )
    truth = Truth(lead.probability, final_codes(lead, simulation.world.file))
    return read_draft(draft, split, weight, simulation.rendering, truth)


def source_name(seed: int, business: str = FIRST) -> str:
    """The source in a manifest, which tells whose people were read: equal seeds of a business are
    the same people, in whatever words they speak."""
    world = "" if business == FIRST else f" of {business}"
    return f"simulator{world}, seed {seed}"


def _collect(
    simulation: Simulation, chunks: Iterable[_Chunk], report: ReportProgress
) -> tuple[Examples, DatasetManifest]:
    done: list[_Chunk] = []
    for chunk in chunks:
        done.append(chunk)
        report(sum(each.n_leads for each in done), simulation.n_leads)
    borders, horizon_days = simulation.borders, simulation.world.horizon_days
    names = code_names(simulation.world.file)
    source = DatasetSource(
        name=source_name(simulation.seed, simulation.world.business),
        first_ingested_at=from_ms(min(chunk.first_ms for chunk in done)),
        last_ingested_at=from_ms(max(chunk.last_ms for chunk in done)),
        n_events=sum(chunk.n_events for chunk in done),
    )
    manifest = DatasetManifest(
        name=simulation.name,
        sources=(source,),
        label=label_of(horizon_days),
        horizon_days=horizon_days,
        embargo_days=borders.embargo_ms / DAY_MS,
        as_of_policy=POLICY,
        seed=simulation.seed,
        negative_rate=simulation.negative_rate,
        code_names=names,
        borders=borders.times,
    )
    rows = (row for chunk in done for row in chunk.rows)
    return columns_of(rows, simulation.rendering, len(names)), manifest

"""Runs a replay: a recording, a policy and an artifact in; scores, rank moves and a manifest
out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from schemas.timestamps import from_ms, to_ms
from scoring.artifact import digest, load_manifest
from scoring.report.progress import Advanced
from streams.recording.beginning import FirstRecord, require_begun
from streams.recording.erased import erased_hash, erased_leads
from streams.recording.folder import RecordingFolder, new_folder, open_recording
from streams.replay.code_version import code_version
from streams.replay.draft import ReplayCounts
from streams.replay.outcome import ReplayedStep
from streams.replay.policy import Never, ScoringPolicy
from streams.replay.processes import outcomes_of_processes
from streams.replay.redis_table import RedisPlace, claimed
from streams.replay.result import MANIFEST, ReplayManifest, Written, write_outcomes
from streams.replay.run import Replay, Spec
from streams.replay.sinks.files import opened_files
from streams.replay.sinks.sink import FileFormat, Sink

ProgressOf = Callable[[str, int], Advanced]
"""Makes a progress report: (verb, how many records in all) -> a function that is called with the
number of records done."""


def silent(verb: str, total: int) -> Advanced:
    return lambda n: None


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What a replay is asked to do. `artifact` None: each published score's own, or none with
    policy `never`. `as_of`: what was ingested later never happened. `redis`: where states are kept
    instead of in memory."""

    policy: ScoringPolicy
    artifact: Path | None
    artifact_folders: tuple[Path, ...] = ()
    as_of: datetime | None = None
    n_processes: int = 1
    file_format: FileFormat = FileFormat.JSONL
    redis: RedisPlace | None = None


def replay(
    source: Path,
    request: ReplayRequest,
    out: Path | None = None,
    progress: ProgressOf = silent,
    also: Sequence[Sink] = (),
) -> ReplayManifest:
    """Replays the recording at `source`. Raises RecordingError, ArtifactError, OSError, StoreAway,
    StoreUnusable, and what the sinks raise. `out` appears complete or not at all; `also` takes the
    same lines."""
    recording = open_recording(source)
    total = sum(one.n_records for one in recording.input_ranges())
    end_ms = end_of(recording, request.as_of)
    spec = Spec(
        recording=source,
        policy=str(request.policy),
        artifact=None if isinstance(request.policy, Never) else request.artifact,
        artifact_folders=request.artifact_folders,
        until_ms=None if request.as_of is None else to_ms(request.as_of),
        end_ms=end_ms,
        erased=erased_leads(recording, progress("looked for erased leads in", total)),
        redis=request.redis,
    )
    tally, advanced = ReplayCounts(), progress("replayed", total)
    with new_folder(out) if out else nullcontext() as folder:
        with opened_files(folder, request.file_format) if folder else nullcontext() as files:
            sinks = [*also, files] if files else also
            outcomes = outcomes_of(spec, recording, request.n_processes, tally, advanced)
            written = write_outcomes(outcomes, sinks)
        manifest = _manifest(spec, recording, tally, written)
        if folder is not None:
            (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n")
    return manifest


def outcomes_of(
    spec: Spec,
    recording: RecordingFolder,
    n_processes: int,
    tally: ReplayCounts,
    advanced: Advanced,
) -> Iterable[ReplayedStep]:
    """All outcomes of a replay, in order; `tally` is complete at their end."""
    n_partitions = recording.manifest.n_partitions
    with claimed(spec.redis, n_partitions) if spec.redis else nullcontext():
        if n_processes > 1 and n_partitions > 1:
            yield from outcomes_of_processes(spec, n_partitions, n_processes, tally, advanced)
            return
        here = Replay(spec, range(n_partitions), advanced)
        yield from here.outcomes()
        tally.add(here.tally)


def end_of(recording: RecordingFolder, as_of: datetime | None) -> int:
    """The moment at which a replay ends: `as_of`, or the newest record. Raises RecordingError when
    nothing had happened yet."""
    ranges = recording.input_ranges()
    newest_ms = max((one.last_ms for one in ranges if one.last_ms is not None), default=0)
    end_ms = newest_ms if as_of is None else to_ms(as_of)
    firsts = (
        FirstRecord(one.first_ms, one.topic, one.partition)
        for one in ranges
        if one.first_ms is not None
    )
    require_begun(end_ms, firsts, str(recording.path))
    return end_ms


def _manifest(
    spec: Spec, recording: RecordingFolder, tally: ReplayCounts, written: Written
) -> ReplayManifest:
    artifact = spec.artifact
    return ReplayManifest(
        recording=recording.digest,
        ranges=tuple(recording.input_ranges()),
        policy=spec.policy,
        artifact=digest(artifact) if artifact else None,
        prompt_id=load_manifest(artifact).prompt_id if artifact else None,
        until=from_ms(spec.end_ms),
        code=code_version(),
        n_erased_leads=len(spec.erased),
        erased_sha256=erased_hash(spec.erased),
        n_records=tally.records,
        n_events=tally.events,
        n_dead_letters=tally.dead,
        n_erased_records=tally.erased,
        n_unscorable=tally.unscorable,
        n_leads=tally.leads,
        n_scores=written.n_scores,
        n_moves=written.n_moves,
        states=f"{tally.states % 2**128:032x}",
        digest=written.digest,
    )

"""A recording on disk: a folder of segments, each of one topic partition, and a manifest.

    DIR/manifest.json
    DIR/crm.events-3-000017.jsonl.zst      the partition's segment whose first offset is 17

The folder appears complete or not at all; each segment has a checksum, so that damage is named.
`streams.recording.event_file` is the simpler file of events that importers write.
"""

from __future__ import annotations

import fcntl
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.codec import Record
from schemas.topics import INPUTS
from streams.recording.event_file import RecordingError
from streams.recording.segment import Damaged, line_of, pack, unpack

MANIFEST = "manifest.json"
MARK = ".asllr-unfinished"
FORMAT = 1

SEGMENT_BYTES = 2_000_000
"""The size of a segment's lines before compression: a replay holds one segment of each partition it
merges."""


class LogRange(BaseModel):
    """What is recorded of one topic partition: offsets from `first` up to but not including `end`.
    `log_start`: the oldest offset that Kafka still had."""

    model_config = ConfigDict(frozen=True)

    topic: str
    partition: int
    log_start: int
    first: int
    end: int
    n_records: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    """The smallest and the largest timestamp."""


class SegmentEntry(BaseModel):
    model_config = ConfigDict(frozen=True)

    file: str
    topic: str
    partition: int
    first: int
    last: int
    n_records: int
    sha256: str


class RecordingManifest(BaseModel):
    """The manifest of a recording. `n_partitions` is the inputs' count, on which keys were placed.
    `missing`: what was asked for and is not here, a sentence each."""

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    n_partitions: int
    missing: tuple[str, ...] = ()
    ranges: tuple[LogRange, ...]
    segments: tuple[SegmentEntry, ...]


@dataclass(slots=True)
class _Partition:
    lines: list[bytes] = field(default_factory=list)
    n_bytes: int = 0
    first: int = 0
    last: int = -1
    n_records: int = 0
    first_ms: int | None = None
    last_ms: int | None = None


class RecordingWriter:
    """Writes segments. Takes records of any partitions in turn, each partition's by offset."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: dict[tuple[str, int], _Partition] = defaultdict(_Partition)
        self._segments: list[SegmentEntry] = []

    def add(self, record: Record) -> None:
        part = self._parts[record.topic, record.partition]
        if record.offset <= part.last:
            raise ValueError(f"offset {record.offset} after {part.last}: not in order")
        line = line_of(record)
        if not part.lines:
            part.first = record.offset
        part.lines.append(line)
        part.n_bytes += len(line)
        part.last = record.offset
        part.n_records += 1
        part.first_ms = min(part.first_ms or record.timestamp_ms, record.timestamp_ms)
        part.last_ms = max(part.last_ms or record.timestamp_ms, record.timestamp_ms)
        if part.n_bytes >= SEGMENT_BYTES:
            self._cut(record.topic, record.partition, part)

    def close(
        self, n_partitions: int, ranges: Iterable[LogRange], missing: Sequence[str] = ()
    ) -> RecordingManifest:
        for (topic, partition), part in sorted(self._parts.items()):
            self._cut(topic, partition, part)
        manifest = RecordingManifest(
            n_partitions=n_partitions,
            missing=tuple(missing),
            ranges=tuple(self._counted(one) for one in ranges),
            segments=tuple(self._segments),
        )
        (self._folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n")
        return manifest

    def _counted(self, wanted: LogRange) -> LogRange:
        part = self._parts.get((wanted.topic, wanted.partition))
        if part is None:
            return wanted
        counted = {
            "n_records": part.n_records,
            "first_ms": part.first_ms,
            "last_ms": part.last_ms,
        }
        return wanted.model_copy(update=counted)

    def _cut(self, topic: str, partition: int, part: _Partition) -> None:
        if not part.lines:
            return
        packed, digest = pack(part.lines)
        name = f"{topic}-{partition}-{part.first:06d}.jsonl.zst"
        (self._folder / name).write_bytes(packed)
        self._segments.append(
            SegmentEntry(
                file=name,
                topic=topic,
                partition=partition,
                first=part.first,
                last=part.last,
                n_records=len(part.lines),
                sha256=digest,
            )
        )
        part.lines, part.n_bytes = [], 0


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yields a folder to write into, which becomes `path` when all went well, and vanishes
    otherwise. What a killed run left of it is removed. Raises RecordingError when `path` exists, or
    in its place for work a folder that another run is writing or that asllr did not make;
    OSError."""
    if path.exists():
        raise RecordingError(f"{path} exists: name another folder, or remove that one")
    part = path.with_name(path.name + ".part")
    with _claimed(part):
        try:
            yield part
            part.replace(path)
            (path / MARK).unlink()
        finally:
            shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _claimed(part: Path) -> Iterator[None]:
    """Reserves `part` for one run. It holds nothing but MARK, which is locked until the end, or
    until this process is killed."""
    part.mkdir(parents=True, exist_ok=True)
    mark = part / MARK
    if not mark.exists() and any(part.iterdir()):
        raise RecordingError(
            f"{part} is needed for the work, and asllr did not make it: name another folder, or "
            "move that one away"
        )
    with mark.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RecordingError(
                f"{part} is being written by another run: wait for its end, or name another folder"
            ) from None
        for left in set(part.iterdir()) - {mark}:
            left.unlink()
        yield


@dataclass(frozen=True, slots=True)
class RecordingFolder:
    """An opened recording, which may be read as often as needed, by several processes."""

    path: Path
    manifest: RecordingManifest
    digest: str

    def records(self, topic: str, partition: int, holding: bytes = b"") -> Iterator[Record]:
        """The records of one partition by offset, with one segment in memory; `holding`: only
        records whose line holds these bytes, which are found without decoding the others. Raises
        RecordingError, which names the segment."""
        for entry in self.manifest.segments:
            if (entry.topic, entry.partition) == (topic, partition):
                yield from self._segment(entry, holding)

    def _segment(self, entry: SegmentEntry, holding: bytes) -> Iterator[Record]:
        n_records, last = 0, entry.first - 1
        try:
            for record in unpack((self.path / entry.file).read_bytes(), entry.sha256, holding):
                belongs = (record.topic, record.partition) == (entry.topic, entry.partition)
                if not belongs or not last < record.offset <= entry.last:
                    raise Damaged(f"offset {record.offset} does not belong there")
                n_records, last = n_records + 1, record.offset
                yield record
        except FileNotFoundError:
            raise RecordingError(f"{self.path}: segment {entry.file} is missing") from None
        except Damaged as error:
            raise RecordingError(
                f"{self.path}: segment {entry.file} is damaged: {error}; record again or restore it"
            ) from None
        if not holding and n_records != entry.n_records:
            raise RecordingError(
                f"{self.path}: segment {entry.file} has {n_records} records, "
                f"the manifest says {entry.n_records}"
            )

    def ranges(self, topics: Iterable[str]) -> list[LogRange]:
        names = set(topics)
        return [one for one in self.manifest.ranges if one.topic in names]

    def input_ranges(self) -> list[LogRange]:
        return self.ranges(topic.name for topic in INPUTS)


def _require_segments(path: Path, manifest: RecordingManifest) -> None:
    listed: dict[tuple[str, int], int] = defaultdict(int)
    for entry in manifest.segments:
        listed[entry.topic, entry.partition] += entry.n_records
    for one in manifest.ranges:
        if (n_lacking := one.n_records - listed[one.topic, one.partition]) > 0:
            raise RecordingError(
                f"{path / MANIFEST} lacks {n_lacking:,} of the {one.n_records:,} records of "
                f"{one.topic}/{one.partition}: it lists no segment with them; record again or "
                "restore it"
            )


def open_recording(path: Path) -> RecordingFolder:
    """Opens a recording without reading a segment. Raises RecordingError."""
    try:
        text = (path / MANIFEST).read_bytes()
        manifest = RecordingManifest.model_validate_json(text)
    except FileNotFoundError:
        raise RecordingError(f"{path} is not a recording: it has no {MANIFEST}") from None
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, fault["loc"])) or "the file"
        raise RecordingError(
            f"{path / MANIFEST} is not the manifest of a recording ({where}: {fault['msg']}): "
            "name a folder that `asllr record` made, not what a replay wrote, or record again"
        ) from None
    if manifest.format != FORMAT:
        raise RecordingError(
            f"{path} has recording format {manifest.format}, this asllr reads {FORMAT}"
        )
    _require_segments(path, manifest)
    return RecordingFolder(path, manifest, sha256(text).hexdigest())

"""Where a replay puts its output and its states changes nothing of what it says."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from schemas.outputs import Score
from schemas.topics import TOPICS
from scoring.lead.fold import evolve, initial_state
from streams.kafka.producer import KafkaOutput, OutRecord
from streams.kafka.topic_reader import read_to_end
from streams.recording.folder import RecordingFolder
from streams.replay.diff import difference
from streams.replay.lead_table import LeadTable, MemoryTable, ReplayedLead, states_digest
from streams.replay.policy import EveryTick
from streams.replay.redis_table import PREFIX, RedisPlace, claimed, opened_tables
from streams.replay.replay import ReplayRequest, replay
from streams.replay.result import ReplayManifest, open_output
from streams.replay.sinks.files import read_lines
from streams.replay.sinks.sink import FileFormat, LineKind
from streams.replay.sinks.topic import RECORDS_AT_ONCE, ShadowScores, shadow_topic
from streams.store.contract import StoreUnusable
from streams.store.redis_store import RedisStore
from tests.streams.replay.logs import (
    N_PARTITIONS,
    deployment,
    input_records,
    recorded,
    score_records,
)
from tests.support.engines.table_artifacts import build_rule_artifact
from tests.support.leads.event_stream import events
from tests.support.roles import Clock, Roles

pytestmark = pytest.mark.slow

TICKS = EveryTick(2_000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RecordingFolder:
    roles = deployment(4, 240)
    path = tmp_path_factory.mktemp("replay") / "day"
    return recorded(path, [*input_records(roles), *score_records(roles)])


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_rule_artifact(tmp_path_factory.mktemp("artifacts") / "rule")


@pytest.fixture(scope="module")
def plain(
    folder: RecordingFolder, artifact: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """States in memory, JSON lines."""
    out = tmp_path_factory.mktemp("plain") / "out"
    assert replay(folder.path, ReplayRequest(TICKS, artifact), out).n_scores > 0
    return out


def lines(out: Path, kind: LineKind) -> list[bytes]:
    return [line.rstrip(b"\n") for line in read_lines(out, kind)]


def test_parquet_holds_the_very_lines_and_columns_that_agree_with_them(
    folder: RecordingFolder, artifact: Path, plain: Path, tmp_path: Path
) -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="needs the train extra")
    asked = ReplayRequest(TICKS, artifact, file_format=FileFormat.PARQUET)
    manifest = replay(folder.path, asked, tmp_path / "out")
    assert manifest == open_output(plain).manifest
    for kind in LineKind:
        assert lines(tmp_path / "out", kind) == lines(plain, kind)
    rows = pq.read_table(tmp_path / "out" / "scores.parquet").to_pylist()
    for row, score in zip(rows, open_output(plain).scores(), strict=True):
        assert (row["tenant"], row["lead"], row["logit"]) == (score.tenant, score.lead, score.logit)
        assert (row["as_of"], row["version"]) == (score.order.as_of, score.order.version)
        assert (row["scored_at"], row["valid_until"]) == (score.scored_at, score.valid_until)
    moves = pq.read_table(tmp_path / "out" / "moves.parquet").to_pylist()
    for row, move in zip(moves, open_output(plain).moves(), strict=True):
        assert (row["moment"], row["queue"], row["rank"]) == (move.moment, move.queue, move.rank)
    assert difference(open_output(plain), open_output(tmp_path / "out"), 50).n_differing == 0


class Kept:
    """Implements Output."""

    def __init__(self) -> None:
        self.records: list[OutRecord] = []
        self.largest = 0

    def deliver(self, records: Sequence[OutRecord]) -> None:
        self.records += records
        self.largest = max(self.largest, len(records))


@pytest.mark.service
def test_a_shadow_topic_gets_every_score_of_a_lead_in_order(
    folder: RecordingFolder, artifact: Path, plain: Path, embedded: str
) -> None:
    topic = "leads.scores.replay"
    shadow = ShadowScores(KafkaOutput(embedded, 10.0, threading.Event()), topic)
    replay(folder.path, ReplayRequest(TICKS, artifact), also=[shadow])
    wanted = lines(plain, LineKind.SCORES)
    assert shadow.n_written == len(wanted)
    found = list(read_to_end(embedded, topic))
    for lead in {record.key for record in found}:
        mine = [line for line in wanted if key_of(line) == lead]
        assert [record.value for record in found if record.key == lead] == mine
    assert len(found) == len(wanted)
    assert {name for name, _ in found[0].headers} >= {"ce_id", "ce_type"}


def key_of(line: bytes) -> bytes:
    score = Score.model_validate_json(line)
    return f"{score.tenant}/{score.lead}".encode()


@pytest.mark.parametrize("name", [topic.name for topic in TOPICS])
def test_no_topic_of_production_is_a_shadow_topic(name: str) -> None:
    with pytest.raises(ValueError, match="belongs to production"):
        ShadowScores(Kept(), name)


@pytest.mark.parametrize(
    "name", ["__consumer_offsets", "app-__assignor-__leader", "", "..", "a b", "x" * 250]
)
def test_what_kafka_would_refuse_or_faust_writes_is_no_shadow_topic(name: str) -> None:
    with pytest.raises(ValueError, match="is not a topic for a replay"):
        shadow_topic(name)


@pytest.mark.parametrize("name", ["team__scores", "a-_b", "leads.scores.replay"])
def test_any_other_name_is_a_shadow_topic(name: str) -> None:
    assert shadow_topic(name).name == name


@contextmanager
def in_redis(url: str) -> Iterator[LeadTable]:
    with opened_tables(RedisPlace(url, "battery")) as table:
        yield table(0)


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.service)])
def table(request: pytest.FixtureRequest) -> Iterator[LeadTable]:
    if request.param == "memory":
        yield MemoryTable()
        return
    with in_redis(request.getfixturevalue("redis_url")) as table:
        yield table


def leads(n: int) -> dict[str, ReplayedLead]:
    found: dict[str, ReplayedLead] = {}
    for offset, event in enumerate(events(5, n, n_leads=n // 3)):
        before = found.get(str(event.key), ReplayedLead(initial_state(), {}, None))
        cursor = {**before.cursor, "crm.events": offset}
        queue = "north" if offset % 2 else None
        found[str(event.key)] = ReplayedLead(evolve(before.state, event), cursor, queue)
    return found


def test_a_table_gives_back_what_was_put_last(table: LeadTable) -> None:
    assert table.get("acme/a") is None
    for before, after in zip(leads(30).values(), leads(60).values(), strict=False):
        table.put("acme/a", before)
        table.put("acme/a", after)
        assert table.get("acme/a") == after
    assert table.get("acme/b") is None


def test_a_table_lists_each_lead_once(table: LeadTable) -> None:
    wanted = leads(2_400)
    reference = MemoryTable()
    for name, lead in wanted.items():
        table.put(name, lead)
        reference.put(name, lead)
    assert len(wanted) > 500
    found = list(table.items())
    assert len(found) == len(wanted)
    assert dict(found) == wanted
    assert states_digest(table) == states_digest(reference)


def dumped(client: redis.Redis) -> dict[bytes, bytes]:
    return {key: client.dump(key) for key in client.scan_iter(count=1_000)}


@pytest.mark.service
@pytest.mark.parametrize("n_processes", [1, 2])
def test_states_in_a_redis_of_production_change_neither_the_result_nor_production(
    folder: RecordingFolder, artifact: Path, plain: Path, redis_url: str, n_processes: int
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        roles = Roles(RedisStore(client), Clock(), N_PARTITIONS)
        roles.promote()
        roles.copied()
        roles.ingest(*events(4, 60))
        before = dumped(client)
        asked = ReplayRequest(
            TICKS, artifact, n_processes=n_processes, redis=RedisPlace(redis_url, "monday")
        )
        manifest: ReplayManifest = replay(folder.path, asked)
        assert manifest == open_output(plain).manifest
        assert len(before) > 0
        assert dumped(client) == before


@pytest.mark.service
def test_a_namespace_is_one_replay_s_and_left_empty_also_after_a_failure(redis_url: str) -> None:
    place = RedisPlace(redis_url, "monday")

    def fails() -> None:
        with claimed(place, 2), opened_tables(place) as table:
            table(1).put("acme/a", ReplayedLead(initial_state(), {}, None))
            with pytest.raises(StoreUnusable, match="namespace monday is used by another replay"):
                claimed(place, 2).__enter__()
            raise RuntimeError

    with redis.Redis.from_url(redis_url) as client:
        with pytest.raises(RuntimeError):
            fails()
        assert dumped(client) == {}
        with claimed(place, 2), claimed(RedisPlace(redis_url, "tuesday"), 2):
            assert all(key.startswith(PREFIX.encode()) for key in dumped(client))


def test_a_namespace_that_is_no_id_is_refused() -> None:
    for name in ("", "a/b", "a b", "x" * 129):
        with pytest.raises(ValueError, match="expected 1 to 128 of"):
            RedisPlace("redis://localhost", name)


def test_scores_are_delivered_a_thousand_at_a_time() -> None:
    kept = Kept()
    shadow = ShadowScores(kept, "trial")
    score = next(iter(scores(1)))
    for _ in range(RECORDS_AT_ONCE + 1):
        shadow.take(LineKind.SCORES, "acme/a", score)
        shadow.take(LineKind.MOVES, "acme/a", b"{}")
    shadow.end()
    assert (len(kept.records), kept.largest) == (RECORDS_AT_ONCE + 1, RECORDS_AT_ONCE)
    assert {record.topic for record in kept.records} == {"trial"}


def scores(seed: int) -> Iterator[bytes]:
    for record in score_records(deployment(seed, 30)):
        yield record.value or b""

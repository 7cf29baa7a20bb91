"""What an operator types, against real brokers: run everything, look at it, mend it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from asllr import main
from schemas.codec import Record, encode
from schemas.dead_letter import dead_letter, entry
from schemas.events import LeadErased, LeadUpserted
from schemas.record_check import BadRecord
from schemas.topics import CRM_EVENTS, DEAD_LETTER, TOPICS
from streams.kafka.topic_reader import read_to_end
from streams.recording.recorded_events import recorded_events
from tests.support.brokers import N_PARTITIONS, wait_until
from tests.support.commands import asllr, running
from tests.support.engines.stub_artifact import build_stub_artifact

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def environ(broker: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    build_stub_artifact(tmp_path / "artifacts" / "demo")
    return {
        "ASLLR_BROKER": broker,
        "ASLLR_REDIS": redis_url,
        "ASLLR_ARTIFACTS": str(tmp_path / "artifacts"),
        "ASLLR_PARTITIONS": str(N_PARTITIONS),
        "ASLLR_SESSION_S": "6",
        "ASLLR_GROUP": tmp_path.name,
    }


def test_simulated_leads_become_a_queue_that_says_why(
    environ: dict[str, str], tmp_path: Path
) -> None:
    asllr(environ, "promote", "demo")
    with running(environ, tmp_path):
        asllr(environ, "simulate", "--leads", "10", "--for", "1s")

        def board() -> dict[str, int]:
            sizes: dict[str, int] = json.loads(asllr(environ, "queue", "show", "--json"))
            return sizes

        wait_until(lambda: sum(board().values()) >= 5, "five leads on boards", 60)
        queue = max(board(), key=lambda name: board()[name])
        top = json.loads(asllr(environ, "queue", "show", queue, "--json"))["top"]
        assert [row["rank"] for row in top] == list(range(1, len(top) + 1))
        lead = json.loads(asllr(environ, "lead", "show", top[0]["lead"], "--json"))
        assert lead["listed"] == f"listed in queue {queue.partition('/')[2]}"
        assert lead["reason"]
        ranked = asllr(environ, "tail", "leads.ranked", "--to-end", "--max", "5", "--json")
        assert len([json.loads(line) for line in ranked.splitlines()]) == 5


def test_erased_lead_is_shown_as_erased(environ: dict[str, str], tmp_path: Path) -> None:
    erased = LeadErased(
        id="e1", source="crm", tenant="demo", lead="gone", occurred_at=datetime.now(UTC)
    )
    with running(environ, tmp_path):
        send(environ["ASLLR_BROKER"], CRM_EVENTS.name, *encode(erased))

        def show() -> str:
            return CliRunner().invoke(main, ["lead", "show", "gone"], env=environ).stdout

        wait_until(lambda: "erased: the person asked to be forgotten" in show(), "erased", 60)


def test_lead_is_shown_with_the_fields_that_were_left_out(
    environ: dict[str, str], tmp_path: Path
) -> None:
    with running(environ, tmp_path):
        for half in range(2):
            wide = LeadUpserted(
                id=f"wide-{half}",
                source="crm",
                tenant="demo",
                lead="wide",
                occurred_at=datetime.now(UTC),
                profile={f"Column {half * 300 + n}": 1.0 for n in range(300)},
            )
            send(environ["ASLLR_BROKER"], CRM_EVENTS.name, *encode(wide))

        def show() -> dict[str, object]:
            words = ["lead", "show", "wide", "--json"]
            return json.loads(CliRunner().invoke(main, words, env=environ).stdout)

        wait_until(lambda: "left_out" in show(), "both are folded", 60)
        shown = show()
        assert shown["profile_fields"] == 512
        assert str(shown["left_out"]).startswith("at least 64 fields beyond the newest 512")


def test_dead_letter_is_listed_shown_and_sent_again(environ: dict[str, str]) -> None:
    record = Record(
        CRM_EVENTS.name, 1, 7, 1_700_000_000_000, b"demo/1", b"{nonsense", (("h", b"v"),)
    )
    bad = BadRecord("not-json", "expected a value", "send JSON")
    send(environ["ASLLR_BROKER"], DEAD_LETTER.name, *entry(dead_letter(record, bad)), [])
    listed = [
        json.loads(line) for line in asllr(environ, "dead-letters", "list", "--json").splitlines()
    ]
    assert [(letter["reason"], letter["fix"]) for letter in listed] == [("not-json", "send JSON")]
    assert "fix: send JSON" in asllr(environ, "dead-letters", "list")
    assert "{nonsense" in asllr(environ, "dead-letters", "show", listed[0]["id"])
    asllr(environ, "dead-letters", "retry", listed[0]["id"])
    (again,) = read_to_end(environ["ASLLR_BROKER"], CRM_EVENTS.name)
    assert (again.key, again.value, again.headers) == (record.key, record.value, record.headers)


def test_dead_letter_that_was_cut_is_not_sent_again(environ: dict[str, str]) -> None:
    record = Record(CRM_EVENTS.name, 1, 7, 1_700_000_000_000, b"demo/1", b"x" * 2_000_000)
    bad = BadRecord("too-large", "2000000 bytes", "split the call")
    send(environ["ASLLR_BROKER"], DEAD_LETTER.name, *entry(dead_letter(record, bad)), [])
    (letter,) = asllr(environ, "dead-letters", "list", "--json").splitlines()
    result = CliRunner().invoke(
        main, ["dead-letters", "retry", json.loads(letter)["id"]], env=environ
    )
    assert result.exit_code == 1
    assert "send the record again from its source" in result.stderr
    assert list(read_to_end(environ["ASLLR_BROKER"], CRM_EVENTS.name)) == []


def test_what_the_topics_hold_becomes_a_recording_without_the_erased(
    environ: dict[str, str], tmp_path: Path
) -> None:
    who = {"source": "crm", "tenant": "demo", "occurred_at": datetime.now(UTC)}
    kept = LeadUpserted(id="1", lead="kept", profile={"age_band": "forties"}, **who)
    gone = LeadUpserted(id="2", lead="gone", profile={"age_band": "forties"}, **who)
    for event in (kept, gone, LeadErased(id="3", lead="gone", **who)):
        send(environ["ASLLR_BROKER"], CRM_EVENTS.name, *encode(event))
    send(environ["ASLLR_BROKER"], CRM_EVENTS.name, b"demo/bad", b"{nonsense", [])
    out = tmp_path / "topics"
    told = CliRunner().invoke(main, ["record", "--out", str(out)], env=environ)
    assert told.exit_code == 0, told.output
    (recorded,) = recorded_events(out)
    assert recorded.event == kept
    assert recorded.ingested_at >= kept.occurred_at - timedelta(minutes=5)


@pytest.mark.kafka
def test_topics_are_made_checked_and_found_sound_by_the_doctor(
    kafka: str, redis_url: str, tmp_path: Path
) -> None:
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 2})
    names = [topic.name for topic in TOPICS]
    for future in admin.delete_topics(names).values():
        future.result(10)
    wait_until(lambda: not {*names} & admin.list_topics(timeout=10).topics.keys(), "deleted")
    build_stub_artifact(tmp_path / "demo")
    environ = {
        "ASLLR_BROKER": kafka,
        "ASLLR_REDIS": redis_url,
        "ASLLR_PARTITIONS": "5",
        "ASLLR_ARTIFACTS": str(tmp_path),
    }
    missing = CliRunner().invoke(main, ["topics", "check"], env=environ)
    assert missing.exit_code == 1
    assert "asllr topics create" in missing.stderr
    made = asllr(environ, "topics", "create")
    assert all(name in made for name in names)
    wait_until(lambda: {*names} <= admin.list_topics(timeout=10).topics.keys(), "created")
    asllr(environ, "topics", "check")
    assert "exist already" in asllr(environ, "topics", "create")
    asllr(environ, "promote")
    checks = json.loads(asllr(environ, "doctor", "--json"))
    to_mend = {check["name"] for check in checks if check["verdict"] != "ok"}
    assert to_mend == {"score workers", "promotion"}, "no role is up yet"


def send(
    broker: str, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]
) -> None:
    producer = Producer({"bootstrap.servers": broker, "partitioner": "murmur2_random"})
    producer.produce(topic, key=key, value=value, headers=[*headers])
    assert producer.flush(10) == 0

"""The commands about the past, as processes, on an Apache Kafka that roles have worked on."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from schemas.outputs import Score
from schemas.timestamps import from_ms
from schemas.topics import INPUTS, SCORES
from streams import exit_codes
from streams.kafka.topic_reader import read_to_end
from tests.support.brokers import N_PARTITIONS, wait_until
from tests.support.commands import answer, asllr, is_done, run, running
from tests.support.engines.table_artifacts import build_rule_artifact
from tests.support.harness import Journal
from tests.support.leads.event_stream import events

pytestmark = [pytest.mark.kafka, pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(300)]

N_EVENTS = 120
INPUT_NAMES = tuple(topic.name for topic in INPUTS)
RECORDED = ("--policy", "recorded", "--artifact", "recorded", "--json")


@pytest.fixture
def environ(kafka: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """All roles have run on it, and are gone."""
    build_rule_artifact(tmp_path / "artifacts" / "demo")
    environ = {
        "ASLLR_BROKER": kafka,
        "ASLLR_REDIS": redis_url,
        "ASLLR_ARTIFACTS": str(tmp_path / "artifacts"),
        "ASLLR_PARTITIONS": str(N_PARTITIONS),
        "ASLLR_GROUP": tmp_path.name,
    }
    asllr(environ, "promote", "demo")
    journal = Journal(kafka)
    with running(environ, tmp_path):
        journal.send(events(3, N_EVENTS))
        journal.flush()
        wait_until(lambda: is_done(redis_url, N_EVENTS), "all applied, scored and published", 90)
    return environ


def test_past_on_kafka_is_recorded_verified_replayed_and_explained(
    environ: dict[str, str], tmp_path: Path
) -> None:
    day = tmp_path / "day"
    ranges = answer(environ, "record", "--out", day, "--json")["ranges"]
    n_inputs = sum(one["n_records"] for one in ranges if one["topic"] in INPUT_NAMES)
    n_scores = sum(one["n_records"] for one in ranges if one["topic"] == SCORES.name)
    assert (n_inputs, n_scores > 0) == (N_EVENTS, True)

    verified = answer(environ, "replay", "verify", "kafka", "--json")
    assert (verified["events"], verified["found"]) == (N_EVENTS, [])
    assert verified["scores"] + verified["repeated"] == n_scores

    again = answer(environ, "replay", "kafka", *RECORDED)
    assert (again["n_events"], again["n_scores"]) == (N_EVENTS, verified["scores"])
    elsewhere = ("--redis", environ["ASLLR_REDIS"], "--namespace", "test")
    shadow = ("--shadow-topic", "leads.scores.replay")
    words = ("replay", day, "--processes", "2", *elsewhere, *shadow, *RECORDED)
    assert answer(environ, *words) == again
    assert len([*read_to_end(broker_of(environ), shadow[1])]) == again["n_scores"]
    assert_production_is_refused(environ, day)

    score = last_score(environ)
    key = f"{score.tenant}/{score.lead}"
    for command in ("explain", "state"):
        words = (command, key, "--as-of", "2100-01-01", "--json")
        assert asllr(environ, *words) == asllr(environ, *words, "--source", day)
    assert json.loads(asllr(environ, "state", key, "--json"))["published"]["logit"] == score.logit

    assert_too_early_is_told(environ, tmp_path, key)

    publish(environ, key, score.model_copy(update={"logit": score.logit + 1}))
    lied = run(environ, "replay", "verify", "kafka")
    assert lied.exit_code == exit_codes.NO
    assert re.search(r"1 of \d+ published scores are not as recomputed", lied.stderr)
    assert key in lied.stdout


def assert_production_is_refused(environ: dict[str, str], day: Path) -> None:
    """As a target, and nothing was sent."""
    n_before = len([*read_to_end(broker_of(environ), SCORES.name)])
    refused = run(environ, "replay", day, "--shadow-topic", SCORES.name)
    assert refused.exit_code == exit_codes.USAGE
    assert "leads.scores belongs to production" in refused.stderr
    assert len([*read_to_end(broker_of(environ), SCORES.name)]) == n_before


def assert_too_early_is_told(environ: dict[str, str], tmp_path: Path, key: str) -> None:
    """With the moment and the topic of the first event there is, in one sentence."""
    inputs = [record for name in INPUT_NAMES for record in read_to_end(broker_of(environ), name)]
    first = min(inputs, key=lambda record: (record.timestamp_ms, record.topic, record.partition))
    mine = min((one for one in inputs if one.key == key.encode()), key=lambda one: one.timestamp_ms)
    early = ("--as-of", "2025-06-03")
    for words, named in (
        (("record", "--out", tmp_path / "early"), first),
        (("replay", "kafka"), first),
        (("replay", "backtest", "kafka"), first),
        (("replay", tmp_path / "day"), first),
        (("state", key), mine),
        (("explain", key), mine),
    ):
        refused = run(environ, *words, *early)
        assert refused.exit_code in (exit_codes.NO, exit_codes.UNUSABLE)
        *_, sentence = refused.stderr.splitlines()  # on a busy machine progress stands before it
        assert f"{from_ms(named.timestamp_ms).isoformat()}" in sentence
        assert f"on {named.topic}" in sentence
        assert "asllr-replay-" not in sentence
    assert not (tmp_path / "early").exists()


def last_score(environ: dict[str, str]) -> Score:
    *_, last = read_to_end(broker_of(environ), SCORES.name)
    return Score.model_validate_json(last.value or b"")


def publish(environ: dict[str, str], key: str, score: Score) -> None:
    journal = Journal(broker_of(environ))
    journal.send_raw(SCORES.name, key.encode(), score.model_dump_json().encode())
    journal.flush()


def broker_of(environ: dict[str, str]) -> str:
    return environ["ASLLR_BROKER"]

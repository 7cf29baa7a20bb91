"""What is missing or wrong is said in one sentence, with its fix and a non-zero exit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner, Result

from asllr import main
from schemas.topics import ASR_TRANSCRIPTS, PROMOTIONS, TOPICS
from streams import exit_codes
from streams.kafka.embedded_broker import embedded_broker
from streams.store.open_redis import open_redis_store
from tests.support.brokers import N_PARTITIONS
from tests.support.engines.stub_artifact import build_stub_artifact

pytestmark = [pytest.mark.service, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "127.0.0.1:1"


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifacts")
    build_stub_artifact(folder / "demo")
    return folder


@pytest.fixture
def environ(embedded: str, redis_url: str, artifacts: Path) -> dict[str, str]:
    """A deployment that has nothing wrong."""
    environ = {
        "ASLLR_BROKER": embedded,
        "ASLLR_REDIS": redis_url,
        "ASLLR_ARTIFACTS": str(artifacts),
        "ASLLR_PARTITIONS": str(N_PARTITIONS),
        "ASLLR_PATIENCE_S": "1",
    }
    patient = environ | {"ASLLR_PATIENCE_S": "30"}  # the first record on a busy machine
    assert asllr(patient, "promote").exit_code == exit_codes.OK
    return environ


@pytest.fixture
def unequal() -> Iterator[str]:
    topics = [
        replace(topic, partitions=3) if topic is ASR_TRANSCRIPTS else topic for topic in TOPICS
    ]
    with embedded_broker(n_partitions=N_PARTITIONS, topics=topics) as address:
        yield address


def asllr(environ: dict[str, str], *words: str) -> Result:
    return CliRunner().invoke(main, words, env=environ)


def failed(environ: dict[str, str]) -> dict[str, dict[str, str]]:
    result = asllr(environ, "doctor", "--json")
    checks = json.loads(result.stdout)
    found = {check["name"]: check for check in checks if check["verdict"] == "failed"}
    assert result.exit_code == (exit_codes.NO if found else exit_codes.OK)
    assert all(check["fix"] for check in found.values()), "a failure without its fix"
    return found


def test_sound_deployment_passes(environ: dict[str, str]) -> None:
    assert failed(environ) == {}


def test_kafka_away_is_said(environ: dict[str, str]) -> None:
    assert set(failed(environ | {"ASLLR_BROKER": NOBODY})) == {"kafka"}


def test_redis_away_is_said(environ: dict[str, str]) -> None:
    assert set(failed(environ | {"ASLLR_REDIS": f"redis://{NOBODY}/0"})) == {"redis"}


def test_eviction_policy_is_said(environ: dict[str, str]) -> None:
    with redis.Redis.from_url(environ["ASLLR_REDIS"]) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    found = failed(environ)
    assert set(found) == {"redis"}
    assert "noeviction" in found["redis"]["fix"]


def test_unequal_partitions_are_said(environ: dict[str, str], unequal: str) -> None:
    found = failed(environ | {"ASLLR_BROKER": unequal})
    assert ASR_TRANSCRIPTS.name in found["topics"]["found"]


def test_unequal_partitions_are_not_adopted(environ: dict[str, str], unequal: str) -> None:
    result = asllr(environ | {"ASLLR_BROKER": unequal}, "topics", "adopt")
    assert result.exit_code == exit_codes.UNUSABLE
    assert "asr.transcripts has 3 partitions, expected 4" in result.stderr
    with redis.Redis.from_url(environ["ASLLR_REDIS"]) as client:
        assert client.keys() == []


@pytest.mark.parametrize("words", [("promote",), ("run",)])
def test_missing_output_topic_is_said_before_anything_begins(
    environ: dict[str, str], words: tuple[str, ...]
) -> None:
    topics = [topic for topic in TOPICS if topic is not PROMOTIONS]
    with embedded_broker(n_partitions=N_PARTITIONS, topics=topics) as address:
        result = asllr(environ | {"ASLLR_BROKER": address}, *words)
    assert result.exit_code == exit_codes.UNUSABLE
    assert "leads.promotions is missing: run `asllr topics create`" in result.stderr


def test_adopting_complete_topics_says_that_nothing_was(environ: dict[str, str]) -> None:
    result = asllr(environ, "topics", "adopt")
    assert result.exit_code == exit_codes.OK, result.output
    lines = result.stdout.splitlines()
    assert len(lines) == 2 * N_PARTITIONS
    assert all(line.endswith(": complete, nothing to adopt") for line in lines)


def test_partition_count_other_than_recorded_is_said(environ: dict[str, str]) -> None:
    open_redis_store(environ["ASLLR_REDIS"], N_PARTITIONS)
    with embedded_broker(n_partitions=2) as address:
        found = failed(environ | {"ASLLR_BROKER": address, "ASLLR_PARTITIONS": "2"})
    assert f"ASLLR_PARTITIONS={N_PARTITIONS}" in found["redis partitions"]["fix"]


def test_setting_other_than_topics_and_store_is_the_one_fault(environ: dict[str, str]) -> None:
    open_redis_store(environ["ASLLR_REDIS"], N_PARTITIONS)
    found = failed(environ | {"ASLLR_PARTITIONS": "8"})
    assert set(found) == {"redis partitions"}
    assert found["redis partitions"]["fix"].startswith(f"set ASLLR_PARTITIONS={N_PARTITIONS}")


def test_topics_other_than_set_can_be_kept_while_the_store_is_empty(
    environ: dict[str, str],
) -> None:
    found = failed(environ | {"ASLLR_PARTITIONS": "8"})
    assert set(found) == {"topics"}
    assert found["topics"]["fix"].startswith(f"set ASLLR_PARTITIONS={N_PARTITIONS}")


def test_wrong_password_is_said_with_what_to_do(environ: dict[str, str]) -> None:
    wrong = environ["ASLLR_REDIS"].replace("//", "//:wrong@")
    with redis.Redis.from_url(environ["ASLLR_REDIS"]) as client:
        client.config_set("requirepass", "secret")
    found = failed(environ | {"ASLLR_REDIS": wrong})
    assert "redis://user:password@host:6379/0" in found["redis"]["fix"]


def test_nothing_promoted_is_said(environ: dict[str, str]) -> None:
    with embedded_broker(n_partitions=N_PARTITIONS) as address:
        found = failed(environ | {"ASLLR_BROKER": address})
    assert found["live artifact"]["fix"] == "run `asllr promote`"


def test_missing_artifact_is_said(environ: dict[str, str], tmp_path: Path) -> None:
    assert set(failed(environ | {"ASLLR_ARTIFACTS": str(tmp_path)})) == {"artifact"}


def test_artifact_made_for_another_prompt_is_said(environ: dict[str, str], tmp_path: Path) -> None:
    build_stub_artifact(tmp_path / "demo", prompt_id="0" * 16)
    assert "prompt_id" in failed(environ | {"ASLLR_ARTIFACTS": str(tmp_path)})["artifact"]["found"]


@pytest.mark.parametrize(
    ("words", "change", "exit_code", "sentence"),
    [
        (("tail", "leads.ranked"), {"ASLLR_BROKER": NOBODY}, exit_codes.AWAY, "Kafka"),
        (("topics", "check"), {"ASLLR_BROKER": NOBODY}, exit_codes.AWAY, "Kafka"),
        (("tail", "no.such.topic"), {}, exit_codes.UNUSABLE, "topics create"),
        (("queue", "show"), {"ASLLR_REDIS": f"redis://{NOBODY}"}, exit_codes.AWAY, "Redis"),
        (("run",), {"ASLLR_BROKER": NOBODY}, exit_codes.AWAY, "Kafka"),
        (("run",), {"ASLLR_PARTITIONS": "3"}, exit_codes.UNUSABLE, "4 partitions"),
        (("promote", "no-such"), {}, exit_codes.UNUSABLE, "there is: demo"),
        (("queue", "show"), {"ASLLR_PARTITIONS": "0"}, exit_codes.USAGE, "ASLLR_PARTITIONS"),
        (
            ("queue", "show"),
            {"ASLLR_REDIS": "redis://:p@h:port/0"},
            exit_codes.USAGE,
            "not a Redis",
        ),
        (("promote", "--tenant", "a b"), {}, exit_codes.USAGE, "'a b' is not a tenant"),
        (("dead-letters", "show", f"0:{10**23}"), {}, exit_codes.USAGE, "partition:offset"),
        (
            ("simulate", "--leads", "1", "--out", "/nope/x.jsonl"),
            {},
            exit_codes.UNUSABLE,
            "/nope/x",
        ),
        (("run", "--logs", "/proc/nope"), {}, exit_codes.UNUSABLE, "/proc/nope"),
        (("dead-letters", "show", "0:99"), {}, exit_codes.NO, "no dead letter"),
        (("lead", "show", "demo/nobody"), {}, exit_codes.NO, "no event of demo/nobody"),
    ],
)
def test_commands_say_what_is_missing_in_one_sentence(
    environ: dict[str, str],
    words: tuple[str, ...],
    change: dict[str, str],
    exit_code: int,
    sentence: str,
) -> None:
    result = asllr(environ | change, *words)
    assert result.exit_code == exit_code, result.output
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("queue", "show"),
        ("queue", "show", "demo/q"),
        ("lead", "show", "4711"),
        ("dead-letters", "list"),
        ("topics", "check"),
        ("doctor",),
    ],
)
def test_looking_writes_nothing_into_redis(environ: dict[str, str], words: tuple[str, ...]) -> None:
    asllr(environ, *words)
    with redis.Redis.from_url(environ["ASLLR_REDIS"]) as client:
        assert client.keys() == []


@pytest.mark.parametrize("role", ["ingest", "score", "publish"])
def test_role_waits_within_its_patience_and_then_says_what_is_away(
    environ: dict[str, str], role: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "asllr.py", role],
        cwd=ROOT,
        env=os.environ | environ | {"ASLLR_REDIS": f"redis://{NOBODY}/0"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == exit_codes.AWAY
    assert "away" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr

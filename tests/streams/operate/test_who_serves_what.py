"""Who serves what: `promote` asks the workers, and `doctor` says which tenant nobody serves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner, Result

from asllr import main
from schemas.topics import PROMOTIONS
from scoring.artifact import digest
from scoring.engines.rule import Rule
from scoring.prompt.rendering import first_rendering
from streams import exit_codes
from streams.kafka.topic_reader import read_to_end
from streams.publish.promotions import parse_promotion
from streams.store.fleet import SCORE_ROLE
from streams.store.redis_store import RedisStore
from tests.support.brokers import N_PARTITIONS
from training.baselines.rule_artifact import unfitted_facts, write_rule

pytestmark = [pytest.mark.service, pytest.mark.slow]

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    for name, base in (("demo", -4.2), ("warm", -1.0)):
        write_rule(tmp_path / name, Rule(base=base), unfitted_facts(name, first_rendering()))
    return tmp_path


@pytest.fixture
def environ(embedded: str, redis_url: str, artifacts: Path) -> dict[str, str]:
    return {
        "ASLLR_BROKER": embedded,
        "ASLLR_REDIS": redis_url,
        "ASLLR_ARTIFACTS": str(artifacts),
        "ASLLR_PARTITIONS": str(N_PARTITIONS),
        "ASLLR_PATIENCE_S": "30",
    }


@pytest.fixture
def store(redis_url: str) -> RedisStore:
    found = RedisStore(redis.Redis.from_url(redis_url))
    found.partitions(N_PARTITIONS)
    return found


def asllr(environ: dict[str, str], *words: str) -> Result:
    return CliRunner().invoke(main, words, env=environ)


def checks(environ: dict[str, str], name: str) -> list[dict[str, str]]:
    result = asllr(environ, "doctor", "--json")
    found = json.loads(result.stdout)
    n_failed = sum(check["verdict"] == "failed" for check in found)
    assert result.exit_code == (exit_codes.NO if n_failed else exit_codes.OK)
    assert all(check["fix"] for check in found if check["verdict"] != "ok")
    return [check for check in found if check["name"] == name]


def promotions(environ: dict[str, str]) -> int:
    return sum(1 for _ in read_to_end(environ["ASLLR_BROKER"], PROMOTIONS.name))


def test_promote_refuses_what_no_living_worker_has(
    environ: dict[str, str], store: RedisStore, artifacts: Path
) -> None:
    demo = digest(artifacts / "demo")
    store.beat("w1", SCORE_ROLE, {demo}, {demo})
    store.beat("p1", "publish", {digest(artifacts / "warm")}, ())
    refused = asllr(environ, "promote", "warm")
    assert refused.exit_code == exit_codes.UNUSABLE
    assert "none of 1 living score workers (w1) has artifact" in refused.stderr
    assert "--force" in refused.stderr
    assert promotions(environ) == 0
    forced = asllr(environ, "promote", "warm", "--force")
    assert (forced.exit_code, promotions(environ)) == (exit_codes.OK, 1)
    assert "none of 1 score workers has it: it waits, as asked" in forced.stdout


def test_promote_goes_on_where_one_worker_has_it(
    environ: dict[str, str], store: RedisStore, artifacts: Path
) -> None:
    store.beat("w1", SCORE_ROLE, (), ())
    store.beat("w2", SCORE_ROLE, (), {digest(artifacts / "warm")})
    done = asllr(environ, "promote", "warm", "--json")
    assert done.exit_code == exit_codes.OK, done.output
    assert json.loads(done.stdout)["workers_that_have_it"] == ["w2"]


def test_promote_says_that_no_worker_is_up(environ: dict[str, str]) -> None:
    done = asllr(environ, "promote", "warm")
    assert done.exit_code == exit_codes.OK
    assert "no score worker is up: it goes live once one has loaded it" in done.stdout


def test_promote_that_cannot_ask_goes_on_only_when_forced(environ: dict[str, str]) -> None:
    away = environ | {"ASLLR_REDIS": NOBODY}
    assert asllr(away, "promote", "warm").exit_code == exit_codes.AWAY
    assert promotions(environ) == 0
    forced = asllr(away, "promote", "warm", "--force")
    assert forced.exit_code == exit_codes.OK
    assert "could not be asked" in forced.stdout


def test_the_record_says_who_when_and_why(environ: dict[str, str]) -> None:
    asllr(environ, "promote", "--by", "Ada", "--why", "calmer on first calls")
    (record,) = read_to_end(environ["ASLLR_BROKER"], PROMOTIONS.name)
    said = parse_promotion(record.value)
    assert said is not None
    assert (said.by, said.why) == ("Ada", "calmer on first calls")
    (last,) = checks(environ, "last promotion")
    assert f"promoted by Ada at {said.promoted_at:%Y-%m-%d}" in last["found"]
    assert last["found"].endswith("calmer on first calls")


@pytest.mark.parametrize("words", [("--why", "x" * 501), ("--by", "a\x1b[2J"), ("--why", "a\nb")])
def test_what_does_not_fit_a_line_is_refused(environ: dict[str, str], words: list[str]) -> None:
    refused = asllr(environ, "promote", *words)
    assert refused.exit_code == exit_codes.USAGE
    assert "\x1b" not in refused.stderr
    assert promotions(environ) == 0


def test_doctor_says_which_tenant_nobody_serves(
    environ: dict[str, str], store: RedisStore, artifacts: Path
) -> None:
    demo, warm = digest(artifacts / "demo"), digest(artifacts / "warm")
    for words in (("demo",), ("warm", "--tenant", "north")):
        asllr(environ, "promote", *words)
    for shard in range(N_PARTITIONS):
        store.promote(shard, "*", 0, demo)
        store.promote(shard, "north", 1, warm)
    (workers,) = checks(environ, "score workers")
    assert workers["verdict"] == "warning"
    store.beat("w1", SCORE_ROLE, {demo}, {demo})
    served = {check["verdict"]: check["found"] for check in checks(environ, "live artifact")}
    assert served["ok"] == f"{demo[:12]} of tenant *: served by w1"
    assert served["failed"].startswith(f"{warm[:12]} of tenant north: none of 1 living score")
    store.beat("w2", SCORE_ROLE, {warm}, {warm})
    assert {check["verdict"] for check in checks(environ, "live artifact")} == {"ok"}
    assert checks(environ, "score workers")[0]["found"] == "2 up: w1, w2"


def test_doctor_says_what_waits_and_what_stays_live(
    environ: dict[str, str], store: RedisStore, artifacts: Path
) -> None:
    demo = digest(artifacts / "demo")
    asllr(environ, "promote", "demo", "--tenant", "south")
    asllr(environ, "promote", "demo")
    asllr(environ, "promote", "warm", "--tenant", "north", "--why", "a try")
    for shard in range(N_PARTITIONS):
        store.promote(shard, "*", 1, demo)
    store.beat("w1", SCORE_ROLE, {demo}, {demo})
    (waiting,) = checks(environ, "promotion")
    assert waiting["verdict"] == "warning"
    assert waiting["found"].startswith("2 of tenant north")
    assert "a try" in waiting["found"]
    assert waiting["found"].endswith(f"{demo[:12]} stays live")

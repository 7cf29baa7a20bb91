"""A candidate beside the live artifact: what it is asked, what it skips, what the report says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner, Result

from asllr import main
from schemas.codec import Record
from schemas.outputs import ShadowScore
from schemas.topics import SCORES, SHADOW, TOPICS
from scoring.artifact import digest
from scoring.engines.rule import Rule
from scoring.prompt.rendering import first_rendering
from scoring.score import Scorer
from streams import exit_codes
from streams.candidate.shadow import ShadowConfig, opinions
from streams.candidate.shadow_report import shadow_reports
from streams.candidate.who_moves import who_moves
from streams.kafka.producer import OutRecord
from streams.kafka.topic_reader import read_to_end
from streams.publish.records import shadow_record
from tests.support.brokers import N_PARTITIONS, wait_until
from tests.support.engines.engines import Contrary, RuleEngine, raises_unscorable, rule_scorer
from tests.support.leads.event_stream import events
from tests.support.leads.lead_events import A, joins, talks
from tests.support.live import live_deployment
from tests.support.roles import Roles
from training.baselines.rule_artifact import unfitted_facts, write_rule

AUTO = first_rendering()

CANDIDATE = rule_scorer(RuleEngine(bias=0.5), "candidate")
ROOT = Path(__file__).parents[3]


def told(roles: Roles, scorer: Scorer = CANDIDATE) -> list[ShadowScore]:
    """What the candidate says of everything published so far."""
    records = as_read(roles.output.of(SCORES.name))
    config = ShadowConfig("", lambda: roles.store, scorer, roles.n_shards)
    return opinions(records, roles.store, config, lambda: 1_500)


def as_read(records: list[OutRecord]) -> list[Record]:
    return [Record(r.topic, 0, i, 1_000, r.key, r.value, r.headers) for i, r in enumerate(records)]


def test_the_candidate_is_asked_of_the_same_state_and_moment_and_skips_what_changed(
    memory_roles: Roles,
) -> None:
    roles = memory_roles
    roles.ingest(joins(0), joins(1, lead="b"))
    roles.settle(roles.worker(), roles.publisher())
    before = told(roles)
    assert [one.skipped for one in before] == [None, None]
    for one in before:
        assert one.probability is not None
        assert one.probability > one.live_probability
        assert (one.live, one.candidate, one.behind_ms) == ("rule-1", "candidate", 500)
    itself = told(roles, rule_scorer())
    assert [one.probability for one in itself] == [one.live_probability for one in itself]
    roles.ingest(talks(2))
    after = told(roles)
    assert [(f"{one.tenant}/{one.lead}" == A, one.skipped) for one in after] == [
        (one.lead == "a", "changed" if one.lead == "a" else None) for one in after
    ]
    assert all((one.probability is None) == (one.skipped is not None) for one in after)


def test_a_lead_that_the_candidate_refuses_costs_the_others_nothing(memory_roles: Roles) -> None:
    roles = memory_roles
    roles.ingest(joins(0), joins(1, lead="b"), talks(50, "I will take it", "a"))
    roles.settle(roles.worker(), roles.publisher())
    choosy = rule_scorer(RuleEngine(faults={"I will take it": raises_unscorable}), "choosy")
    skipped = {one.lead: one.skipped for one in told(roles, choosy)}
    assert skipped == {"a": "unscorable", "b": None}


def test_the_report_says_at_rest_what_a_dry_run_would(memory_roles: Roles) -> None:
    """Repeats count once, other candidates apart, and what is no shadow score not at all."""
    roles = memory_roles
    roles.ingest(*events(seed=2, n=80, n_leads=9))
    roles.settle(roles.worker(), roles.publisher())
    contrary = rule_scorer(Contrary(), "contrary")
    said = told(roles, contrary)
    records = as_read([shadow_record(one) for one in [*said, *said, *told(roles, rule_scorer())]])
    rubbish = Record(SHADOW.name, 0, 999, 1_000, b"x", b"{}", ())
    found = shadow_reports([*records, rubbish], 5)
    assert found.keys() == {"contrary", "rule-1"}
    dry = who_moves(roles.store, contrary, 5)
    assert dry.apart.movers
    assert repr(found["contrary"].apart) == repr(dry.apart)  # a queue of one has tau nan
    assert found["contrary"].reasons == dry.reasons
    assert found["contrary"].n_scores == len(said)
    assert found["contrary"].n_changed == sum(one.skipped == "changed" for one in said)
    assert found["rule-1"].apart.max_dp == 0


def environ(broker: str, redis_url: str, artifacts: Path) -> dict[str, str]:
    return {
        "ASLLR_BROKER": broker,
        "ASLLR_REDIS": redis_url,
        "ASLLR_PARTITIONS": str(N_PARTITIONS),
        "ASLLR_ARTIFACTS": str(artifacts),
    }


def report(where: dict[str, str], *words: str) -> Result:
    return CliRunner().invoke(main, ["shadow", "report", *words], env=where)


def n_records(broker: str, topic: str) -> int:
    return len(list(read_to_end(broker, topic)))


@pytest.mark.service
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_shadow_follows_live_scores_goes_on_after_a_stop_and_touches_nothing_else(
    embedded: str, redis_url: str, tmp_path: Path
) -> None:
    artifacts, logs = tmp_path / "artifacts", tmp_path / "logs"
    logs.mkdir()
    for name, base in (("cold", -4.2), ("warm", -1.0)):
        write_rule(artifacts / name, Rule(base=base), unfitted_facts(name, AUTO))
    where = environ(embedded, redis_url, artifacts)
    nothing = report(where, "warm")
    assert nothing.exit_code == exit_codes.NO
    assert "run `asllr shadow run warm`" in nothing.output

    def shadow() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "asllr", "shadow", "run", "warm"]
        return subprocess.Popen(command, env={**os.environ, **where}, cwd=ROOT)

    live_artifact = digest(artifacts / "cold")
    with live_deployment(
        embedded, redis_url, logs, artifacts=artifacts, live=live_artifact
    ) as live:
        running = shadow()
        try:
            seen = 0
            for seed in range(40):  # until it has joined its group: it begins with what is new then
                live.send(list(events(seed, 6, n_leads=4)))
                if seen := n_records(embedded, SHADOW.name):
                    break
            assert seen
            running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 0
            stopped_at = n_records(embedded, SHADOW.name)
            before = {t.name: n_records(embedded, t.name) for t in TOPICS}
            live.send(list(events(99, 60, n_leads=12)))
            live.stop()
            n_new = n_records(embedded, SCORES.name) - before[SCORES.name]
            with redis.Redis.from_url(redis_url) as client:
                kept = {key: client.dump(key) for key in client.scan_iter()}
            quiet = {t.name: n_records(embedded, t.name) for t in TOPICS}
            running = shadow()
            wait_until(
                lambda: n_records(embedded, SHADOW.name) >= stopped_at + n_new, "the rest", 60
            )
            running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 0
        finally:
            running.kill()
            running.wait()
        after = {t.name: n_records(embedded, t.name) for t in TOPICS}
        assert after == quiet | {SHADOW.name: stopped_at + n_new}
        with redis.Redis.from_url(redis_url) as client:
            left = {key: client.dump(key) for key in client.scan_iter()}
        assert {k: v for k, v in left.items() if b"lease" not in k} == {
            k: v for k, v in kept.items() if b"lease" not in k
        }
    found = report(where, "warm", "--json")
    assert found.exit_code == 0, found.output
    said = json.loads(found.stdout)
    assert said["candidate"] == digest(artifacts / "warm")
    assert said["scores"] == stopped_at + n_new
    assert said["live"] == {live_artifact: said["scores"] - said["skipped_changed"]}
    assert said["max_dp"] > 0
    assert "probabilities differ by" in report(where).output

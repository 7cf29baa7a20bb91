"""Two businesses in one deployment, as people run it: Kafka, Redis, all roles as processes, and the
two artifacts that ship. Each tenant is scored, promoted, recorded, replayed, compared, explained
and verified as its own domain says; nothing is restarted, and nothing is rebuilt."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.events import EventBase
from schemas.outputs import Score
from schemas.topics import SCORES
from scoring.artifact import digest
from streams.cli.artifacts import find_artifact
from streams.kafka.topic_reader import read_to_end
from tests.support.brokers import N_PARTITIONS, wait_until
from tests.support.commands import answer, asllr, descendants, is_done, running
from tests.support.harness import Journal
from training.simulator.emit import simulate_leads
from training.simulator.world import World

pytestmark = [pytest.mark.kafka, pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(600)]

CARS, APPS = "cars", "apps"
DOMAIN = {CARS: "auto", APPS: "software"}
ARTIFACT = {CARS: "demo", APPS: "demo-software"}
N_LEADS = 6


def test_two_domains_share_a_deployment(kafka: str, redis_url: str, tmp_path: Path) -> None:
    environ = {
        "ASLLR_BROKER": kafka,
        "ASLLR_REDIS": redis_url,
        "ASLLR_PARTITIONS": str(N_PARTITIONS),
        "ASLLR_GROUP": tmp_path.name,
    }
    digests = {tenant: digest(find_artifact(name, None)) for tenant, name in ARTIFACT.items()}
    for tenant, name in ARTIFACT.items():
        asllr(environ, "promote", name, "--tenant", tenant)
    sent = [*events()]
    with running(environ, tmp_path) as roles:
        journal = Journal(kafka)
        journal.send(sent)
        journal.flush()
        wait_until(lambda: is_done(redis_url, len(sent)), "all is applied and published", 120)
        processes = descendants(roles.pid)
        before = last_scores(kafka)
        assert {score.artifact for score in before[CARS].values()} == {digests[CARS]}
        assert {score.artifact for score in before[APPS].values()} == {digests[APPS]}

        # The cars' leads are read as a software vendor's: only the artifact changes.
        words = ("promote", ARTIFACT[APPS], "--tenant", CARS, "--wait", "150s", "--json")
        reached = answer(environ, *words)
        assert reached["n_listed"] == reached["n_scored"] >= N_LEADS / 2
        wait_until(lambda: is_done(redis_url, len(sent)), "all is published", 60)
        assert descendants(roles.pid) == processes
    after = last_scores(kafka)
    assert_only_the_cars_artifact_changed(before, after, digests)

    day = tmp_path / "day"
    answer(environ, "record", "--out", day, "--json")
    verified = answer(environ, "replay", "verify", day, "--json")
    assert verified["found"] == []
    assert verified["scores"] == sum(1 for _ in published(kafka))
    again = answer(
        environ, "replay", day, "--policy", "recorded", "--artifact", "recorded", "--json"
    )
    assert again["n_scores"] == verified["scores"]
    assert_each_is_replayed_compared_and_explained(environ, day, tmp_path)


def events() -> Iterator[EventBase]:
    for tenant, domain in DOMAIN.items():
        world = World(business=domain)
        for lead in simulate_leads(7, N_LEADS, world=world):
            yield from (event.model_copy(update={"tenant": tenant}) for event in lead.history)


def published(broker: str) -> Iterator[Score]:
    for record in read_to_end(broker, SCORES.name):
        yield Score.model_validate_json(record.value or b"")


def last_scores(broker: str) -> dict[str, dict[str, Score]]:
    found: dict[str, dict[str, Score]] = defaultdict(dict)
    for score in published(broker):
        found[score.tenant][score.lead] = score
    return found


def assert_only_the_cars_artifact_changed(
    before: dict[str, dict[str, Score]],
    after: dict[str, dict[str, Score]],
    digests: dict[str, str],
) -> None:
    assert after[APPS] == before[APPS]
    changed = {lead for lead, score in after[CARS].items() if score.artifact == digests[APPS]}
    assert changed
    for lead in changed:
        one, other = before[CARS][lead], after[CARS][lead]
        assert (one.state_hash, one.cursor) == (other.state_hash, other.cursor)
        assert (one.prompt_id, one.logit) != (other.prompt_id, other.logit)
        assert other.prompt_id == next(iter(after[APPS].values())).prompt_id


def assert_each_is_replayed_compared_and_explained(
    environ: dict[str, str], day: Path, folder: Path
) -> None:
    for tenant, name in ARTIFACT.items():
        words = ("--policy", "every-event", "--artifact", name, "--out", folder / tenant)
        assert answer(environ, "replay", day, *words, "--json")["n_scores"] > 0
    compared = answer(environ, "replay", "diff", folder / CARS, folder / APPS, "--json")
    assert compared["max_dp"] > 0
    for tenant, score in ((t, next(iter(of.values()))) for t, of in last_scores_of(environ)):
        told = json.loads(asllr(environ, "explain", f"{tenant}/{score.lead}", "--json"))
        assert told["artifact"] == score.artifact
        if score.reason_kind == "faithful":
            assert told["faithful_reason"]["text"] == score.reason


def last_scores_of(environ: dict[str, str]) -> list[tuple[str, dict[str, Score]]]:
    return [*last_scores(environ["ASLLR_BROKER"]).items()]

"""A promotion on a running deployment: the same processes take up the other artifact."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from asllr import main
from schemas.codec import Record
from schemas.outputs import BoardSnapshot, Score
from schemas.topics import BOARDS, SCORES
from scoring.artifact import digest
from scoring.domain.reading import pack
from scoring.engines.rule import Rule, rule_of
from scoring.prompt.rendering import first_rendering
from scoring.score import Scorer
from streams import exit_codes
from streams.artifact_shelf import load_from
from streams.candidate.coverage import Coverage, coverage, is_copied
from streams.oracle.oracle import all_leads, differences
from streams.store.contract import Store
from tests.support.brokers import N_PARTITIONS
from tests.support.leads.event_stream import events
from tests.support.live import live_deployment
from training.baselines.rule_artifact import unfitted_facts, write_rule

AUTO = first_rendering()

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(240)]


def promote(broker: str, redis_url: str, artifacts: Path, *words: str) -> Result:
    environ = {
        "ASLLR_BROKER": broker,
        "ASLLR_REDIS": redis_url,
        "ASLLR_PARTITIONS": str(N_PARTITIONS),
        "ASLLR_ARTIFACTS": str(artifacts),
    }
    return CliRunner().invoke(main, ["promote", *words], env=environ)


def test_workers_follow_a_promotion_without_restart_and_the_boards_with_them(
    embedded: str, redis_url: str, tmp_path: Path
) -> None:
    artifacts = tmp_path / "artifacts"
    for name, base in (("cold", -4.2), ("warm", -1.0)):
        write_rule(artifacts / name, Rule(base=base), unfitted_facts(name, AUTO))
    cold, warm = digest(artifacts / "cold"), digest(artifacts / "warm")

    def scorer_of(artifact: str) -> Scorer:
        return load_from([artifacts], artifact)

    logs = tmp_path / "logs"
    logs.mkdir()
    with live_deployment(embedded, redis_url, logs, artifacts=artifacts, live=cold) as live:
        live.send(list(events(3, 300, n_leads=30)))
        early = promote(embedded, redis_url, artifacts, "warm", "--wait", "0s", "--json")
        done = promote(embedded, redis_url, artifacts, "warm", "--wait", "60s", "--json")
        live.until_quiet()
        live.fleet.tend()
        assert not live.fleet.ends, "nobody was started again"
        live.stop()
        assert early.exit_code == exit_codes.NO
        assert done.exit_code == 0, done.output
        said = json.loads(done.stdout)
        listed = [view for view in all_leads(live.store, N_PARTITIONS) if view.queue]
        assert (said["artifact"], said["n_scored"]) == (warm, len(listed))
        assert coverage(live.store, "*", said["promotion"]) == Coverage(len(listed), len(listed))
        assert coverage(live.store, "nobody", said["promotion"]) == Coverage()
        assert {Score.model_validate_json(view.score or b"").artifact for view in listed} == {warm}
        scored = [r for r in live.outputs if r.topic == SCORES.name and r.value]
        by = {Score.model_validate_json(r.value or b"").artifact for r in scored}
        assert by == {cold, warm}
        assert mixed(live.outputs) == [], "each board turned over at once"
        assert differences(live.evidence, live.store, N_PARTITIONS, scorer_of) == []


def mixed(outputs: Sequence[Record]) -> list[BoardSnapshot]:
    """Snapshots of which no one artifact has scored all rows."""
    by: dict[tuple[str, str, float], set[str]] = defaultdict(set)
    for record in outputs:
        if record.topic == SCORES.name and record.value:
            score = Score.model_validate_json(record.value)
            by[score.tenant, score.lead, score.probability].add(score.artifact)
    boards = [
        BoardSnapshot.model_validate_json(record.value)
        for record in outputs
        if record.topic == BOARDS.name and record.value
    ]
    assert boards
    return [
        board
        for board in boards
        if board.top
        and not set.intersection(
            *(by[board.tenant, row.lead, row.probability] for row in board.top)
        )
    ]


def test_a_promotion_that_nobody_serves_says_what_to_look_at(
    embedded: str, redis_url: str, tmp_path: Path
) -> None:
    write_rule(tmp_path / "rule", rule_of(pack("auto")), unfitted_facts("rule", AUTO))
    found = promote(embedded, redis_url, tmp_path, "rule", "--wait", "1s")
    assert found.exit_code == exit_codes.NO
    assert "did not reach Redis within 1 s: is `asllr publish` running?" in found.output
    found = promote(embedded, redis_url, tmp_path, "rule", "--dry-run", "--wait", "1s")
    assert found.exit_code == exit_codes.USAGE


def test_bad_promotion_of_one_tenant_stops_no_lead_until_a_worker_has_it(
    embedded: str, redis_url: str, tmp_path: Path
) -> None:
    at_hand, of_workers, logs = (tmp_path / name for name in ("at-hand", "artifacts", "logs"))
    for name, base in (("cold", -4.2), ("warm", -1.0)):
        write_rule(at_hand / name, Rule(base=base), unfitted_facts(name, AUTO))
    shutil.copytree(at_hand / "cold", of_workers / "cold")
    logs.mkdir()
    cold, warm = digest(at_hand / "cold"), digest(at_hand / "warm")
    stream = list(events(3, 400, n_leads=20))
    mine, others = "north", stream[0].tenant
    stream += [event.model_copy(update={"tenant": mine}) for event in stream]
    first, second = stream[::2], stream[1::2]
    with live_deployment(embedded, redis_url, logs, artifacts=of_workers, live=cold) as live:
        live.send(first)
        refused = promote(embedded, redis_url, at_hand, "warm", "--tenant", mine)
        forced = promote(embedded, redis_url, at_hand, "warm", "--tenant", mine, "--force")
        assert (refused.exit_code, forced.exit_code) == (exit_codes.UNUSABLE, exit_codes.OK)
        live.send(second)
        assert scored_by(live.store) == {(mine, cold), (others, cold)}
        shutil.copytree(at_hand / "warm", of_workers / "warm")
        live.fleet.tend_until(lambda: is_copied(live.store, mine, 1), "it went live", 60)
        live.until_quiet()
        live.fleet.tend()
        assert not live.fleet.ends, "nobody was started again"
        live.stop()
        assert scored_by(live.store) == {(mine, warm), (others, cold)}
        scorer_of = partial(load_from, [at_hand])
        assert differences(live.evidence, live.store, N_PARTITIONS, scorer_of) == []


def scored_by(store: Store) -> set[tuple[str, str]]:
    """Tenant and artifact of the listed leads' last scores."""
    listed = [view for view in all_leads(store, N_PARTITIONS) if view.queue and view.score]
    scores = [Score.model_validate_json(view.score or b"") for view in listed]
    return {(score.tenant, score.artifact) for score in scores}

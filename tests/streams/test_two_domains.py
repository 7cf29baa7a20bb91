"""Two businesses in one deployment: each tenant's leads are read as its own artifact says, and a
promotion of another domain needs neither a restart nor other states."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.events import EventBase, InteractionLogged, LeadUpserted
from schemas.outputs import Score
from schemas.topics import SCORES
from scoring.artifact import digest
from scoring.domain.reading import pack
from scoring.prompt.rendering import Rendering
from scoring.score import Scorer
from streams.artifact_shelf import load_from
from streams.replay.policy import EveryEvent, Recorded
from streams.replay.replay import ReplayRequest, replay
from streams.replay.result import open_output
from streams.replay.verify import verify
from streams.store.memory_store import MemoryStore
from tests.streams.replay.logs import N_PARTITIONS, input_records, recorded, score_records
from tests.support.engines.stub_artifact import build_stub_artifact
from tests.support.leads.event_stream import START, events
from tests.support.roles import Clock, Roles

CARS, APPS = "cars", "apps"
N_LEADS = 16
DOMAINS = {CARS: "auto", APPS: "software"}


def _events() -> Iterator[EventBase]:
    """The same leads for both tenants, but that those of APPS end with a demo."""
    for tenant in DOMAINS:
        for event in events(seed=3, n=300, n_leads=N_LEADS):
            yield event.model_copy(update={"tenant": tenant})
    for number in range(N_LEADS):
        base = {"source": "crm", "tenant": APPS, "lead": f"lead-{number}"}
        at = START + timedelta(hours=1)
        joined = {"id": f"j{number}", "queue": "north", "occurred_at": at, **base}
        yield LeadUpserted.model_validate(joined)
        shown = {"id": f"d{number}", "channel": "demo", "occurred_at": at, **base}
        yield InteractionLogged.model_validate(shown)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifacts")
    for tenant, name in DOMAINS.items():
        build_stub_artifact(folder / tenant, rendering=Rendering(1, pack(name)))
    return folder


@pytest.fixture(scope="module")
def scorers(shelf: Path) -> dict[str, Scorer]:
    return {tenant: load_from([shelf], digest(shelf / tenant)) for tenant in DOMAINS}


def _deployment(scorers: dict[str, Scorer]) -> Roles:
    """Each tenant has its own artifact, and then CARS gets that of APPS as well."""
    clock = Clock()
    roles = Roles(MemoryStore(clock.now_ms), clock, N_PARTITIONS, scorers=list(scorers.values()))
    roles.promote(scorers[CARS].digest)
    roles.promote(scorers[APPS].digest, APPS)
    roles.copied()
    roles.ingest(*_events())
    worker, publisher = roles.worker(), roles.publisher()
    roles.settle(worker, publisher)
    assert roles.differences() == []
    roles.promote(scorers[APPS].digest, CARS)
    roles.copied()
    roles.settle(worker, publisher)
    return roles


@pytest.fixture(scope="module")
def roles(scorers: dict[str, Scorer]) -> Roles:
    return _deployment(scorers)


def _scores(roles: Roles, tenant: str) -> list[Score]:
    records = roles.output.of(SCORES.name)
    scores = [Score.model_validate_json(record.value or b"") for record in records]
    return [score for score in scores if score.tenant == tenant]


def test_each_tenants_leads_are_read_as_its_artifact_says(
    roles: Roles, scorers: dict[str, Scorer]
) -> None:
    for tenant in DOMAINS:
        own = [s for s in _scores(roles, tenant) if s.artifact == scorers[tenant].digest]
        domain = scorers[tenant].rendering.domain
        assert {s.prompt_id for s in own} == {scorers[tenant].rendering.prompt_id}
        assert {s.horizon_days for s in own} == {domain.horizon_days}
    assert any("demo" in score.reason for score in _scores(roles, APPS))
    assert not any("test drive" in score.reason for score in _scores(roles, APPS))


def test_a_promotion_of_another_domain_reads_the_same_states(
    roles: Roles, scorers: dict[str, Scorer]
) -> None:
    assert roles.differences() == []
    latest: dict[str, dict[str, Score]] = {}
    for score in _scores(roles, CARS):
        latest.setdefault(score.lead, {})[score.artifact] = score
    listed = [lead.partition("/")[2] for lead in roles.standing() if lead.startswith(CARS)]
    assert len(listed) > 2
    for lead in listed:
        before, after = (latest[lead][scorers[tenant].digest] for tenant in (CARS, APPS))
        assert before.state_hash == after.state_hash
        assert before.logit != after.logit


def test_all_that_was_published_is_verified_and_replayed(
    roles: Roles, scorers: dict[str, Scorer], shelf: Path, tmp_path: Path
) -> None:
    recording = recorded(tmp_path / "day", [*input_records(roles), *score_records(roles)])
    by_digest = {scorer.digest: scorer for scorer in scorers.values()}
    verified = verify(recording, by_digest.get)
    assert verified.differences == []
    assert verified.n_scores == len(score_records(roles)) > 20
    asked = ReplayRequest(Recorded(), None, (shelf,))
    again = replay(recording.path, asked, tmp_path / "again")
    assert again.n_scores == verified.n_scores
    published = sorted(score.logit for tenant in DOMAINS for score in _scores(roles, tenant))
    assert sorted(score.logit for score in open_output(tmp_path / "again").scores()) == published


def test_a_candidate_of_another_domain_is_replayed_on_the_same_recording(
    roles: Roles, scorers: dict[str, Scorer], shelf: Path, tmp_path: Path
) -> None:
    recording = recorded(tmp_path / "day", input_records(roles))
    for tenant in DOMAINS:
        asked = ReplayRequest(EveryEvent(), shelf / tenant)
        made = replay(recording.path, asked, tmp_path / tenant)
        assert made.prompt_id == scorers[tenant].rendering.prompt_id
    made_by = [open_output(tmp_path / tenant) for tenant in DOMAINS]
    states = {made.manifest.states for made in made_by}
    assert len(states) == 1
    horizons = [{score.horizon_days for score in made.scores()} for made in made_by]
    assert horizons == [{14}, {pack("software").horizon_days}]

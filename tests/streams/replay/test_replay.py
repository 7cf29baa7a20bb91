"""A replay decides as production did, and twice the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.outputs import Score
from schemas.timestamps import from_ms
from schemas.topics import CRM_EVENTS
from scoring.lead.fold import evolve, initial_state, listing
from scoring.lead.state import LeadState
from scoring.ranking import ranked
from streams.oracle.folded_log import fold_log
from streams.recording.erased import erased_leads
from streams.recording.event_file import RecordedEvent as RecordedEvent
from streams.recording.event_file import RecordingError, write_recording
from streams.recording.folder import RecordingFolder, open_recording
from streams.recording.record import SORTED_AT_ONCE, in_order, record_file
from streams.replay.boards import ReplayedBoards
from streams.replay.outcome import ReplayedStep
from streams.replay.policy import EveryEvent, EveryTick, Never, Recorded, ScoringPolicy
from streams.replay.replay import ReplayRequest, end_of, replay
from streams.replay.result import open_output
from streams.replay.run import Replay, Spec
from tests.streams.replay.logs import (
    N_PARTITIONS,
    deployment,
    input_records,
    recorded,
    score_records,
)
from tests.support.engines.engines import rule_scorer
from tests.support.engines.table_artifacts import build_rule_artifact
from tests.support.leads.event_stream import events
from tests.support.leads.lead_events import A, erased, joins, talks, writes
from tests.support.leads.records import NOW_MS, log_of
from tests.support.roles import Roles

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def roles() -> Roles:
    return deployment(4, 240)


@pytest.fixture(scope="module")
def folder(roles: Roles, tmp_path_factory: pytest.TempPathFactory) -> RecordingFolder:
    path = tmp_path_factory.mktemp("replay") / "day"
    return recorded(path, [*input_records(roles), *score_records(roles)])


def outcomes(
    folder: RecordingFolder,
    policy: ScoringPolicy,
    later_ms: int = 0,
    erased: frozenset[str] = frozenset(),
) -> tuple[list[ReplayedStep], Replay]:
    end_ms = end_of(folder, None) + later_ms
    spec = Spec(folder.path, str(policy), None, (), None, end_ms, erased)
    scorer = rule_scorer()
    found = Replay(spec, range(N_PARTITIONS), scorer=scorer)
    return list(found.outcomes()), found


def scores_of(found: list[ReplayedStep]) -> list[Score]:
    return [Score.model_validate_json(one.score) for one in found if one.score is not None]


def test_at_the_recorded_points_a_replay_says_what_was_published(
    folder: RecordingFolder, roles: Roles
) -> None:
    found, _ = outcomes(folder, Recorded())
    published = [Score.model_validate_json(r.value or b"") for r in score_records(roles)]
    timeless = {"latency_ms": published[0].latency_ms}
    again = {score.model_copy(update=timeless).model_dump_json() for score in scores_of(found)}
    assert len(again) > 50
    assert again == {score.model_copy(update=timeless).model_dump_json() for score in published}


def test_every_event_that_changes_a_listed_lead_scores_it(
    folder: RecordingFolder, roles: Roles
) -> None:
    found, _ = outcomes(folder, EveryEvent())
    by_event = [one for one in found if one.score is not None and one.place.topic]
    assert len(by_event) == n_changes_of_listed(roles)


def n_changes_of_listed(roles: Roles) -> int:
    states: dict[bytes | None, LeadState] = {}
    n = 0
    for record in sorted(input_records(roles), key=lambda r: (r.timestamp_ms, r.topic)):
        event = roles.events.get((record.topic, record.partition, record.offset))
        if event is None:
            continue
        before = states.get(record.key, initial_state())
        after = states[record.key] = evolve(before, event)
        n += after != before and listing(after).queue is not None
    return n


def test_time_alone_scores_a_lead_at_its_edges(folder: RecordingFolder) -> None:
    found, _ = outcomes(folder, EveryEvent(), later_ms=3 * DAY_MS)
    by_time = [one for one in found if not one.place.topic]
    scores = scores_of(by_time)
    assert len(scores) > 8
    assert all(score.cause.kind == "edge" for score in scores)
    moments = [from_ms(one.place.moment_ms) for one in by_time]
    assert [score.order.as_of for score in scores] == moments


def test_ticks_score_at_multiples_and_only_what_changed(folder: RecordingFolder) -> None:
    found, _ = outcomes(folder, EveryTick(5_000), later_ms=5_000)
    scored = [one for one in found if one.score is not None]
    assert all(one.place.moment_ms % 5_000 == 0 for one in scored)
    assert len({(one.place.moment_ms, one.lead) for one in scored}) == len(scored)
    every_event = [one for one in outcomes(folder, EveryEvent())[0] if one.score is not None]
    assert 8 <= len(scored) < len(every_event)


@pytest.mark.parametrize("policy", [EveryEvent(), EveryTick(5_000), Recorded()])
def test_outcomes_are_in_order_and_boards_are_the_ranking_of_the_last_scores(
    folder: RecordingFolder, roles: Roles, policy: ScoringPolicy
) -> None:
    found, _ = outcomes(folder, policy, later_ms=5_000)
    places = [one.place for one in found]
    assert places == sorted(places)
    boards = ReplayedBoards()
    standing: dict[str, dict[str, float]] = {}
    for one in found:
        move = boards.take(one)
        if move is None:
            continue
        here = standing.setdefault(move.queue, {})
        here.pop(move.lead, None)
        if move.probability is not None:
            here[move.lead] = move.probability
            assert ranked(here).index(move.lead) + 1 == move.rank
    log = fold_log(input_records(roles), N_PARTITIONS)
    listed = {lead.partition("/")[2]: listing(of.state).queue for lead, of in log.leads.items()}
    wanted = {lead: queue for lead, queue in listed.items() if queue}
    assert {lead: queue for queue, leads in standing.items() for lead in leads} == wanted


def test_states_are_the_fold_of_the_log_and_bad_records_are_counted(
    folder: RecordingFolder, roles: Roles
) -> None:
    _, ended = outcomes(folder, Never())
    log = fold_log(input_records(roles), N_PARTITIONS)
    assert (ended.tally.leads, ended.tally.dead) == (len(log.leads), len(log.dead))
    assert ended.tally.dead == 1
    assert ended.tally.events == len(roles.events)


def test_an_erased_lead_does_not_exist_from_the_start(tmp_path: Path) -> None:
    story = [joins(1), talks(2), joins(3, lead="b"), writes(4), erased(5), writes(6, lead="b")]
    log = log_of(story, n_partitions=N_PARTITIONS)
    day = recorded(tmp_path / "day", [record for records in log.values() for record in records])
    assert erased_leads(day) == {A}
    found, ended = outcomes(day, EveryEvent(), erased=erased_leads(day))
    assert {one.lead for one in found} == {"acme/b"}
    assert (ended.tally.erased, ended.tally.events) == (4, 2)


@pytest.mark.slow
def test_two_runs_and_two_processes_give_the_same_bytes(
    folder: RecordingFolder, tmp_path: Path
) -> None:
    artifact = build_rule_artifact(tmp_path / "rule")
    one = ReplayRequest(EveryTick(2_000), artifact)
    two = ReplayRequest(EveryTick(2_000), artifact, n_processes=2)
    manifests = [
        replay(folder.path, one, tmp_path / "a"),
        replay(folder.path, one, tmp_path / "b"),
        replay(folder.path, two, tmp_path / "c"),
        replay(folder.path, two),
    ]
    assert manifests[0].n_scores > 0
    assert all(manifest == manifests[0] for manifest in manifests)
    for name in ("scores.jsonl", "moves.jsonl", "manifest.json"):
        assert len({(tmp_path / out / name).read_bytes() for out in "abc"}) == 1
    output = open_output(tmp_path / "a")
    assert len(list(output.scores())) == output.manifest.n_scores
    assert len(list(output.moves())) == output.manifest.n_moves


@pytest.mark.slow
def test_damage_in_another_process_is_named_and_leaves_nothing(
    roles: Roles, tmp_path: Path
) -> None:
    day = recorded(tmp_path / "day", input_records(roles))
    damaged = next(e for e in day.manifest.segments if e.topic != CRM_EVENTS.name)
    (day.path / damaged.file).write_bytes(b"no segment")
    asked = ReplayRequest(Never(), None, n_processes=2)
    with pytest.raises(RecordingError, match=f"{damaged.file} is damaged"):
        replay(day.path, asked, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("n_processes", [1, 2])
def test_a_segment_that_cannot_be_read_is_one_error_in_any_process(
    roles: Roles, tmp_path: Path, n_processes: int
) -> None:
    day = recorded(tmp_path / "day", input_records(roles))
    segment = day.path / next(e for e in day.manifest.segments if e.topic != CRM_EVENTS.name).file
    segment.unlink()
    segment.mkdir()
    with pytest.raises(IsADirectoryError) as raised:
        replay(day.path, ReplayRequest(Never(), None, n_processes=n_processes))
    assert (raised.value.filename, raised.value.strerror) == (str(segment), "Is a directory")


def test_before_the_first_record_there_is_nothing_to_replay(folder: RecordingFolder) -> None:
    early = ReplayRequest(Never(), None, as_of=from_ms(NOW_MS - 1))
    with pytest.raises(RecordingError, match="nothing had happened: the first record"):
        replay(folder.path, early)


def test_what_was_ingested_later_never_happened(folder: RecordingFolder) -> None:
    moment = from_ms(NOW_MS + 20_000)
    manifest = replay(folder.path, ReplayRequest(Never(), None, as_of=moment))
    wanted = [r for one in folder.input_ranges() for r in folder.records(one.topic, one.partition)]
    assert manifest.n_records == sum(record.timestamp_ms <= NOW_MS + 20_000 for record in wanted)
    assert manifest.until == moment


def shuffled() -> Iterator[RecordedEvent]:
    recordings = [
        RecordedEvent(record.topic, from_ms(record.timestamp_ms + 60_000 * (i % 7)), event)
        for i, event in enumerate(events(3, 60))
        for record in [next(iter(log_of([event], n_partitions=1).values()))[0]]
    ]
    return reversed(recordings)


def test_a_file_is_replayed_in_the_order_of_ingestion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.recording.record.SORTED_AT_ONCE", SORTED_AT_ONCE // 5_000)
    given = list(shuffled())
    times = [one.ingested_at for one in in_order(given)]
    assert times == sorted(one.ingested_at for one in given)
    write_recording(tmp_path / "day.jsonl.gz", given)
    manifest = record_file(tmp_path / "day.jsonl.gz", tmp_path / "day", 4)
    assert sum(one.n_records for one in manifest.ranges) == len(given)
    day = open_recording(tmp_path / "day")
    for one in day.input_ranges():
        stamps = [record.timestamp_ms for record in day.records(one.topic, one.partition)]
        assert stamps == sorted(stamps)
    assert end_of(day, None) == max(round(t.timestamp() * 1000) for t in times)
    with pytest.raises(RecordingError, match="nothing had happened"):
        end_of(day, times[0] - timedelta(days=1))

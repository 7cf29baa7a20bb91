"""Verify finds every kind of lie among the published scores, and none where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.codec import Record
from schemas.events import LeadErased
from schemas.outputs import Score
from schemas.topics import CRM_EVENTS
from streams.recording.event_file import RecordingError
from streams.replay.policy import Recorded
from streams.replay.replay import ReplayRequest, replay
from streams.replay.verify import Verified, verify
from tests.streams.replay.logs import deployment, input_records, recorded, score_records
from tests.support.engines.engines import RuleEngine, rule_scorer
from tests.support.engines.table_artifacts import build_rule_artifact
from tests.support.roles import Roles

Change = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def roles() -> Roles:
    return deployment(4, 240)


def verdict(
    tmp_path: Path, inputs: list[Record], scores: list[Record], bias: float = 0.0
) -> Verified:
    scorer = rule_scorer(RuleEngine(bias=bias))
    return verify(recorded(tmp_path / "day", [*inputs, *scores]), {"rule-1": scorer}.get)


def test_what_was_published_is_recomputed_exactly(tmp_path: Path, roles: Roles) -> None:
    scores = score_records(roles)
    found = verdict(tmp_path, input_records(roles), scores)
    assert found.differences == []
    assert found.n_scores == len(scores) > 50


def test_a_score_includes_records_in_another_order_than_they_arrived_in(roles: Roles) -> None:
    """Else the test above would prove less than it says."""
    times = {
        (record.topic, record.partition, record.offset): record.timestamp_ms
        for record in input_records(roles)
    }
    of_leads: dict[bytes, list[Record]] = {}
    for record in input_records(roles):
        of_leads.setdefault(record.key or b"", []).append(record)

    def skips(score: Record) -> bool:
        cursor = Score.model_validate_json(score.value or b"").cursor
        included = [times[t, score.partition, o] for t, o in cursor.items()]
        left_out = [
            r.timestamp_ms for r in of_leads[score.key or b""] if r.offset > cursor.get(r.topic, -1)
        ]
        return bool(left_out) and min(left_out) < max(included)

    assert any(map(skips, score_records(roles)))


def other(**fields: object) -> Change:
    def change(value: bytes) -> bytes:
        return Score.model_validate_json(value).model_copy(update=fields).model_dump_json().encode()

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (other(state_hash="0" * 32), "its cursor gives"),
        (other(probability=0.5), "recomputed otherwise: probability"),
        (other(reason="because"), "recomputed otherwise: reason"),
        (other(artifact="other"), "artifact other cannot be loaded"),
        (other(cursor={"crm.events": 0}), "its cursor gives"),
        (lambda value: b"{}", "is not a score"),
    ],
)
def test_a_lie_is_found(tmp_path: Path, roles: Roles, change: Change, says: str) -> None:
    scores = score_records(roles)
    scores[-1] = scores[-1]._replace(value=change(scores[-1].value or b""))
    found = verdict(tmp_path, input_records(roles), scores).differences
    assert len(found) == 1
    assert says in found[0]


def test_a_score_of_nobody_is_found(tmp_path: Path, roles: Roles) -> None:
    scores = score_records(roles)
    lead = scores[-1].key
    inputs = [record for record in input_records(roles) if record.key != lead]
    found = verdict(tmp_path, inputs, scores).differences
    assert any("the log has no event of it" in difference for difference in found)


def test_an_engine_that_answers_otherwise_is_found(tmp_path: Path, roles: Roles) -> None:
    found = verdict(tmp_path, input_records(roles), score_records(roles), bias=1e-9)
    assert len(found.differences) == found.n_scores


def test_a_score_delivered_twice_is_one(tmp_path: Path, roles: Roles) -> None:
    scores = score_records(roles)
    again = scores[-1]._replace(offset=scores[-1].offset + 1)
    found = verdict(tmp_path, input_records(roles), [*scores, again])
    assert (found.n_scores, found.n_repeated, found.differences) == (len(scores), 1, [])


def test_an_erased_lead_is_left_out_and_counted(tmp_path: Path, roles: Roles) -> None:
    folder = recorded(tmp_path / "day", [*input_records(roles), *score_records(roles)])
    erased = {score_records(roles)[-1].key.decode()}
    found = verify(folder, {"rule-1": rule_scorer()}.get, erased)
    assert found.n_erased > 0
    assert found.n_scores + found.n_erased == len(score_records(roles))
    assert not any(isinstance(event, LeadErased) for event in roles.events.values())


def test_a_score_that_includes_more_than_was_recorded_is_no_difference(
    tmp_path: Path, roles: Roles
) -> None:
    whole, n_recorded = score_records(roles), 20
    inputs = [
        record
        for record in input_records(roles)
        if (record.topic, record.partition) != (CRM_EVENTS.name, 0) or record.offset < n_recorded
    ]
    beyond = sum(
        score.partition == 0
        and Score.model_validate_json(score.value or b"").cursor.get(CRM_EVENTS.name, 0)
        >= n_recorded
        for score in whole
    )
    found = verdict(tmp_path, inputs, whole)
    assert found.differences == []
    assert found.n_beyond == beyond > 10
    assert found.n_scores == len(whole) - beyond > 10
    again = replay(
        tmp_path / "day", ReplayRequest(Recorded(), build_rule_artifact(tmp_path / "rule"))
    )
    assert (again.n_scores + again.n_unscorable, again.n_unscorable) == (len(whole), beyond)


def test_a_recording_that_cannot_tell_is_refused(tmp_path: Path, roles: Roles) -> None:
    folder = recorded(tmp_path / "day", input_records(roles))
    late = folder.manifest.ranges[0].model_copy(update={"first": 5, "log_start": 5})
    ranges = (late, *folder.manifest.ranges[1:])
    cut = replace(folder, manifest=folder.manifest.model_copy(update={"ranges": ranges}))
    with pytest.raises(RecordingError, match="from offset 5: a score cannot be recomputed"):
        verify(cut, {}.get)
    inputs_only = tuple(one for one in folder.manifest.ranges if one.topic != "leads.scores")
    lacking = folder.manifest.model_copy(update={"ranges": inputs_only})
    with pytest.raises(RecordingError, match=r"0 partitions of leads\.scores"):
        verify(replace(folder, manifest=lacking), {}.get)

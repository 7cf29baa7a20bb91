"""The importers on small hand-written copies of the two public data sets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.events import (
    Channel,
    EventBase,
    InteractionLogged,
    LeadClosed,
    LeadReopened,
    LeadUpserted,
    Role,
    Stage,
    StageChanged,
    TranscriptReady,
)
from scoring.lead.fold import fold, listing
from streams.importers.bpi2012 import bpi2012_events
from streams.importers.outcomes import ImportFault, without_outcomes
from streams.importers.persuasion import persuasion_events

DIALOG_HEADER = ",Unit,Turn,B4,B2\n"
INFO_HEADER = "B2,B3,B4,B6,B7,age.x,sex.x,race.x\n"
FIRST, AGAIN = "20180904-045349_715_live", "BAD_20180905-120000_1_live"


def _persuasion(folder: Path, dialog: Sequence[str], info: Sequence[str]) -> list[EventBase]:
    (folder / "full_dialog.csv").write_text(DIALOG_HEADER + "\n".join(dialog) + "\n")
    (folder / "full_info.csv").write_text(INFO_HEADER + "\n".join(info) + "\n")
    return list(persuasion_events(folder))


DIALOG = [
    f'0,"Good morning, how are you?",0,0,{FIRST}',
    f"1,Fine.,0,1,{FIRST}",
    f"2,Will you give?,0,0,{AGAIN}",
    f"3,Yes I will.,0,1,{AGAIN}",
]
INFO = [
    f"{FIRST},user_1,0,2,10,40,Male,White",
    f"{FIRST},user_2,1,0,10,34.5,Female,",
    f"{AGAIN},user_3,0,0,10,40,Male,White",
    f"{AGAIN},user_2,1,0.5,10,34.5,Female,",
]


def test_dialogue_becomes_profile_call_transcript_and_outcome(tmp_path: Path) -> None:
    events = _persuasion(tmp_path, DIALOG, INFO)
    assert {str(event.key) for event in events} == {"persuasion/user_2"}
    upserts = [event for event in events if isinstance(event, LeadUpserted)]
    assert upserts[0].profile == {"age": 34.5, "sex": "Female", "race": None}
    transcript = next(event for event in events if isinstance(event, TranscriptReady))
    assert transcript.started_at == datetime(2018, 9, 4, 4, 53, 49, tzinfo=UTC)
    assert [(s.role, s.text) for s in transcript.segments] == [
        (Role.AGENT, "Good morning, how are you?"),
        (Role.CUSTOMER, "Fine."),
    ]
    calls = [event for event in events if isinstance(event, InteractionLogged)]
    assert [call.codes for call in calls] == [(), ("BAD",)]
    assert [call.call_id for call in calls] == [FIRST, AGAIN]
    assert [event.reason for event in events if isinstance(event, LeadClosed)] == ["did not donate"]
    assert Stage.ORDER in [event.stage for event in events if isinstance(event, StageChanged)]


def test_persuadee_who_returns_is_listed_again_until_the_outcome(tmp_path: Path) -> None:
    events = _persuasion(tmp_path, DIALOG, INFO)
    assert sum(isinstance(event, LeadReopened) for event in events) == 2
    assert listing(fold(events)).queue is None
    assert listing(fold(without_outcomes(events))).queue == "donations"
    assert listing(fold(events[:-1])).queue == "donations"


def test_what_was_known_only_afterwards_is_not_imported(tmp_path: Path) -> None:
    """B7, the number of turns, and the persuader's own donation leak the outcome."""
    changed = [line.replace(",10,", ",99,").replace("user_1,0,2", "user_1,0,7") for line in INFO]
    (tmp_path / "other").mkdir()
    assert _persuasion(tmp_path, DIALOG, INFO) == _persuasion(tmp_path / "other", DIALOG, changed)


@pytest.mark.parametrize(
    ("dialog", "info", "says"),
    [
        (DIALOG, INFO[:2], f"dialogue {AGAIN} has no persuadee"),
        (DIALOG, [line.replace("0.5", "lots") for line in INFO], f"dialogue {AGAIN}: could not"),
        ([f"0,hi,0,7,{FIRST}"], INFO, f"dialogue {FIRST}: '7'"),
        ([f'0,"a\x00b",0,1,{FIRST}'], INFO, f"dialogue {FIRST}: 1 validation error"),
    ],
)
def test_dialogue_that_cannot_be_imported_is_named(
    tmp_path: Path, dialog: Sequence[str], info: Sequence[str], says: str
) -> None:
    with pytest.raises(ImportFault, match=r"full_dialog\.csv") as caught:
        _persuasion(tmp_path, dialog, info)
    assert says in str(caught.value)
    assert "input_value" not in str(caught.value)


def test_file_without_its_columns_is_named(tmp_path: Path) -> None:
    (tmp_path / "full_info.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ImportFault, match=r"full_info\.csv: no column B2, B3, B4, B6"):
        list(persuasion_events(tmp_path))


LOG = """<?xml version="1.0"?><log xmlns="http://www.xes-standard.org/">{}</log>"""


def _trace(*events: str, amount: str = "20000") -> str:
    return (
        '<trace><date key="REG_DATE" value="2011-10-01T00:38:44.546+02:00"/>'
        '<string key="concept:name" value="173688"/>'
        f'<string key="AMOUNT_REQ" value="{amount}"/>{"".join(events)}</trace>'
    )


def _event(name: str, hour: int, transition: str = "COMPLETE", resource: str = "112") -> str:
    return (
        f'<event><string key="org:resource" value="{resource}"/>'
        f'<string key="lifecycle:transition" value="{transition}"/>'
        f'<string key="concept:name" value="{name}"/>'
        f'<date key="time:timestamp" value="2011-10-01T{hour:02}:00:00.000+02:00"/></event>'
    )


def _log(path: Path, *traces: str) -> Path:
    path.write_text(LOG.format("".join(traces)))
    return path


def test_application_becomes_stages_contacts_and_owners(tmp_path: Path) -> None:
    trace = _trace(
        _event("A_SUBMITTED", 1),
        _event("W_Nabellen offertes", 9, "START", "10862"),
        _event("W_Nabellen offertes", 10, "COMPLETE", "10862"),
        _event("O_SENT", 11, resource="10862"),
        _event("A_NEVER_SEEN", 12),
        _event("A_CANCELLED", 13),
    )
    events = list(bpi2012_events(_log(tmp_path / "log.xes", trace)))
    assert [event.stage for event in events if isinstance(event, StageChanged)] == [
        Stage.NEW,
        Stage.QUOTE,
    ]
    logged = [event for event in events if isinstance(event, InteractionLogged)]
    assert len(logged) == 6
    call = logged[2]
    assert (call.channel, call.duration_s, call.codes[0]) == (
        Channel.CALL,
        3600.0,
        "W_Nabellen_offertes",
    )
    assert logged[4].codes == ("A_NEVER_SEEN", "COMPLETE")
    owners = [event.owner for event in events if isinstance(event, LeadUpserted) and event.owner]
    assert owners == ["10862"]
    assert listing(fold(events)).why == "closed: cancelled"
    assert listing(fold(without_outcomes(events))).queue == "loans"
    assert len({(event.source, event.id) for event in events}) == len(events)


def test_import_is_deterministic_and_can_stop_early(tmp_path: Path) -> None:
    path = _log(tmp_path / "log.xes", *[_trace(_event("A_SUBMITTED", 1))] * 3)
    assert list(bpi2012_events(path)) == list(bpi2012_events(path))
    assert len(list(bpi2012_events(path, limit=2))) * 3 == len(list(bpi2012_events(path))) * 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("<log>", "not an XES log"),
        (LOG.format(""), "not an XES log"),
        (LOG.format(_trace(amount="much")), "application 1: could not convert"),
        (LOG.format("<trace/>"), "application 1: 'concept:name'"),
    ],
)
def test_log_of_another_shape_is_named(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "log.xes"
    path.write_text(content)
    with pytest.raises(ImportFault, match=r"log\.xes") as caught:
        list(bpi2012_events(path))
    assert says in str(caught.value)

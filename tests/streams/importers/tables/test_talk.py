"""Transcripts in the cells of a calls export: read by their shape, or counted with what was
missing; the source text of a vendor's file never becomes talk."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.events import InteractionLogged, Role, TranscriptReady
from streams.importers.tables.events import Read, events_of
from streams.importers.tables.fields import FieldsRead
from streams.importers.tables.mapping import ColumnMapping, FileColumns
from streams.importers.tables.table import read_table

NOW = datetime(2026, 6, 1, tzinfo=UTC)
GREETING, WISH = "Good morning, how can I help?", "I would like to order the car today."
VTT = (
    "WEBVTT\n\n1\n00:00:00.000 --> 00:00:02.000\n"
    f"<v Agent>{GREETING}</v>\n\n2\n00:00:02.000 --> 00:00:05.000\n<v Customer>{WISH}</v>\n"
)
SRT = (
    f"1\n00:00:00,000 --> 00:00:02,000\nAgent: {GREETING}\n\n"
    f"2\n00:00:02,000 --> 00:00:05,000\nCustomer: {WISH}\n"
)
TURNS = [
    {"ParticipantRole": "AGENT", "Content": GREETING, "BeginOffsetMillis": 0},
    {"ParticipantRole": "CUSTOMER", "Content": WISH, "BeginOffsetMillis": 2000},
]
LETTERS = [{"speaker": "A", "text": GREETING}, {"speaker": "B", "text": WISH}]
PLAIN = f"Agent: {GREETING}\nCustomer: {WISH}"
READABLE = {
    "webvtt": VTT,
    "webvtt in one line": " ".join(VTT.split()),
    "srt": SRT,
    "srt in one line": " ".join(SRT.split()),
    "srt with escaped breaks": SRT.replace("\n", "\\n"),
    "lines": PLAIN,
    "lines of Windows": PLAIN.replace("\n", "\r\n"),
    "turns of Call Analytics": json.dumps(TURNS),
    "a list in a cell": json.dumps(LETTERS),
    "lines in a list": json.dumps(PLAIN.splitlines()),
    "an object in an envelope": json.dumps({"event": "done", "data": {"turns": LETTERS}}),
}
SECRET = "I want to buy"
UNREADABLE = {
    json.dumps({"foo": [SECRET]}): "a JSON object with foo: none of the shapes",
    json.dumps({"results": {"channels": [{"x": SECRET}]}}): "nearest to Deepgram, recorded",
    json.dumps([{"speaker": "A", "text": SECRET}])[:-4]: "JSON that ends too early",
    str([{"speaker": "A", "text": SECRET}]): "as Python prints it",
    f"<tt><p>{SECRET}</p></tt>": "XML or HTML",
    "[]": "nothing is said in it",
}


def _read(folder: Path, cells: list[str], speakers: dict[str, Role] | None = None) -> Read:
    (folder / "leads.csv").write_text("id,created\n4711,2026-03-01\n", encoding="utf-8")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["id", "at", "talk"])
    writer.writerows(["4711", "2026-03-05T10:00:00Z", cell] for cell in cells)
    (folder / "calls.csv").write_text(text.getvalue(), encoding="utf-8", newline="")
    mapping = ColumnMapping(
        leads=FileColumns(columns={"lead": "id", "created_at": "created"}, times=("iso",)),
        calls=FileColumns(
            columns={"lead": "id", "started_at": "at", "talk": "talk"}, times=("iso",)
        ),
        speakers=speakers,
    )
    tables = {kind: read_table(folder / f"{kind}.csv") for kind in ("leads", "calls")}
    return events_of(tables, mapping, FieldsRead.of(()), NOW)


def _talk(read: Read) -> list[TranscriptReady]:
    return [event for event in read.events if isinstance(event, TranscriptReady)]


@pytest.mark.parametrize("name", READABLE)
def test_a_cell_is_read_by_its_shape(name: str, tmp_path: Path) -> None:
    (event,) = _talk(_read(tmp_path, [READABLE[name]]))
    assert [one.text for one in event.segments] == [GREETING, WISH]
    assert [one.role for one in event.segments] == [Role.AGENT, Role.CUSTOMER]


@pytest.mark.parametrize("cell", UNREADABLE)
def test_a_cell_of_no_shape_is_counted_and_keeps_its_call(cell: str, tmp_path: Path) -> None:
    read = _read(tmp_path, [cell, PLAIN, cell])
    assert len(_talk(read)) == 1
    assert sum(isinstance(event, InteractionLogged) for event in read.events) == 3
    (sentence,) = (each for each in read.skipped if "not read" in each)
    assert "2 transcripts not read, the first in line 2" in sentence
    assert UNREADABLE[cell] in sentence
    assert not any(SECRET in each for each in read.skipped)


def test_reasons_that_differ_in_figures_are_one_and_many_are_cut(tmp_path: Path) -> None:
    cut = ['[{"text": "a', '[{"text": "abc', '[{"text": "abcdef']
    read = _read(tmp_path, [*cut, PLAIN])
    assert [each.partition("calls.csv: ")[2][:23] for each in read.skipped] == [
        "3 transcripts not read,"
    ]
    odd = _read(tmp_path, [f'{{"{name}": 1}}' for name in "abcdefgh"])
    assert odd.skipped[-1].endswith("3 transcripts not read for other reasons")


def test_speakers_are_named_mapped_and_guessed(tmp_path: Path) -> None:
    talk = json.dumps([{"speaker": "A", "text": "Is it free?"}, {"speaker": "B", "text": "It is."}])
    read = _read(tmp_path, [talk, talk])
    assert {one.role for event in _talk(read) for one in event.segments} == {Role.UNKNOWN}
    (sentence,) = (each for each in read.skipped if "unknown role" in each)
    assert "in 2 of 2 transcripts, the first in line 2 (speakers A, B)" in sentence
    assert '"speakers": {"A": "agent"' in sentence
    mapped = _read(tmp_path, [talk], {"a": Role.CUSTOMER, "B": Role.AGENT})
    assert [one.role for one in _talk(mapped)[0].segments] == [Role.CUSTOMER, Role.AGENT]
    assert not mapped.skipped
    guessed = _read(tmp_path, [json.dumps(LETTERS)])
    assert [one.role for one in _talk(guessed)[0].segments] == [Role.AGENT, Role.CUSTOMER]
    assert any("what is said tells who is the agent" in each for each in guessed.skipped)


def test_what_was_mended_is_said(tmp_path: Path) -> None:
    late = SRT.replace("00:00:02,000\nAgent", "00:00:00,000\nAgent").replace(
        "00:00:00,000 -->", "00:00:00,020 -->", 1
    )
    read = _read(tmp_path, [late])
    assert len(_talk(read)[0].segments) == 2
    assert any("an end before its start" in each and "(cue 1)" in each for each in read.skipped)


def test_an_unfinished_transcript_is_not_final(tmp_path: Path) -> None:
    part = {
        "ContactId": "c",
        "Segments": [
            {"Utterance": {"Id": "1", "ParticipantRole": "CUSTOMER", "PartialContent": WISH}}
        ],
    }
    (event,) = _talk(_read(tmp_path, [json.dumps(part)]))
    assert (event.final, event.revision) == (False, 1)

"""`asllr import transcript`: files in, one event a call out, or one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result

from schemas.events import Role, TranscriptReady
from streams.cli.importing.transcript_files import names_pattern
from streams.importers.transcripts.reading import read_transcript
from streams.recording.event_file import read_recording
from tests.support.commands import run

START = "2026-03-05T11:00:00+01:00"
TALK = "spk_0: Good morning.\nspk_1: Is the red one free?\nspk_0: It is.\nspk_1: Then I take it.\n"
AGENT, CUSTOMER = Role.AGENT, Role.CUSTOMER


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / "4711_c-1.txt"
    path.write_text(TALK, encoding="utf-8")
    return path


def imported(*words: str | Path) -> Result:
    return run({}, "import", "transcript", *words)


def events_in(path: Path) -> list[TranscriptReady]:
    found = [recorded.event for recorded in read_recording(path)]
    spoken = [event for event in found if isinstance(event, TranscriptReady)]
    assert spoken == found
    return spoken


def test_a_file_becomes_an_event_that_can_be_replayed(talk: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    words = (talk, "--lead", "jo@example.org", "--started-at", START, "--tenant", "north")
    result = imported(*words, "--role", "SPK_0=agent", "--language", "en_GB", "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"1 event written to {out}\n"
    (event,) = events_in(out)
    assert (event.tenant, event.lead, event.call_id) == ("north", "jo%40example.org", "4711_c-1")
    assert (event.language, event.vendor, event.final) == ("en-GB", "lines", True)
    assert [one.role for one in event.segments] == [AGENT, CUSTOMER, AGENT, CUSTOMER]
    assert event.started_at.isoformat() == "2026-03-05T10:00:00+00:00"
    assert event.occurred_at > event.started_at
    # The same file twice is the same event; another text another one.
    again = tmp_path / "again.jsonl"
    imported(*words, "--role", "spk_0=agent", "--language", "en-GB", "--out", again)
    assert again.read_bytes() == out.read_bytes()
    talk.write_text(TALK + "spk_0: Good.\n", encoding="utf-8")
    imported(*words, "--role", "spk_0=agent", "--out", again)
    assert events_in(again)[0].id != event.id


def test_unknown_speakers_are_named_with_the_option(talk: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    result = imported(talk, "--lead", "1", "--started-at", START, "--out", out)
    assert "speakers spk_0, spk_1: of an unknown role; --role LABEL=ROLE" in result.stderr
    assert {one.role for one in events_in(out)[0].segments} == {Role.UNKNOWN}
    wrong = imported(talk, "--lead", "1", "--started-at", START, "--role", "A=bot", "--out", out)
    assert "--role A: no speaker has this label; there are spk_0, spk_1" in wrong.stderr
    assert imported(talk, "--role", "spk_0=boss").exit_code == 2


def test_names_say_whose_calls_they_are(talk: Path, tmp_path: Path) -> None:
    other = tmp_path / "4712_c-2.txt"
    other.write_text("Agent: Hello.\nCustomer: Not for me.\n", encoding="utf-8")
    out = tmp_path / "out.jsonl"
    names = ("--names", "{lead}_{call_id}.txt", "--started-at", START, "--out", out)
    assert imported(talk, other, *names).exit_code == 0
    assert [(event.lead, event.call_id) for event in events_in(out)] == [
        ("4711", "c-1"),
        ("4712", "c-2"),
    ]
    assert imported(talk, "--names", "{call_id}.txt").exit_code == 2
    assert imported(talk, other, "--lead", "1", "--call-id", "c").exit_code == 2


def test_patterns_keep_their_fields() -> None:
    match = names_pattern("*-{lead}.{call_id}.json").fullmatch("2026-03-4711.c.1.json")
    assert match is not None
    assert match.groupdict() == {"lead": "4711", "call_id": "c.1"}
    for wrong in ("a.json", "{lead}{lead}", "{lead}{who}"):
        with pytest.raises(ValueError, match="is not a pattern such as"):
            names_pattern(wrong)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"calls": 1, "I want to buy it": 2}', "a JSON object with calls and 1 more: none of"),
        ('{"results": {"channels": []}, "x": 1}', "in which nothing is said"),
        ('[{"text": "hel', "JSON that ends too early, after 14 characters: export it whole"),
        ("", "in which nothing is said"),
        ("[MUSIC]", "in which nothing is said"),
        ("<tt><p>Hello</p></tt>", "XML or HTML: none of the shapes"),
        ('{"status": "error", "words": [], "audio_url": "x"}', "whose status is error"),
    ],
)
def test_what_is_no_transcript_is_one_sentence(content: str, sentence: str, tmp_path: Path) -> None:
    path, out = tmp_path / "call.json", tmp_path / "out.jsonl"
    path.write_text(content, encoding="utf-8")
    result = imported(path, "--lead", "1", "--started-at", START, "--out", out)
    assert result.exit_code == 78
    assert result.stderr.count("\n") == 1
    assert f"{path}: " in result.stderr
    assert sentence in result.stderr
    assert "want to buy" not in result.stderr
    assert not out.exists()


def test_one_bad_file_stops_all_unless_told(talk: Path, tmp_path: Path) -> None:
    bad, out = tmp_path / "bad.json", tmp_path / "out.jsonl"
    bad.write_text("{}", encoding="utf-8")
    words = (talk, bad, "--lead", "1", "--started-at", START, "--out", out)
    stopped = imported(*words)
    assert stopped.exit_code == 78
    assert f"{bad}: an empty JSON object" in stopped.stderr
    assert "1 of 2 files cannot be read, so nothing was sent or written" in stopped.stderr
    assert not out.exists()
    went_on = imported(*words, "--keep-going")
    assert went_on.exit_code == 0
    assert f"left out: {bad}" in went_on.stderr
    assert len(events_in(out)) == 1


def test_what_nobody_says_is_asked_for(talk: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    for words, option in (
        (("--started-at", START), "--lead"),
        (("--lead", "1"), "--started-at"),
        (("--lead", "x" * 200, "--started-at", START), "longer than 128"),
    ):
        result = imported(talk, *words, "--out", out)
        assert result.exit_code == 78
        assert option in result.stderr
    assert imported(talk, "--language", "what is it").exit_code == 2


def test_two_files_of_one_call_need_a_revision(talk: Path, tmp_path: Path) -> None:
    same, other, out = tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "out.jsonl"
    same.write_text(TALK, encoding="utf-8")
    other.write_text("Agent: Hello.\n", encoding="utf-8")
    call = ("--lead", "1", "--started-at", START, "--names", "{lead}_{call_id}.txt", "--out", out)
    for path in (same, other):
        (tmp_path / path.stem).mkdir()
        path.rename(tmp_path / path.stem / "4711_c-1.txt")
    twice = imported(talk, tmp_path / "a" / "4711_c-1.txt", *call)
    assert (twice.exit_code, len(events_in(out))) == (0, 1)
    refused = imported(talk, tmp_path / "b" / "4711_c-1.txt", *call)
    assert refused.exit_code == 78
    assert f"is call c-1 as {talk} is" in refused.stderr


def test_documents_of_the_drafts_can_be_written_and_read_again(talk: Path, tmp_path: Path) -> None:
    for form, options in (("wtf", ()), ("vcon", ("--started-at", START))):
        out = tmp_path / f"call.{form}"
        result = imported(talk, "--as", form, "--role", "spk_0=agent", *options, "--out", out)
        assert result.exit_code == 0, result.output
        read = read_transcript(out.read_bytes())
        assert read.shape == form
        assert [one.role for one in read.utterances] == [AGENT, CUSTOMER, AGENT, CUSTOMER]
        printed = imported(talk, "--as", form, *options)
        assert json.loads(printed.stdout)
    assert "says when its call began" in imported(talk, "--as", "vcon").stderr


def test_a_machine_is_told_what_was_read(talk: Path, tmp_path: Path) -> None:
    words = ("--lead", "1", "--started-at", START, "--out", tmp_path / "out.jsonl", "--json")
    read = json.loads(imported(talk, *words).stdout)
    assert read["shape"] == "lines"
    assert read["speakers"] == {"spk_0": "unknown", "spk_1": "unknown"}
    assert (read["has_times"], read["utterances"]) == (False, 4)

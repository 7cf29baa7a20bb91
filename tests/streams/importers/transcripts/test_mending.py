"""Units, clocks, partial results and roles: each kind put right, and said with its place."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.events import Role
from schemas.role_words import role_of_label
from streams.importers.transcripts.normal import CallTranscript, TranscriptError, UnknownShape
from streams.importers.transcripts.reading import SPREADSHEET_CELL, read_document, read_transcript
from streams.importers.transcripts.roles import GUESSED, UNKNOWN, with_roles
from streams.importers.transcripts.values import moment, seconds

HELLO, WISH = "Good morning, how can I help you?", "I would like to order it today."


def whisper(*rows: tuple[Any, Any], **more: Any) -> CallTranscript:
    texts = (HELLO, WISH, "Thank you and good bye.")
    segments = [
        {"start": start, "end": end, "text": text}
        for (start, end), text in zip(rows, texts, strict=False)
    ]
    return read_document({"segments": segments, **more})


def times(found: CallTranscript) -> list[tuple[float, float]]:
    return [(one.start_s, one.end_s) for one in found.utterances]


def remarks(found: CallTranscript) -> list[str]:
    return [str(remark) for remark in found.remarks]


@pytest.mark.parametrize(
    ("rows", "expected", "remark"),
    [
        ([(0, 2), (3, 5)], [(0, 2), (3, 5)], None),
        ([("0.0", "2.0"), ("3,0", "5,0")], [(0, 2), (3, 5)], None),
        ([("0:00", "0:02"), ("PT3S", "5.0s")], [(0, 2), (3, 5)], None),
        ([(0, 2000), (3000, 5000)], [(0, 2), (3, 5)], "segments[0]: times are in milliseconds"),
        ([(0, 0.002), (0.003, 0.005)], [(0, 2), (3, 5)], "times are in thousands of seconds"),
        ([(-0.02, 2), (3, 5)], [(0, 2), (3, 5)], "segments[0]: a start outside the call"),
        ([(0, 2), (5, 4.98)], [(0, 2), (5, 5)], "segments[1]: an end before its start"),
        ([(3, 5), (0, 2)], [(0, 2), (3, 5)], "segments[1]: not in order of time: sorted"),
        ([(0, "?"), (3, 5)], [(0, 2.2), (3, 5)], "segments[0]: a time that cannot be read"),
        ([(0, None), (1.5, 5)], [(0, 1.5), (1.5, 5)], None),
        ([(1772704800, 1772704802), (1772704803, 1772704805)], [(0, 2), (3, 5)], None),
        ([(0, 2), (9e5, 9e5 + 2)], [(0, 2), (604800, 604800)], "a start outside the call"),
    ],
)
def test_times_are_mended(
    rows: list[tuple[Any, Any]], expected: list[tuple[float, float]], remark: str | None
) -> None:
    found = whisper(*rows)
    assert times(found) == expected
    assert sorted(one.text for one in found.utterances) == sorted((HELLO, WISH))
    assert bool(found.remarks) == (remark is not None)
    assert remark is None or any(remark in each for each in remarks(found))


def test_a_clock_since_1970_gives_the_start() -> None:
    found = whisper((1772704800.5, 1772704802), (1772704803, 1772704805))
    assert found.started_at == datetime(2026, 3, 5, 10, 0, 0, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.5, 0.5), (1.0000001, 1.0), (93, 0.93), (-0.1, None), (float("nan"), None), ("0.5", 0.5)],
)
def test_confidences_are_from_0_to_1(value: Any, expected: float | None) -> None:
    turns = [{"speaker": "A", "text": HELLO, "confidence": value}]
    assert [one.confidence for one in read_document(turns).utterances] == [expected]


@pytest.mark.parametrize(
    "text", ["[MUSIC]", "(laughter)", "♪ ♪", " ", "...", "[BLANK_AUDIO]", None]
)
def test_what_is_no_words_is_left_out(text: str | None) -> None:
    turns = [{"speaker": "A", "text": text}, {"speaker": "A", "text": "[PII] is my name"}]
    assert [one.text for one in read_document(turns).utterances] == ["[PII] is my name"]


def deepgram(start: float, length: float, text: str, is_final: bool) -> str:
    message = {
        "type": "Results",
        "channel_index": [0, 1],
        "start": start,
        "duration": length,
        "is_final": is_final,
        "channel": {"alternatives": [{"transcript": text, "confidence": 0.9}]},
    }
    return json.dumps(message)


def test_a_growing_stream_gives_growing_revisions_and_ends_final() -> None:
    lines = [
        deepgram(0, 1, "good mourning", is_final=False),
        deepgram(0, 2, "good morning", is_final=True),
        deepgram(2, 1, "I would", is_final=False),
        deepgram(2, 2, "I would like one", is_final=False),
        deepgram(2, 2, "I would like one", is_final=True),
    ]
    found = [read_transcript("\n".join(lines[:n])) for n in range(1, 6)]
    assert [each.revision for each in found] == [1, 2, 3, 4, 5]
    assert [each.is_final for each in found] == [False, True, False, False, True]
    said = [[one.text for one in each.utterances] for each in found]
    assert said[0] == ["good mourning"]
    assert said[2] == ["good morning", "I would"]
    assert said[3] == said[4] == ["good morning", "I would like one"]


def test_the_last_partial_results_of_google_replace_those_before() -> None:
    def message(text: str, end: str, **more: Any) -> dict[str, Any]:
        return {"results": [{"alternatives": [{"transcript": text}], "resultEndTime": end, **more}]}

    stream = [
        message("good mourning", "1s", stability=0.1),
        message("good morning", "2s", isFinal=True),
        message("I", "3s", stability=0.1),
        message("I would", "4s", stability=0.1),
    ]
    found = read_document(stream)
    assert [one.text for one in found.utterances] == ["good morning", "I would"]
    assert times(found) == [(0, 2), (2, 4)]
    assert (found.is_final, found.revision) == (False, 4)
    assert read_document(stream[:2]).is_final
    assert not read_document(stream[0]).is_final


def test_a_late_partial_of_a_finished_utterance_changes_nothing() -> None:
    def message(text: str, is_partial: bool) -> dict[str, Any]:
        return {"UtteranceEvent": {"UtteranceId": "1", "IsPartial": is_partial,
                                   "ParticipantRole": "AGENT", "Transcript": text,
                                   "BeginOffsetMillis": 0, "EndOffsetMillis": 900}}  # fmt: skip

    final, late = message("Good morning", False), message("Good mo", True)
    for order in ([late, final], [final, late], [late, final, late]):
        found = read_document(order)
        assert [one.text for one in found.utterances] == ["Good morning"]
        assert found.is_final


@pytest.mark.parametrize(
    ("label", "role"),
    [
        *(("Agent 1", Role.AGENT), ("AGENT", Role.AGENT), ("Kundenberaterin", Role.AGENT)),
        *(
            ("Customer Service", Role.AGENT),
            ("conseiller client", Role.AGENT),
            ("坐席", Role.AGENT),
        ),
        *(("Kunde", Role.CUSTOMER), ("END_USER", Role.CUSTOMER), ("Cliente:", Role.CUSTOMER)),
        *(("external", Role.CUSTOMER), ("客户", Role.CUSTOMER), ("AUTOMATED_AGENT", Role.BOT)),
        *(("Anna Schmidt", None), ("spk_0", None), ("A", None), ("1", None), ("", None)),
    ],
)
def test_words_for_roles_in_labels(label: str, role: Role | None) -> None:
    assert role_of_label(label) is role


def roles(*turns: tuple[str, str], **given: Role) -> tuple[list[str], list[str]]:
    found = read_document([{"speaker": who, "text": text} for who, text in turns])
    known = with_roles(found, given)
    return [one.role.value for one in known.utterances if one.role], [
        remark.what for remark in known.remarks
    ]


def test_roles_are_guessed_only_where_words_leave_no_doubt() -> None:
    work, other = "Thank you for calling, how may I help?", "I saw the red one."
    assert roles(("A", work), ("B", other)) == (["agent", "customer"], [GUESSED])
    assert roles(("A", other), ("B", other)) == (["unknown", "unknown"], [UNKNOWN])
    assert roles(("A", work), ("B", work)) == (["unknown", "unknown"], [UNKNOWN])
    assert roles(("A", work), ("B", other), ("C", other))[1] == [UNKNOWN]
    assert roles(("Agent", other), ("Jo", other)) == (["agent", "customer"], [GUESSED])
    assert roles(("Bot", other), ("Jo", other)) == (["bot", "unknown"], [UNKNOWN])
    german = "Guten Tag, was kann ich für Sie tun?"
    assert roles(("1", other), ("2", german)) == (["customer", "agent"], [GUESSED])


def test_what_is_told_wins_over_label_and_words() -> None:
    told = roles(("Agent", HELLO), ("B", WISH), agent=Role.CUSTOMER, b=Role.AGENT)
    assert told == (["customer", "agent"], [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Agent: Hi.\nPrice: 300.\nCustomer: Fine.", ["Agent", "Customer"]),
        ("[00:01] Jo: Hi.\n[00:05] Al: Hello.", ["Jo", "Al"]),
        ("Jo (0:01): Hi.\nAl (0:05): Hello.", ["Jo", "Al"]),
        ("Jo  0:01\nHi.\n\nAl  0:05\nHello.\n\nJo  0:09\nBye.", ["Jo", "Al", "Jo"]),
        ("**Jo:** Hi.\n**Al:** Hello.", ["Jo", "Al"]),
        ("- Kunde: Hallo.\n- Berater: Guten Tag.", ["Kunde", "Berater"]),
        ("客户：你好。\n坐席：您好。", ["客户", "坐席"]),
        ("I said this: no.\nAnd then nothing.\nThat was it.", [None, None, None]),
        ("Note: call back on Monday", [None]),
        ("call me at 10:30", [None]),
    ],
)
def test_names_before_a_colon_are_speakers_where_lines_begin_so(
    text: str, said: list[str | None]
) -> None:
    assert [one.speaker for one in read_transcript(text).utterances] == said


def test_times_of_the_day_are_from_the_first_line_on() -> None:
    found = read_transcript("10:02:11 Jo: Hi.\n10:02:15 Al: Hello.")
    assert [one.start_s for one in found.utterances] == [0, 4]


def test_a_caption_of_two_voices_is_two_utterances() -> None:
    text = "WEBVTT\n\n00:01.000 --> 00:04.000\n<v.loud Jo>Hi &amp; <i>hello</i></v> <v Al>Yes</v>\n"
    found = read_transcript(text)
    assert [(one.speaker, one.text) for one in found.utterances] == [
        ("Jo", "Hi & hello"),
        ("Al", "Yes"),
    ]


def test_bytes_in_the_encodings_that_programs_write() -> None:
    text = "Kunde: Schöne Grüße.\nBerater: Danke."
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        found = read_transcript(text.encode(encoding))
        assert [one.text for one in found.utterances] == ["Schöne Grüße.", "Danke."]
    with pytest.raises(UnknownShape, match="a recording"):
        read_transcript(b"RIFF\x00\x00\x00\x00WAVE")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[{"text": "' + "a" * SPREADSHEET_CELL, "as spreadsheets cut cells"),
        ("https://example.org/calls/1.json", "a link and not a transcript"),
        ("QUJD" * 100, "one word of hundreds of letters"),
        ('"{\\"segments\\": [', "JSON in quotes"),
        ('{"a" 1}', "begins like JSON and is not JSON at line 1"),
        ("[1, 2]", "a JSON list of 2, the first JSON that is a number"),
        ('{"transcription": [{"offsets": {}}]}', "nearest to whisper.cpp"),
        ("[" * 100 + "]" * 100, "JSON"),
    ],
)
def test_refusals_name_what_is_missing(text: str, sentence: str) -> None:
    with pytest.raises(TranscriptError) as refused:
        read_transcript(text)
    assert sentence in str(refused.value)


def test_json_in_a_json_string_is_read() -> None:
    inner = json.dumps([{"speaker": "A", "text": HELLO}])
    assert read_transcript(json.dumps(inner)) == read_transcript(inner)
    quoted = read_transcript('"Fine" is what she said.')
    assert [one.text for one in quoted.utterances] == ['"Fine" is what she said.']


def test_a_table_keeps_commas_in_its_last_column() -> None:
    found = read_transcript("start,end,text\n0,2000,Well, I would\n2000,4000,like to order it\n")
    assert [one.text for one in found.utterances] == ["Well, I would", "like to order it"]
    assert times(found) == [(0, 2), (2, 4)]


def test_two_calls_in_one_file_are_refused_and_say_so() -> None:
    one = {"segments": [{"start": 0, "end": 1, "text": "Hello"}], "language": "en"}
    with pytest.raises(UnknownShape, match=r"2 documents of Whisper, .* give each a file"):
        read_document([one, one])


def test_a_vcon_says_which_body_cannot_be_read() -> None:
    vcon = {"vcon": "0.0.2", "uuid": "u", "parties": [], "dialog": []}
    with pytest.raises(UnknownShape, match=r"^analysis\[0\].body: a JSON object with odd"):
        read_document({**vcon, "analysis": [{"type": "transcript", "body": {"odd": 1}}]})
    texts = [
        {"type": "text", "start": f"2026-03-05T10:00:0{n}Z", "originator": n, "body": body}
        for n, body in enumerate((HELLO, WISH))
    ]
    parties = [{"name": "Jo", "role": "agent"}, {"name": "Al", "role": "customer"}]
    found = with_roles(read_document({**vcon, "parties": parties, "dialog": texts}))
    assert [one.role for one in found.utterances] == [Role.AGENT, Role.CUSTOMER]
    assert [one.start_s for one in found.utterances] == [0, 1]


def test_each_partys_own_transcript_is_read_with_its_party() -> None:
    wtf = {"metadata": {"provider": "x"}, "transcript": {"text": "-"}}
    analysis = [
        {
            "type": "wtf_transcription",
            "dialog": 0,
            "party": party,
            "body": {**wtf, "segments": [{"start": party * 2, "end": party * 2 + 2, "text": text}]},
        }
        for party, text in enumerate((HELLO, WISH))
    ]
    parties = [{"name": "Jo", "role": "agent"}, {"name": "Al", "role": "customer"}]
    dialog = [{"type": "recording", "start": "2026-03-05T10:00:00Z", "parties": [0, 1]}]
    vcon = {"uuid": "u", "parties": parties, "dialog": dialog, "analysis": analysis}
    assert [one.speaker for one in read_document(vcon).utterances] == ["agent", "customer"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((1, 1.0), ("1.2s", 1.2), ("0:01:02.5", 62.5), ("PT1M1.5S", 61.5), ("1,234", 1.234)),
        *(({"seconds": "1", "nanos": 500_000_000}, 1.5), ({}, None), (True, None), ("x", None)),
        *((10**400, None), (float("inf"), None), ("", None), ("P", None), ([1], None)),
    ],
)
def test_seconds(value: Any, expected: float | None) -> None:
    assert seconds(value) == expected


@pytest.mark.parametrize(
    "value",
    [1772704800, 1772704800000, 1772704800000000, "2026-03-05T11:00:00+01:00", "2026-03-05T10:00"],
)
def test_moments(value: Any) -> None:
    assert moment(value) == datetime(2026, 3, 5, 10, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, True, "today", 10**30, [], "0001-01-01T00:00:00+23:00"])
def test_what_is_no_moment(value: Any) -> None:
    assert moment(value) is None

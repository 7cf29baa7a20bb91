"""One call in every shape a vendor writes: each is recognised without its name and gives the same
words, times and speakers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from schemas.events import Role
from streams.importers.transcripts.normal import CallTranscript
from streams.importers.transcripts.reading import SHAPES, read_transcript
from streams.importers.transcripts.roles import with_roles

GOLDEN = Path(__file__).parent / "golden"
WORDS = (
    "Good morning, how can I help?",
    "I would like a test drive on Saturday.",
    "Saturday at ten is free.",
)
TIMES = ((0.5, 2.5), (3.0, 6.0), (6.5, 8.0))
TEN = datetime(2026, 3, 5, 10, tzinfo=UTC)
A, C, U = Role.AGENT, Role.CUSTOMER, Role.UNKNOWN


class Golden(NamedTuple):
    """What a file must give beyond WORDS and TIMES. `speakers`: of the agent and the customer."""

    shape: str
    speakers: tuple[str | None, str | None] = (None, None)
    roles: tuple[Role, Role] = (A, C)
    confidence: float | None = None
    language: str | None = None
    duration_s: float = 8.0
    call_id: str | None = None
    started_at: datetime | None = None
    is_final: bool = True
    revision: int = 0


EXPECTED = {
    "asllr.json": Golden(
        "asllr", ("agent", "customer"), (A, C), 0.9, "en", 8.0, "c-1", TEN, False, 3
    ),
    "assemblyai.json": Golden("assemblyai", ("A", "B"), (A, C), 0.94, "en-us", 9.0),
    "aws-call-analytics.json": Golden(
        "aws-call-analytics", ("AGENT", "CUSTOMER"), (A, C), 0.9, "en-US", 9.0
    ),
    "aws-call-analytics-stream.jsonl": Golden(
        "aws-call-analytics-stream", ("AGENT", "CUSTOMER"), is_final=False, revision=5
    ),
    "aws-transcribe.json": Golden(
        "aws-transcribe", ("spk_0", "spk_1"), confidence=0.99, language="en-US"
    ),
    "aws-transcribe-channels.json": Golden("aws-transcribe", ("ch_0", "ch_1"), confidence=0.99),
    "aws-transcribe-segments.json": Golden("aws-transcribe", ("spk_0", "spk_1")),
    "aws-transcribe-stream.jsonl": Golden(
        "aws-transcribe-stream", ("ch_0", "ch_1"), (A, C), 0.96, "en-US", revision=6
    ),
    "azure-batch.json": Golden("azure-batch", ("1", "2"), (A, C), 0.91, "en-US", 9.0),
    "azure-fast.json": Golden("azure-fast", ("0", "1"), (A, C), 0.9, "en-US", 9.0),
    "columns.csv": Golden("columns", ("Agent", "Customer")),
    "whisper.tsv": Golden("columns", roles=(U, U)),
    "contact-lens.json": Golden(
        "contact-lens", ("AGENT", "CUSTOMER"), (A, C), None, "en-US", 9.0, "contact-7"
    ),
    "contact-lens-stream.jsonl": Golden(
        "contact-lens-stream",
        ("AGENT", "CUSTOMER"),
        language="en-US",
        call_id="contact-7",
        is_final=False,
        revision=5,
    ),
    "deepgram.json": Golden("deepgram", ("0", "1"), (A, C), 0.97, "en", 9.0),
    "deepgram-channels.json": Golden("deepgram", ("0", "1"), (A, C), 0.9, None, 9.0),
    "deepgram-live.jsonl": Golden(
        "deepgram-live", ("0", "1"), (A, C), 0.95, is_final=False, revision=7
    ),
    "funasr-sensevoice.json": Golden("funasr", ("0", "1"), language="en"),
    "genesys.json": Golden(
        "genesys", ("internal", "external"), (A, C), 0.88, "en-us", 9.0, "conv-9", TEN
    ),
    "google-stream.jsonl": Golden("google-stream", (None, None), (U, U), 0.93, "en-us", revision=6),
    "google-v1.json": Golden("google-v1", ("1", "2"), language="en-us"),
    "google-v2.json": Golden("google-v2", ("1", "2"), (A, C), 0.93, "en-us"),
    "google-v2-batch.json": Golden("google-v2-batch", ("1", "2"), (A, C), 0.93, "en-us"),
    "rev.json": Golden("rev", ("0", "1"), confidence=0.8),
    "srt.srt": Golden("srt", ("Agent", "Customer")),
    "turns.json": Golden("turns", ("agent", "customer")),
    "turns-field.json": Golden(
        "turns", ("assistant", "user"), (Role.BOT, C), None, "en", 8.0, "c-1", TEN
    ),
    "vcon.json": Golden(
        "vcon",
        ("Agent", "Customer"),
        (A, C),
        0.9,
        "en-US",
        9.0,
        "01890000-0000-8000-8000-000000000001",
        TEN,
    ),
    "vcon-vendor.json": Golden(
        "vcon",
        ("0", "1"),
        (A, C),
        0.97,
        "en",
        9.0,
        "01890000-0000-8000-8000-000000000002",
        TEN,
    ),
    "webvtt.vtt": Golden("webvtt", ("Agent", "Customer")),
    "whisper.cpp.json": Golden("whisper.cpp", ("0", "1"), language="en"),
    "whisper.json": Golden("whisper", roles=(U, U), confidence=0.8187, language="en", duration_s=9),
    "whisper-stdout.txt": Golden("srt", roles=(U, U)),
    "whisperx.json": Golden("whisperx", ("SPEAKER_00", "SPEAKER_01"), language="en"),
    "wtf.json": Golden("wtf", ("Agent", "Customer"), (A, C), 0.9, "en-US", 9.0),
}
OTHERS = {"funasr.json", "google-insights.json", "lines.txt", "lines-german.txt", "text.json"}


def _read(name: str) -> CallTranscript:
    return with_roles(read_transcript((GOLDEN / name).read_bytes()))


@pytest.mark.parametrize("name", EXPECTED)
def test_a_vendors_file_gives_the_call(name: str) -> None:
    expected, found = EXPECTED[name], _read(name)
    agent, customer = expected.speakers
    assert tuple(one.text for one in found.utterances) == WORDS
    assert tuple((one.start_s, one.end_s) for one in found.utterances) == TIMES
    assert tuple(one.speaker for one in found.utterances) == (agent, customer, agent)
    first, second = expected.roles
    assert tuple(one.role for one in found.utterances) == (first, second, first)
    assert {one.confidence for one in found.utterances} == {expected.confidence}
    seen: Any = Golden(
        found.shape,
        expected.speakers,
        expected.roles,
        expected.confidence,
        found.language,
        found.duration_s,
        found.call_id,
        found.started_at,
        found.is_final,
        found.revision,
    )
    assert seen == expected


def test_every_file_is_expected_and_every_shape_has_one() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == EXPECTED.keys() | OTHERS
    read = {_read(path.name).shape for path in GOLDEN.iterdir()}
    assert {shape.name for shape in SHAPES} | {"webvtt", "srt", "columns", "lines"} == read


def test_chinese_sentences_keep_their_marks() -> None:
    found = _read("funasr.json")
    assert [one.text for one in found.utterances] == [
        "您好，请问有什么可以帮您？",
        "我想周六试驾。",
        "周六十点可以。",
    ]
    assert [one.role for one in found.utterances] == [A, C, A]
    assert tuple((one.start_s, one.end_s) for one in found.utterances) == TIMES


def test_times_since_1970_are_from_the_first_words_on() -> None:
    found = _read("google-insights.json")
    assert found.started_at == datetime(2026, 3, 5, 10, 0, 0, 500_000, tzinfo=UTC)
    assert [one.start_s for one in found.utterances] == [0.0, 2.5, 6.0]
    assert [one.role for one in found.utterances] == [A, C, A]


def test_lines_with_times_have_them_and_lines_without_are_laid_in_a_row() -> None:
    timed, german = _read("lines.txt"), _read("lines-german.txt")
    assert timed.has_times
    assert [one.start_s for one in timed.utterances] == [0.0, 3.0, 6.0]
    assert tuple(one.text for one in timed.utterances) == WORDS
    assert not german.has_times
    assert [one.role for one in german.utterances] == [A, C, A]
    assert german.utterances[1].text == "Ich möchte am Samstag eine Probefahrt machen."
    ends = [one.end_s for one in german.utterances]
    assert [one.start_s for one in german.utterances] == [0.0, *ends[:-1]]


def test_text_alone_is_of_nobody() -> None:
    found = _read("text.json")
    assert [one.text for one in found.utterances] == [" ".join(WORDS)]
    assert [(one.speaker, one.role) for one in found.utterances] == [(None, U)]


def test_what_whisper_invents_on_silence_is_left_out_and_said() -> None:
    (remark,) = (each for each in _read("whisper.json").remarks if "silence" in each.what)
    assert (remark.n, remark.place) == (1, "segments[3]")

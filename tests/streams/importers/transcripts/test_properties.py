"""What holds of every transcript, whatever is put in: a normal form in order, or one error of ours;
the order of keys says nothing; what is written is read again."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import MAX_SEGMENT_CHARS, MAX_SEGMENTS, Role
from streams.importers.transcripts.draft import MAX_CHARS, MAX_S
from streams.importers.transcripts.event import CallOfLead, segments_of_call, transcript_event
from streams.importers.transcripts.normal import CallTranscript, TranscriptError, Utterance
from streams.importers.transcripts.reading import SHAPES, read_document, read_transcript
from streams.importers.transcripts.roles import with_roles
from streams.importers.transcripts.shapes.vcon import to_vcon, to_wtf

GOLDEN = Path(__file__).parent / "golden"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 1e300, -0.02, 10**400, float("nan"), float("inf"), "", "x", "1,5", "PT1S"),
    *([], {}, [[]], [{}], {"text": "hello"}, ["spk_0"], {"seconds": "1"}, 1.0000001, "12:61"),
)
KEYS = sorted(
    {
        part.removesuffix("[]")
        for shape in SHAPES
        for mark in shape.marks
        for path in mark.split("|")
        for part in path.split(".")
    }
    - {"", "*"}
)


def documents() -> list[Any]:
    found = []
    for path in sorted(GOLDEN.iterdir()):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".jsonl":
            found.append([json.loads(line) for line in text.splitlines()])
        elif path.suffix == ".json":
            found.append(json.loads(text))
    return found


DOCUMENTS = documents()


def in_order(found: CallTranscript) -> None:
    """The invariants of the normal form, and that an event can be made of it."""
    assert len(found.utterances) <= MAX_SEGMENTS
    starts = [one.start_s for one in found.utterances]
    assert starts == sorted(starts)
    for one in found.utterances:
        assert 0 <= one.start_s <= one.end_s <= MAX_S
        assert one.confidence is None or 0 <= one.confidence <= 1
        assert 0 < len(one.text) <= MAX_SEGMENT_CHARS
        assert one.text == one.text.strip()
    call = CallOfLead("t", "l", "c", NOW)
    known = with_roles(found)
    assert len(transcript_event(known, call).segments) == len(found.utterances)
    assert all(one.role is not None for one in known.utterances)


def read_or_refused(read: Any, content: Any) -> CallTranscript | None:
    refusal = "one line"
    found = None
    try:
        found = read(content)
    except TranscriptError as error:
        refusal = str(error)
    assert len(refusal.splitlines()) == 1
    if found is None:
        return None
    assert isinstance(found, CallTranscript)
    in_order(found)
    return found


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), inside, max_size=5)
    ),
    max_leaves=25,
)


@settings(max_examples=300)
@given(json_values)
def test_any_json_is_read_or_refused(document: Any) -> None:
    read_or_refused(read_document, document)


@settings(max_examples=300)
@given(st.text(max_size=300) | st.text(alphabet="AB:12\n[]->.,<v> {}\"'W", max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    read_or_refused(read_transcript, text)


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    read_or_refused(read_transcript, content)


def _shuffled(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict):
        names = list(value)
        rng.shuffle(names)
        return {name: _shuffled(value[name], rng) for name in names}
    return [_shuffled(one, rng) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_keys_says_nothing(seed: int) -> None:
    rng = random.Random(seed)
    for document in DOCUMENTS:
        assert read_document(_shuffled(document, rng)) == read_document(document)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of everything inside."""
    pairs: list[tuple[Any, Any]] = []
    keys = value if isinstance(value, dict) else range(len(value))
    for key in list(keys):
        pairs.append((value, key))
        if isinstance(value[key], dict | list):
            pairs += _places(value[key])
    return pairs


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(len(DOCUMENTS)))
def test_damaged_files_of_vendors_are_read_or_refused(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(150):
        document = json.loads(json.dumps(DOCUMENTS[seed]))
        for _ in range(rng.randrange(1, 5)):
            places = _places(document)
            if not places:
                break
            container, key = rng.choice(places)
            if rng.random() < 0.4:
                del container[key]
            else:
                container[key] = deepcopy(rng.choice(ODD))
        read_or_refused(read_document, document)


def test_what_is_optional_may_be_missing() -> None:
    for document in DOCUMENTS:
        full, bare = read_document(document), read_document(_bare(document))
        assert _unsure(bare) == _unsure(full)


def _unsure(found: CallTranscript) -> list[Utterance]:
    return [replace(one, confidence=None) for one in found.utterances]


OPTIONAL = {"confidence", "sha256", "sentiment", "analytics"}
OPTIONAL |= {"model", "params", "usage", "jobName", "accountId", "status", "MatchedCategories"}


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _bare(one)
            for name, one in value.items()
            if name not in OPTIONAL and name.lower() not in OPTIONAL
        }
    return [_bare(one) for one in value] if isinstance(value, list) else value


words = st.text(alphabet="abcdefgh äß'", min_size=30, max_size=80).map(
    lambda text: " ".join(["hello", *text.split()])
)


@st.composite
def transcripts(draw: st.DrawFn) -> CallTranscript:
    labels = draw(st.lists(st.sampled_from(["A", "B", "spk_0", "Kunde"]), min_size=1, max_size=6))
    has_speakers = draw(st.booleans())
    utterances, clock_s = [], 0.0
    for label in labels:
        text = draw(words)
        start_s = round(clock_s + draw(st.floats(0, 3)), 3)
        clock_s = round(start_s + len(text) / 15, 3)
        sure = draw(st.none() | st.floats(0, 1).map(lambda value: round(value, 4)))
        role = draw(st.none() | st.sampled_from(list(Role)))
        who = label if has_speakers else None
        utterances.append(Utterance(who, role, start_s, clock_s, text, sure))
    return CallTranscript(
        shape="lines",
        utterances=tuple(utterances),
        call_id=draw(st.none() | st.just("call-1")),
        started_at=NOW - timedelta(milliseconds=draw(st.integers(0, 10**9))),
        language=draw(st.none() | st.sampled_from(["de", "en-US"])),
        duration_s=clock_s + draw(st.sampled_from([0.0, 2.5])),
        is_final=draw(st.booleans()),
        revision=draw(st.integers(0, 1000)),
    )


@settings(max_examples=100)
@given(transcripts())
def test_wtf_and_vcon_come_back_as_they_were(transcript: CallTranscript) -> None:
    wtf = read_transcript(json.dumps(to_wtf(transcript, NOW)))
    assert wtf == replace(transcript, shape="wtf")
    document = to_vcon(transcript, NOW)
    assert to_vcon(transcript, NOW) == document
    vcon = read_transcript(json.dumps(document))
    call_id = transcript.call_id or document["uuid"]
    assert vcon == replace(transcript, shape="vcon", call_id=call_id)


def test_a_transcript_without_times_comes_back_without_times() -> None:
    plain = read_transcript("Agent: Hello there.\nCustomer: I would like to order.")
    assert not plain.has_times
    again = read_document(to_wtf(plain, NOW))
    assert again == replace(plain, shape="wtf")


def test_more_utterances_than_a_record_holds_are_joined_and_no_word_is_lost() -> None:
    many = [
        {"speaker": "AB"[n // 3 % 2], "text": f"word{n}", "start": n, "end": n + 0.5}
        for n in range(9_000)
    ]
    found = read_document(many)
    assert len(found.utterances) == 3_000
    said = " ".join(one.text for one in found.utterances).split()
    assert said == [f"word{n}" for n in range(9_000)]
    assert any("neighbours joined" in remark.what for remark in found.remarks)
    with pytest.raises(TranscriptError, match=r"9,000 utterances, at most 5,000"):
        read_document([{**one, "speaker": "AB"[n % 2]} for n, one in enumerate(many)])


def test_a_long_utterance_is_cut_between_words() -> None:
    text = "word " * 5_000
    found = read_document([{"speaker": "A", "text": text, "start": 0, "end": 2_000}])
    assert " ".join(one.text for one in found.utterances) == text.strip()
    assert max(len(one.text) for one in found.utterances) <= MAX_SEGMENT_CHARS
    assert found.utterances[-1].end_s == 2_000
    assert len(segments_of_call(found)) == len(found.utterances)
    with pytest.raises(TranscriptError, match=f"at most {MAX_CHARS:,}"):
        read_document([{"speaker": "A", "text": text * 10}])

"""Talk: whole up to its caps, packed and opened again to the same words, never opened in vain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import InteractionLogged, LeadUpserted, Role, TranscriptReady
from scoring.lead.fold import evolve, fold, lift
from scoring.lead.history import history_of
from scoring.lead.state_bytes import from_bytes, from_text, hash_of, state_hash, to_bytes, to_text
from scoring.lead.talk import (
    GAP,
    MAX_CALL_BYTES,
    MAX_PIECES_BYTES,
    MAX_WRITING_BYTES,
    TURN_BYTES,
    Pieces,
    Talk,
    TalkTurn,
    Writing,
    cut_middle,
    cut_turns,
)
from tests.scoring.histories import START, event, histories, segment

LINES = [f"Line {n} of a long talk, about the price and much besides." for n in range(2_000)]


def call(lines: list[str], **fields: object) -> TranscriptReady:
    segments = [segment(text, Role.CUSTOMER, 3.0 * n) for n, text in enumerate(lines)]
    told = {"started_at": START, "call_id": "c", "language": "en", "segments": segments}
    return event(TranscriptReady, **told | fields)


def written(n: int, **fields: object) -> InteractionLogged:
    told = {"id": f"w{n}", "channel": "email", "occurred_at": START + timedelta(minutes=n)}
    return event(InteractionLogged, **told | fields)


def test_all_that_was_said_and_written_is_kept_with_who_and_when() -> None:
    said = call(LINES[:150])
    mail = written(1, direction="inbound", text="Dear all,\nwe  accept.", note="sounded happy")
    state = from_bytes(to_bytes(fold([said, mail])))
    assert [turn.text for turn in state.transcripts[0].turns] == LINES[:150]
    assert state.transcripts[0].turns[2][:2] == ("customer", 6.0)
    assert state.writings[0][2:] == ("email", "inbound", "Dear all, we accept.", "sounded happy")


def test_one_source_and_id_with_two_texts_is_one_writing_the_later_in_any_order() -> None:
    """Later as a number: in milliseconds these two times have 12 digits and 13."""
    draft = written(1, text="draft", occurred_at=datetime(2001, 9, 1, tzinfo=UTC))
    sent = written(1, text="sent", occurred_at=datetime(2001, 9, 10, tzinfo=UTC))
    for order in ([draft, sent], [sent, draft]):
        assert [writing.text for writing in fold(order).writings] == ["sent"]


def test_text_of_blanks_alone_is_none() -> None:
    assert fold([written(1, text=" \n ", note="\t")]).talk is None


def test_of_a_call_beyond_the_cap_the_beginning_and_the_end_are_kept() -> None:
    kept = fold([call(LINES)]).transcripts[0]
    texts = [turn.text for turn in kept.turns]
    assert texts[: kept.gap] == LINES[: kept.gap]
    assert texts[kept.gap :] == LINES[kept.gap - len(texts) :]
    assert 0.9 * MAX_CALL_BYTES < sum(len(t) + TURN_BYTES for t in texts) <= MAX_CALL_BYTES
    assert abs(kept.gap - len(texts) / 2) < len(texts) / 10
    assert (kept.n_segments, kept.n_words) == (2_000, 24_000)


turns = st.lists(
    st.builds(
        TalkTurn,
        st.just("customer"),
        st.just(0.0),
        st.one_of(st.text(max_size=5), st.integers(0, 12_000).map(lambda n: "wörter " * (n // 7))),
    ),
    max_size=2_500,
).map(tuple)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(turns)
def test_any_call_is_within_the_cap_and_marked_where_something_is_missing(
    spoken: tuple[TalkTurn, ...],
) -> None:
    kept, gap = cut_turns(spoken)
    assert sum(len(turn.text.encode()) + TURN_BYTES for turn in kept) <= MAX_CALL_BYTES
    if kept == spoken:
        assert gap == 0
    else:
        assert 0 <= gap <= len(kept)
        assert len(kept) < len(spoken) or any(GAP in turn.text for turn in kept)


@given(st.text(max_size=300), st.integers(40, 200))
def test_a_cut_text_keeps_both_ends_within_the_limit(text: str, limit: int) -> None:
    kept = cut_middle(text, limit)
    assert len(kept.encode()) <= max(limit, 0)
    if len(text.encode()) <= limit:
        assert kept == text
    else:
        head, tail = kept.split(GAP, 1) if GAP in kept else (kept.partition(GAP.strip())[::2])
        assert text.startswith(head.rstrip())
        assert text.rstrip().endswith(tail.strip())


def test_a_long_mail_keeps_its_beginning_and_its_end() -> None:
    text = "Dear all, " + "many words " * 1_500 + "so we accept."
    [kept] = fold([written(1, text=text)]).writings
    assert kept.text
    assert kept.text.startswith("Dear all, many")
    assert kept.text.endswith("so we accept.")
    assert len(kept.text.encode()) <= MAX_WRITING_BYTES


def test_an_event_that_says_nothing_hands_the_talk_on_unopened() -> None:
    """Opening these would raise."""
    line = to_bytes(fold([call(LINES[:50])])).partition(b"\n")[0]
    state = from_bytes(line + b"\ncannot be opened")
    with pytest.raises(ValueError, match="damaged"):
        _ = state.transcripts
    for later in (event(LeadUpserted, id="u", queue="south"), written(1)):
        assert to_bytes(evolve(state, later)).endswith(b"\ncannot be opened")


@settings(deadline=None)
@given(histories())
def test_the_hash_is_that_of_the_words_and_not_of_how_they_were_packed(
    events: list[InteractionLogged],
) -> None:
    state = fold(events)
    data = to_bytes(state)
    assert state_hash(data) == hash_of(state)
    assert from_text(to_text(data)) == data
    line, _, packed = data.partition(b"\n")
    if packed:
        again = line + b"\n" + zstandard.compress(zstandard.decompress(packed), 19)
        assert state_hash(again) == state_hash(data)
        assert from_bytes(again) == state
        assert from_bytes(again).transcripts == state.transcripts


def _bomb() -> bytes:
    return zstandard.compress(b" " * (MAX_PIECES_BYTES + 1), 19)


def _mail(text: str) -> Talk:
    return Talk.of(Pieces(writings=(Writing(0, "s", "email", None, text, None),)))


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"junk",
        zstandard.compress(b"{}"),
        zstandard.compress(b"[]"),
        _bomb(),
        _mail("Ho").packed,
    ],
    ids=["nothing", "junk", "other pieces", "no pieces", "too large", "other words"],
)
def test_damaged_talk_is_refused_when_it_is_opened(packed: bytes) -> None:
    digest = _mail("Hi").digest
    with pytest.raises(ValueError, match="a lead's talk is damaged"):
        _ = Talk.from_packed(digest, packed).pieces


def test_no_state_can_pack_more_than_is_opened() -> None:
    """Quotes are escaped, and four-byte characters are not fewer bytes."""
    worst = [call(['"' * 10_000] * 9, call_id=f"c{n}", id=f"c{n}") for n in range(6)] + [
        written(n, text="\\" * 20_000, note='"' * 4_000) for n in range(24)
    ]
    talk = from_bytes(to_bytes(fold(worst))).talk
    assert talk is not None
    assert len(talk.pieces.transcripts) == 6
    assert len(talk.pieces.writings) == 24
    assert len(zstandard.decompress(talk.packed)) < MAX_PIECES_BYTES / 2


def test_what_was_said_is_not_in_what_a_log_would_show() -> None:
    state = fold([call(["my number is 5550199"]), written(1, note="owes money")])
    assert "5550199" not in repr(state)
    assert "money" not in repr(state)


def test_lifting_costs_no_summary_and_reading_gives_one() -> None:
    state = lift(call(LINES[:150]))
    [seen] = history_of(state).calls
    assert 0 < len(seen.statements) < 150 == len(state.transcripts[0].turns)

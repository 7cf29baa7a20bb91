"""The demo's tokenizer: nothing is unknown, markers are single tokens, text cannot forge bytes."""

from __future__ import annotations

from scoring.prompt.prompt import MARKER
from training.demo.tokenizer import EOS, MARKER_OPENS, PAD, token_id, train_tokenizer

TEXTS = ["customer: the price is fine\n", "agent: is the price all right\n"] * 20


def test_any_text_survives_a_round_trip() -> None:
    tokenizer = train_tokenizer(TEXTS, 400)
    for text in ("the price", "Größe 好 \U0001f697", "tab\there", "<0x41>", " x  y "):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_padding_is_not_the_end_of_a_turn() -> None:
    tokenizer = train_tokenizer(TEXTS, 400)
    assert len({token_id(tokenizer, token) for token in (PAD, EOS, MARKER_OPENS)}) == 3


def test_text_that_spells_a_byte_token_is_text() -> None:
    tokenizer = train_tokenizer(TEXTS, 400)
    spelled = tokenizer.encode("<0x41>", add_special_tokens=False).tokens
    assert "<0x41>" not in spelled


def test_a_line_break_is_always_a_token_of_its_own() -> None:
    """What allows a prompt's parts to be encoded apart."""
    tokenizer = train_tokenizer(TEXTS, 400)
    whole = tokenizer.encode(f"the price\n{MARKER}", add_special_tokens=False).ids
    parts = [
        tokenizer.encode(part, add_special_tokens=False).ids for part in ("the price\n", MARKER)
    ]
    assert whole == parts[0] + parts[1]


def test_the_same_texts_give_the_same_tokenizer() -> None:
    assert train_tokenizer(TEXTS, 400).to_str() == train_tokenizer(TEXTS, 400).to_str()

"""Words for won and lost: as CRMs and people write them, those of a mapping, and those that nobody
knows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.events import LeadClosed, StageChanged
from streams.importers.outcomes import ImportFault
from streams.importers.tables.exports import Exports, read_exports
from streams.importers.tables.fields import NOTHING_READ
from streams.importers.tables.words.outcome_words import Fate, OutcomeWords, unread_words, word_of

NOW = datetime(2026, 12, 1, tzinfo=UTC)
WON = ("closedwon", "Closed - Converted", "Won - renewal", "CLOSED_WON", "6 - Closed Won",
       "ClosedWon", "won (upsell)", "Gewonnen", "Deal won 🎉",
       "100% - Won", "ganado", "Gagné", "vinto", "1",
       1, 1.0, True, "yes",
       "Ja", "WAHR", "Converted", "Closed Won: expansion", " won ",
       "Verkauft", "oui", "sí")  # fmt: skip
LOST = ("closedlost", "Closed - Not Converted", "Lost to competitor", "CLOSED_LOST", "Verloren",
        "Not converted", "Closed Lost - price", "perdu", "0", 0, 0.0, False, "no", "Nein",
        "Disqualified", "abgelehnt", "storniert", "Not won")  # fmt: skip
OPEN = ("Negotiation", "Open - Not Contacted", "In Bearbeitung", "qualified", "new", "Proposal")
UNKNOWN = ("won/lost pending", "won?t say", "almost won", "soon to be won", "Zusage",
           "win rate 80%", "", "Wonderland", "lost and found", "not yet",
           "10", "wonky - lost")  # fmt: skip


@pytest.mark.parametrize(
    ("fate", "words"),
    [(Fate.WON, WON), (Fate.LOST, LOST), (Fate.OPEN, OPEN), (None, UNKNOWN)],
)
def test_a_word_has_the_fate_that_it_says(fate: Fate | None, words: tuple[object, ...]) -> None:
    assert {word: OutcomeWords().fate_of(word) for word in words} == dict.fromkeys(words, fate)


def test_case_blanks_hyphens_and_accents_do_not_count() -> None:
    spelt = ("Closed Won", "closed-won", "CLOSED_WON", "ClosedWon", " closed  won ", "clôsed wön")
    assert {word_of(each) for each in spelt} == {"closedwon"}


def test_the_words_of_a_mapping_come_first() -> None:
    words = OutcomeWords(won=("Ab-gelehnt!",), lost=("CLOSED WON",))
    assert words.fate_of("abgelehnt") is Fate.WON
    assert words.fate_of("closed won") is Fate.LOST


def test_up_to_a_tenth_of_the_closed_rows_may_be_of_unknown_words() -> None:
    words = OutcomeWords()
    assert unread_words(["won"] * 9 + ["Zusage"], words) is None
    doubt = unread_words(["won"] * 8 + ["Zusage"], words)
    assert doubt is not None
    assert "'Zusage' (1)" in doubt
    # Open rows are not closed: they make no room for unread ones.
    assert unread_words(["won"] * 8 + ["new"] * 50 + ["Zusage"], words) is not None


def _exports(folder: Path, words: list[str], mapping: str | None = None) -> Exports:
    leads, outcomes, path = folder / "leads.csv", folder / "orders.csv", folder / "mapping.json"
    rows = [f"{n},2026-03-01\n" for n in range(len(words))]
    leads.write_text("lead_id,created_at\n" + "".join(rows), encoding="utf-8")
    lines = [f"{n},2026-05-01,{word}\n" for n, word in enumerate(words)]
    outcomes.write_text("lead_id,close_date,stage\n" + "".join(lines), encoding="utf-8")
    if mapping is not None:
        path.write_text(mapping, encoding="utf-8")
    return read_exports({"leads": leads, "outcomes": outcomes}, path, NOTHING_READ, NOW)


def test_unread_words_are_a_doubt_that_a_mapping_settles(tmp_path: Path) -> None:
    words = ["Zusage"] * 6 + ["Absage"] * 3 + ["wartet"] + ["Won"] * 2
    with pytest.raises(ImportFault, match=r"'Zusage' \(6\), 'Absage' \(3\), 'wartet' \(1\)"):
        _exports(tmp_path, words)
    draft = (tmp_path / "mapping.json").read_text(encoding="utf-8")
    assert '"won": []' in draft
    with pytest.raises(ImportFault, match="'Zusage'"):
        _exports(tmp_path, words)  # the draft as it is settles nothing
    settled = draft.replace('"won": []', '"won": ["ZUSAGE"]').replace(
        '"lost": []', '"lost": ["ab-sage"]'
    )
    exports = _exports(tmp_path, words, settled)
    kinds = [type(event) for event in exports.read.events]
    assert (kinds.count(StageChanged), kinds.count(LeadClosed)) == (8, 3)
    assert any("'wartet': taken for still open" in said for said in exports.read.skipped)


def test_an_empty_outcome_is_no_win(tmp_path: Path) -> None:
    exports = _exports(tmp_path, ["Won"] * 30 + ["", "NULL"])
    assert exports.read.n_orders == 30


def test_a_mapping_may_say_what_an_empty_outcome_means(tmp_path: Path) -> None:
    mapping = (
        '{"leads": {"columns": {"lead": "lead_id", "created_at": "created_at"}}, "outcomes": '
        '{"columns": {"lead": "lead_id", "ordered_at": "close_date", "outcome": "stage"}}, '
        '"won": ["(empty)"]}'
    )
    with pytest.raises(ImportFault, match=r"'\(empty\)' \(3\)"):
        _exports(tmp_path, ["lost", "", "", ""])
    (tmp_path / "mapping.json").unlink()
    assert _exports(tmp_path, ["lost", "", "", ""], mapping).read.n_orders == 3


def test_a_column_without_any_outcome_says_nothing(tmp_path: Path) -> None:
    assert _exports(tmp_path, [""] * 4).read.n_orders == 4


@pytest.mark.parametrize(
    ("word", "fate"),
    [
        *(("Geschlossen und gewonnen", Fate.WON), ("Abgeschlossen und verloren", Fate.LOST)),
        *(("Closed Lost to Competition", Fate.LOST), ("Initial Offer", Fate.OPEN)),
        *(("Präsentation geplant", Fate.OPEN), ("Id. Decision Makers", Fate.OPEN)),
        *(("Angebot gemacht", Fate.OPEN), ("Umgewandelt", Fate.WON), ("won and lost", None)),
    ],
)
def test_the_stages_of_real_crms_are_known(word: str, fate: Fate | None) -> None:
    assert OutcomeWords().fate_of(word) is fate

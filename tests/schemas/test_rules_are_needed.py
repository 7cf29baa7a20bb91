"""Each kindness of the live door switched off in turn: a test of this folder must notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.mutants import Mutant, assert_noticed, assert_unmutated_pass

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ENVELOPE, MENDING, VALUES, CHECK, IDS, LETTER = (
    f"schemas/{name}.py"
    for name in ("envelope", "mending", "mended_values", "record_check", "ids", "dead_letter")
)
NAMES = ("test_spellings", "test_mending", "test_ids", "test_bad_input")
NOTICING = [*(f"tests/schemas/{name}.py" for name in NAMES), "-m", "not slow"]

RULES = (
    Mutant(
        "quotes are taken off",
        ENVELOPE,
        "_unquoted(content) if content[:1]",
        "content if content[:1]",
    ),
    Mutant(
        "data and data_base64 are refused",
        ENVELOPE,
        'if cloudevent.get("data") is not None:',
        "if False:",
    ),
    Mutant("base64 is base64", ENVELOPE, ", validate=True", ""),
    Mutant("a lost content type is noticed", ENVELOPE, ' and "specversion" in body', " and False"),
    Mutant("an end is not before its start", MENDING, "if end_s < start_s:", "if False:"),
    Mutant(
        "long calls keep both ends",
        MENDING,
        "numbered[:half] + numbered[-half:]",
        "numbered[:MAX_SEGMENTS]",
    ),
    Mutant("a mended event says so", MENDING, 'mended["mended"] = True', "pass"),
    Mutant("notes are bounded", VALUES, "if len(self.first) < MAX_NOTES:", "if True:"),
    Mutant("a withdrawn consent is read", VALUES, '("false", "no", "n", "0")', '("false",)'),
    Mutant(
        "names are composed",
        IDS,
        'unicodedata.normalize("NFC", _seen(_decoded(name)))',
        "_seen(_decoded(name))",
    ),
    Mutant("unseen characters are refused", IDS, "if _unseen(plain):", "if False:"),
    Mutant("a key is the name", IDS, "part if i % 2 else _decoded(part)", "part"),
    Mutant("the key is compared", CHECK, "if record.key != expected:", "if False:"),
    Mutant(
        "a letter that warns is not sent again", LETTER, "if letter.reason == MENDED:", "if False:"
    ),
)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_without_it_a_test_fails(rule: Mutant, tmp_path: Path) -> None:
    assert_noticed(rule, tmp_path, NOTICING)


def test_with_all_rules_they_pass(tmp_path: Path) -> None:
    assert_unmutated_pass(tmp_path, NOTICING)

"""A domain that cannot be used is refused with one sentence: the place, as its author calls it, and
the fix."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from scoring.domain.mistakes import sentence_of
from scoring.domain.model import Domain
from scoring.domain.reading import PACKS

RAW: dict[str, Any] = tomllib.loads((PACKS / "auto.toml").read_text(encoding="utf-8"))

Change = Callable[[dict[str, Any]], object]


def _feature(raw: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in raw["features"] if one["name"] == name)


def _age(raw: dict[str, Any]) -> dict[str, Any]:
    return _feature(raw, "age_band")


def _web(raw: dict[str, Any]) -> dict[str, Any]:
    return _feature(raw, "web_7d")


def _phrases(raw: dict[str, Any]) -> dict[str, Any]:
    return raw["topics"][0]["phrases"]


def _sentence(change: Change) -> str:
    raw = copy.deepcopy(RAW)
    change(raw)
    with pytest.raises(ValidationError) as refused:
        Domain.model_validate(raw)
    return sentence_of(refused.value, raw)


ONE_LINE = "it must be one line of 1 to 200 characters without < > | #, which lay out the prompt"
PHRASE_RULE = (
    "it must be words of 1 to 60 characters that begin with a letter or digit (or # for a number); "
    "one * may stand at the end, for any ending"
)
KEYS = "name, languages, instruction, question, horizon_days, stages, channels, ages"
PAIR = 'must be a pair [number, "word"], not'
VALUE = 'must be text, or a pair ["value", "word"], not'

OF_FEATURES: dict[str, tuple[Change, str]] = {
    "unknown source": (
        lambda raw: _age(raw)["source"].update(of="weather"),
        'source of feature age_band is of "weather", which is unknown; there are profile, stage, '
        "count, minutes, stage_entered, first_contact, last_contact, last",
    ),
    "mistyped source": (
        lambda raw: _age(raw)["source"].update(of="profil"),
        'source of feature age_band is of "profil", which is unknown; did you mean profile?',
    ),
    "source of nothing": (
        lambda raw: _age(raw)["source"].pop("of"),
        'source of feature age_band does not say of what; add of = "profile", "stage", "count", '
        '"minutes", "stage_entered", "first_contact", "last_contact" or "last"',
    ),
    "source without its field": (
        lambda raw: _age(raw)["source"].pop("field"),
        'source of feature age_band has no field; add field = "company_size"',
    ),
    "source as text": (
        lambda raw: _age(raw).update(source="profile"),
        'source of feature age_band is "profile"; it must be a table of keys',
    ),
    "mistyped key in a source": (
        lambda raw: _web(raw)["source"].update(window_day=7),
        'source of feature web_7d has no key "window_day"; did you mean window_days?',
    ),
    "kind that does not go with its source": (
        lambda raw: _web(raw).update(kind="flag"),
        "feature web_7d is a flag of count; a flag is of profile: change kind or source",
    ),
    "two features of one name": (
        lambda raw: _web(raw).update(name="app_7d"),
        "feature app_7d stands twice; remove or rename one",
    ),
    "odd name": (
        lambda raw: _web(raw).update(name="Größe"),
        'name of feature Größe is "Größe"; it must begin with a small letter, then small letters, '
        "digits and _, 64 at most",
    ),
    "without a name": (
        lambda raw: raw["features"][15].pop("name"),
        'feature number 16 has no name; add name = "web_7d"',
    ),
    "channel that is not declared": (
        lambda raw: _web(raw)["source"].update(channels=["webb"]),
        "feature web_7d counts channel webb, which is not among the channels; add it there or mend "
        "the name",
    ),
    "filter that nothing reads": (
        lambda raw: _feature(raw, "days_in_stage")["source"].update(channels=["call"]),
        "feature days_in_stage is an age of stage_entered, which is of all contacts; say of = "
        '"last", or remove channels, direction and unanswered',
    ),
    "bins out of order": (
        lambda raw: _web(raw)["bins"].append([2, "few"]),
        "bins of feature web_7d are out of order: 2 comes after 8; sort them",
    ),
    "bins that begin above 0": (
        lambda raw: _web(raw)["bins"].pop(0),
        "bins of feature web_7d do not begin at 0; put one there",
    ),
    "bin of text": (
        lambda raw: _web(raw)["bins"].append(["many", "many"]),
        f'bin 5 of feature web_7d {PAIR} ["many", "many"]',
    ),
    "bin without a word": (
        lambda raw: _web(raw)["bins"].append([9]),
        f"bin 5 of feature web_7d {PAIR} [9]",
    ),
    "bin with a mark of the prompt": (
        lambda raw: _web(raw)["bins"].append([9, "#9"]),
        f'bin 5 of feature web_7d is "#9"; {ONE_LINE}',
    ),
    "bins of an age": (
        lambda raw: _feature(raw, "days_in_stage").update(bins=[[0, "none"]]),
        "feature days_in_stage has bins, which only a number has; remove them, or say kind = "
        '"number" (an age has the domain\'s ages)',
    ),
    "huge bound": (
        lambda raw: _web(raw)["bins"].append([10**400, "many"]),
        "bin 5 of feature web_7d is a huge number; it must be at most 1,000,000,000",
    ),
    "huge window": (
        lambda raw: _web(raw)["source"].update(window_days=10**400),
        "window_days in the source of feature web_7d is a huge number; it must be at most 3,650",
    ),
    "window as text": (
        lambda raw: _web(raw)["source"].update(window_days="7"),
        'window_days in the source of feature web_7d is "7"; it must be a whole number',
    ),
    "direction in other words": (
        lambda raw: _web(raw)["source"].update(direction="in"),
        "direction in the source of feature web_7d is \"in\"; it must be 'inbound' or 'outbound'",
    ),
    "two values of one category": (
        lambda raw: _age(raw)["values"].append(["forties", "about 45"]),
        'value "forties" of feature age_band stands twice; remove one of the two',
    ),
    "value that is never found": (
        lambda raw: _age(raw)["values"].append("Seventies"),
        'value "Seventies" of feature age_band would never be found, since profile fields are read '
        'in lower case; write "seventies"',
    ),
    "value of three": (
        lambda raw: _age(raw)["values"].append(["a", "b", "c"]),
        f'value 6 of feature age_band {VALUE} ["a", "b", "c"]',
    ),
    "word of a value with a mark of the prompt": (
        lambda raw: _age(raw)["values"].append(["a", "<a>"]),
        f'value 6 of feature age_band is "<a>"; {ONE_LINE}',
    ),
    "category of 10,000 values": (
        lambda raw: _age(raw).update(values=[str(i) for i in range(10_000)]),
        "values of feature age_band has 10,000 entries, at most 64; group the rare ones, since any "
        'value that is not listed reads "other"',
    ),
    "category without values": (
        lambda raw: _age(raw).pop("values"),
        "feature age_band is a category without values; list them",
    ),
}

OF_THE_REST: dict[str, tuple[Change, str]] = {
    "no question": (
        lambda raw: raw.pop("question"),
        "the domain has no question; add question = "
        '"Will this customer order within {horizon_days} days?"',
    ),
    "empty question": (lambda raw: raw.update(question=""), f'question is ""; {ONE_LINE}'),
    "question of spaces": (
        lambda raw: raw.update(question="  "),
        'question is "  ", with something that nobody sees; type it anew',
    ),
    "question with the prompt's marker": (
        lambda raw: raw.update(question="<|im_start|>"),
        f'question is "<|im_start|>"; {ONE_LINE}',
    ),
    "question with a heading": (
        lambda raw: raw.update(question="# Order?"),
        f'question is "# Order?"; {ONE_LINE}',
    ),
    "question with another placeholder": (
        lambda raw: raw.update(question="Within {days} days?"),
        "question holds { or }, which only {horizon_days} may; write it so, or leave it out",
    ),
    "mistyped key": (
        lambda raw: raw.update(quesion=raw.pop("question")),
        'the domain has no key "quesion"; did you mean question?',
    ),
    "key that does not exist": (
        lambda raw: raw.update({"col\x07our\n": 1}),
        f'the domain has no key "col\\x07our\\n"; there are {KEYS}, features, topics, own_fields',
    ),
    "horizon as text": (
        lambda raw: raw.update(horizon_days="14"),
        'horizon_days is "14"; it must be a whole number',
    ),
    "horizon of true": (
        lambda raw: raw.update(horizon_days=True),
        "horizon_days is true; it must be a whole number",
    ),
    "horizon of 0": (
        lambda raw: raw.update(horizon_days=0),
        "horizon_days is 0; it must be at least 1",
    ),
    "age without a word": (
        lambda raw: raw.update(ages=[[0, "today"], [2]]),
        f"age 2 {PAIR} [2]",
    ),
    "stage twice": (
        lambda raw: raw["stages"].append({"name": "quote"}),
        "stage quote stands twice; remove or rename one",
    ),
    "stage both won and lost": (
        lambda raw: raw["stages"].append({"name": "order", "ends": "lost"}),
        "stage order is both won and lost; remove one of the two",
    ),
    "stage that ends in two ways": (
        lambda raw: raw["stages"][0].update(ends=["won", "lost"]),
        "ends of stage new is [\"won\", \"lost\"]; it must be 'won' or 'lost'",
    ),
    "stage with spaces": (
        lambda raw: raw["stages"].append({"name": "test drive"}),
        'name of stage test drive is "test drive"; it must hold 1 to 64 letters, digits and '
        ". _ : - only, as events send it",
    ),
    "stage as text": (
        lambda raw: raw["stages"].append("sold"),
        'stage number 8 is "sold"; it must be a table of keys',
    ),
    "stages as text": (
        lambda raw: raw.update(stages="sold"),
        'stages is "sold"; it must be a list in [ ]',
    ),
    "topic twice": (
        lambda raw: raw["topics"][0].update(name="test drive"),
        "topic test drive stands twice; remove or rename one",
    ),
    "empty phrase": (
        lambda raw: _phrases(raw)["en"].append(""),
        f'phrase 14 in en of topic price is ""; {PHRASE_RULE}',
    ),
    "phrase of spaces": (
        lambda raw: _phrases(raw)["en"].append("   "),
        f'phrase 14 in en of topic price is "   "; {PHRASE_RULE}',
    ),
    "phrase of a star": (
        lambda raw: _phrases(raw)["en"].append("*"),
        f'phrase 14 in en of topic price is "*"; {PHRASE_RULE}',
    ),
    "phrase with a control character": (
        lambda raw: _phrases(raw)["en"].append("a\x07b"),
        f'phrase 14 in en of topic price is "a\\x07b"; {PHRASE_RULE}',
    ),
    "phrase with an unseen character": (
        lambda raw: _phrases(raw)["en"].append("a\u202eb"),
        'phrase 14 in en of topic price is "a\\u202eb", with something that nobody sees; type it '
        "anew",
    ),
    "phrase in upper case": (
        lambda raw: _phrases(raw)["en"].append("Price"),
        'phrase 14 in en of topic price is "Price", and texts are read in lower case; write it so',
    ),
    "phrase that ends in no word": (
        lambda raw: _phrases(raw)["en"].append("how much?"),
        'phrase 14 in en of topic price is "how much?", and no word ends like that; put * at its '
        "end",
    ),
    "thousands of phrases": (
        lambda raw: _phrases(raw).update(en=[f"word{i}" for i in range(3_000)]),
        "phrases in en of topic price has 3,000 entries, at most 2,000; keep those that decide a "
        "sale",
    ),
    "thousands of phrases over the topics": (
        lambda raw: [
            topic["phrases"].update(en=[f"word{i}" for i in range(1_500)])
            for topic in raw["topics"]
        ],
        "the topics have 13,616 phrases in all, at most 10,000; keep those that decide a sale",
    ),
    "language in full": (
        lambda raw: _phrases(raw).update(english=["price"]),
        'language of the phrases of topic price is "english"; it must be a language\'s two or '
        "three small letters, such as en",
    ),
    "language that is not among the languages": (
        lambda raw: _phrases(raw).update(fr=["prix"]),
        "topic price has phrases in fr, which is not among the languages; add it there or remove "
        "them",
    ),
}
CASES = OF_FEATURES | OF_THE_REST


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_said_with_its_place_and_its_fix(case: str) -> None:
    change, sentence = CASES[case]
    found = _sentence(change)
    assert found == sentence
    assert len(found.splitlines()) == 1
    assert found.isprintable()

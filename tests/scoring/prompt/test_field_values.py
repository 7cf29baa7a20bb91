"""A field that is named like a feature's and holds other values is seen, counted and told."""

from __future__ import annotations

import pytest

from scoring.lead.state import Value
from scoring.prompt.declaration import OTHER, Feature, Kind, words
from scoring.prompt.field_values import features_by_field, unknown_values
from scoring.prompt.rendering import first_rendering
from scoring.prompt.sources import ProfileNumber

FEATURES = first_rendering().features
BY_FIELD = features_by_field(FEATURES)
SEATS = Feature(
    "seats", BY_FIELD["region"].section, "", Kind.NUMBER, "seats", ((0, "few"),), ProfileNumber("s")
)


@pytest.mark.parametrize("field", BY_FIELD)
def test_what_a_feature_declares_it_knows(field: str) -> None:
    feature = BY_FIELD[field]
    declared: list[Value] = [str(value) for value, _ in feature.bins] or [True, False]
    assert unknown_values(feature, [*declared, None, None]) is None
    assert unknown_values(feature, [*declared, "Something else"]) is not None


def test_values_are_known_as_the_feature_reads_them() -> None:
    """Trimmed and in lower case; and who sends "other" means it."""
    assert unknown_values(BY_FIELD["region"], [" North ", "SOUTH", OTHER]) is None


def test_a_sentence_has_the_counts_the_commonest_values_and_what_is_known() -> None:
    values = ["Landing page"] * 9_000 + ["Google"] * 204 + ["website"] * 36
    found = unknown_values(BY_FIELD["lead_source"], values)
    assert found is not None
    assert found.is_own
    assert found.sentence == (
        "9,204 of 9,240 values ('Landing page', 'Google') are not what the feature of this name "
        "knows (website, walk_in, referral and 3 more); so it is a field of your own"
    )


@pytest.mark.parametrize(("n_unknown", "is_own"), [(50, False), (51, True)])
def test_it_is_the_users_own_where_most_values_are_unknown(n_unknown: int, is_own: bool) -> None:
    values = ["Google"] * n_unknown + ["website"] * (100 - n_unknown)
    found = unknown_values(BY_FIELD["lead_source"], values)
    assert found is not None
    assert found.is_own is is_own
    assert ('they read "other"' in found.sentence) is not is_own


def test_one_in_a_hundred_is_told_and_one_in_a_thousand_is_not() -> None:
    feature = BY_FIELD["lead_source"]
    assert unknown_values(feature, ["Google"] + ["website"] * 99) is not None
    assert unknown_values(feature, ["Google"] + ["website"] * 999) is None


def test_flags_and_numbers_of_another_kind_are_counted_too() -> None:
    flag = unknown_values(BY_FIELD["financing"], ["ja", "nein", True, 1.0])
    assert flag is not None
    assert (flag.n_unknown, flag.n_values, flag.known) == (3, 4, "true and false")
    number = unknown_values(SEATS, ["about 20", "20", 20.0, -1.0])
    assert number is not None
    assert (number.n_unknown, number.known) == (2, "numbers from 0")


def test_an_unknown_value_is_what_the_prompt_calls_other() -> None:
    feature = BY_FIELD["lead_source"]
    assert words(feature, "google") == OTHER
    with pytest.raises(ValueError, match="reads no single field"):
        unknown_values(next(one for one in FEATURES if one.name == "days_in_stage"), ["new"])

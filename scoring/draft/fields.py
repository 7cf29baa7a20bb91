"""Whether a profile field becomes a feature of a draft, of which kind, and why it does not."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from schemas.field_names import field_id
from scoring.domain.model import DeclaredFeature, Line, ProfileField, Section
from scoring.draft.survey import FieldValues

MIN_VALUES = 5
"""A value that was told less often is not listed: it would name a person sooner than a kind."""
MAX_VALUES = 24
MAX_VALUE_CHARS = 40
MIN_SHARE = 0.5
"""The listed values of a category are at least this share of all."""
MAX_WORDING = 40
MAX_BOUND = 1_000_000_000
BIN_WORDS = {
    2: ("low", "high"),
    3: ("low", "mid", "high"),
    4: ("lowest", "lower", "higher", "highest"),
}
NONE = "none"

_line: TypeAdapter[str] = TypeAdapter(Line)


@dataclass(frozen=True, slots=True)
class FieldDraft:
    """`feature` is None where the field is left out. `remark`: what was found, or why it is left
    out; one line."""

    name: str
    n: int
    feature: DeclaredFeature | None
    remark: str


def draft_field(name: str, found: FieldValues) -> FieldDraft:
    """A feature of what was found of a field, where it can be one."""
    try:
        feature, remark = _feature(name, found)
    except _Unsuited as why:
        return FieldDraft(name, found.n, None, str(why))
    return FieldDraft(name, found.n, feature, remark)


class _Unsuited(Exception):
    """A field that a draft leaves out; the message says why."""


def _feature(name: str, found: FieldValues) -> tuple[DeclaredFeature, str]:
    n_numbers = found.numbers.n
    if found.n < MIN_VALUES:
        raise _Unsuited(f"only {found.n:,} values")
    if found.n_flags == found.n:
        return _declared(name, "flag"), f"{found.n:,} values, true or false"
    if n_numbers == found.n:
        bins = _bins(found.numbers.values, found.numbers.least, found.numbers.most)
        span = f"from {_number(found.numbers.least)} to {_number(found.numbers.most)}"
        return _declared(name, "number", bins=bins), f"{found.n:,} values {span}"
    if found.n_texts == found.n:
        return _category(name, found)
    raise _Unsuited(
        f"{found.n_texts:,} texts, {found.n_flags:,} flags and "
        f"{n_numbers - found.n_number_texts:,} numbers: send one kind"
    )


def _category(name: str, found: FieldValues) -> tuple[DeclaredFeature, str]:
    common = [text for text, n in _by_number(found.texts) if n >= MIN_VALUES and _is_listable(text)]
    listed = common[:MAX_VALUES]
    n_listed = sum(found.texts[text] for text in listed)
    if n_listed < MIN_SHARE * found.n:
        least = "more than " if found.n_other_texts else ""
        raise _Unsuited(
            f"{least}{len(found.texts):,} different texts in {found.n:,}: names, ids or free text"
        )
    if len(found.texts) == 1:
        raise _Unsuited(f"always {_quoted(listed[0])}")
    remark = f"{found.n:,} values"
    if n_rare := found.n - n_listed:
        at_least = "at least " if found.n_other_texts else ""
        n_others = f"{at_least}{len(found.texts) - len(listed):,}"
        remark += f', {n_rare:,} of them ({n_others} other texts) read "other"'
    return _declared(name, "category", values=tuple(listed)), remark


def _by_number(texts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(texts.items(), key=lambda item: (-item[1], item[0]))


def _is_listable(text: str) -> bool:
    """Whether a domain may list it: a line without the marks of the prompt, and short."""
    if len(text) > MAX_VALUE_CHARS or text != text.strip().lower():
        return False
    try:
        _line.validate_python(text)
    except ValidationError:
        return False
    return True


def _bins(sample: Sequence[float], least: float, most: float) -> tuple[tuple[int, str], ...]:
    """Bins that begin at the quarters of the sample; where many are 0, at those of the others."""
    if least < 0:
        raise _Unsuited(f"numbers from {_number(least)}, and a bin begins at 0 or above")
    if least == most:
        raise _Unsuited(f"always {_number(least)}")
    many_zeros = sample.count(0.0) * 4 >= len(sample)
    bounds = quarters([value for value in sample if value] if many_zeros else sample)
    if many_zeros:
        bounds = sorted({1, *bounds})
        return ((0, NONE), *zip(bounds, BIN_WORDS.get(len(bounds), ("some",)), strict=True))
    if not bounds:
        span = f"{_number(least)} to {_number(most)}"
        raise _Unsuited(f"numbers from {span}, and bins begin at whole numbers")
    return tuple(zip((0, *bounds), BIN_WORDS[len(bounds) + 1], strict=True))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value.is_integer() else f"{value:,.2f}"


def quarters(values: Sequence[float]) -> list[int]:
    """The distinct whole numbers above 0 at which the second, third and fourth quarter of `values`
    begin."""
    if not values:
        return []
    ordered = sorted(values)
    cuts = {math.ceil(ordered[len(ordered) * part // 4]) for part in (1, 2, 3)}
    least = math.ceil(ordered[0])
    return sorted(cut for cut in cuts if 0 < cut <= MAX_BOUND and cut > least)


def _declared(name: str, kind: str, **said: object) -> DeclaredFeature:
    return DeclaredFeature.model_validate(
        {
            "name": field_id(name),
            "section": Section.PROFILE,
            "meaning": _shown(name),
            "kind": kind,
            "wording": _shown(name)[:MAX_WORDING].strip(),
            "source": ProfileField(of="profile", field=name),
            **said,
        }
    )


def _shown(name: str) -> str:
    """A field's name as a label of the prompt: without the marks of its layout."""
    words = "".join(" " if one in "<>|#_" or not one.isprintable() else one for one in name)
    return " ".join(words.split()) or field_id(name)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)

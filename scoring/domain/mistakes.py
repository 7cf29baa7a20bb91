"""What is wrong with a domain, in one sentence: the place as its author calls it, and the fix.

pydantic finds the mistake and says where in numbers and types; an author knows names of features
and keys of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from schemas.field_names import FIELD_NAME_PATTERN
from scoring.domain.model import (
    DOMAIN_NAME_PATTERN,
    LANGUAGE_PATTERN,
    LINE_PATTERN,
    NAME_PATTERN,
    PHRASE_PATTERN,
    WORD_PATTERN,
    AgeOf,
    ContactChannel,
    ContactCount,
    CurrentStageWord,
    DeclaredFeature,
    Domain,
    DomainTopic,
    FunnelStage,
    Part,
    ProfileField,
)

PathStep = str | int
MAX_SHOWN = 40
"""Characters of the author's text that a sentence repeats."""

PARTS: dict[str, tuple[str, type[Part]]] = {
    "stages": ("stage", FunnelStage),
    "channels": ("channel", ContactChannel),
    "features": ("feature", DeclaredFeature),
    "topics": ("topic", DomainTopic),
}
SOURCES: dict[str, type[Part]] = {
    "profile": ProfileField,
    "stage": CurrentStageWord,
    "count": ContactCount,
    "minutes": ContactCount,
    "stage_entered": AgeOf,
    "first_contact": AgeOf,
    "last_contact": AgeOf,
    "last": AgeOf,
}
RULES = {
    NAME_PATTERN: "begin with a small letter, then small letters, digits and _, 64 at most",
    DOMAIN_NAME_PATTERN: "begin with a small letter, then small letters, digits and -, 64 at most",
    WORD_PATTERN: "hold 1 to 64 letters, digits and . _ : - only, as events send it",
    LINE_PATTERN: "be one line of 1 to 200 characters without < > | #, which lay out the prompt",
    FIELD_NAME_PATTERN: "be one line of 1 to 64 characters, the first and the last not blank",
    LANGUAGE_PATTERN: "be a language's two or three small letters, such as en",
    PHRASE_PATTERN: "be words of 1 to 60 characters that begin with a letter or digit (or # for a "
    "number); one * may stand at the end, for any ending",
}
EXAMPLES = {
    "languages": 'languages = ["en"]',
    "instruction": 'instruction = "Judge a lead."',
    "question": 'question = "Will this customer order within {horizon_days} days?"',
    "horizon_days": "horizon_days = 30",
    "ages": 'ages = [[0, "today"], [1, "yesterday"], [7, "1 week"]]',
    "section": 'section = "profile", "intent", "behaviour" or "followup"',
    "meaning": 'meaning = "what a person should know of it"',
    "wording": 'wording = "its label in the prompt"',
    "source": 'source = { of = "profile", field = "company_size" }',
    "field": 'field = "company_size"',
    "window_days": "window_days = 30",
}
EXAMPLES_IN = {
    "": {"name": 'name = "my-business"'},
    "stages": {"name": 'name = "new"'},
    "channels": {
        "name": 'name = "call"',
        "kind": 'kind = "click", "spoken", "written", "milestone" or "contact"',
    },
    "features": {
        "name": 'name = "web_7d"',
        "kind": 'kind = "category", "flag", "number" or "age"',
    },
    "topics": {"name": 'name = "price"'},
}
"""What differs from part to part."""
WANTED = {
    "string": "text in quotes",
    "int": "a whole number",
    "tuple": "a list in [ ]",
    "model": "a table of keys",
    "dict": "a table of keys",
    "bool": "true or false",
}
REMEDIES = {
    "values": 'group the rare ones, since any value that is not listed reads "other"',
    "phrases": "keep those that decide a sale",
}


def sentence_of(error: ValidationError, raw: Mapping[str, Any]) -> str:
    """The most telling of the mistakes in `raw`."""
    mistake = _most_telling(error.errors(include_input=False, include_url=False), raw)
    kind, loc = mistake["type"], tuple(mistake["loc"])
    if kind == "value_error":
        return str(mistake["msg"]).removeprefix("Value error, ")
    pair = _pair_at(loc)
    if pair and (kind in ("missing", "too_long") or kind.endswith("_type")):
        return f"{_place(pair, raw)} must be {_pair_words(pair)}, not {_shown(_at(raw, pair))}"
    return _worded(kind, loc, mistake.get("ctx", {}), raw)


def _most_telling(errors: Sequence[Any], raw: Mapping[str, Any]) -> Any:
    """A mistyped key before the key that is missed for it; of the two forms of a value, the one
    that was meant."""
    first = errors[0]
    if first["type"] == "missing":
        for each in errors:
            is_beside = each["loc"][:-1] == first["loc"][:-1]
            if each["type"] == "extra_forbidden" and is_beside:
                return each
    pair = _pair_at(tuple(first["loc"]))
    if pair and "values" in pair and isinstance(_at(raw, pair), list):
        return next(
            (error for error in errors if str(error["loc"][4:5]).startswith("('tuple")), first
        )
    return first


def _worded(kind: str, loc: tuple[PathStep, ...], ctx: Mapping[str, Any], raw: Any) -> str:
    place, value = _place(loc, raw), _shown(_at(raw, loc))
    match kind:
        case "missing":
            key, part = str(loc[-1]), str(loc[0]) if len(loc) > 1 else ""
            example = (EXAMPLES | EXAMPLES_IN[part]).get(key, key)
            return f"{_place(loc[:-1], raw)} has no {key}; add {example}"
        case "extra_forbidden":
            return _unknown_key(loc, raw)
        case "union_tag_not_found":
            return f"{place} does not say of what; add of = {_any_of(SOURCES)}"
        case "union_tag_invalid":
            tag = str(ctx["tag"])
            return f"{place} is of {_shown(tag)}, which is unknown; {_meant(tag, SOURCES)}"
        case "string_pattern_mismatch":
            rule = RULES.get(ctx["pattern"], "be other text")
            is_key = loc[-1] == "[key]"
            return f"{place} is {_shown(loc[-2]) if is_key else value}; it must {rule}"
        case "not_shown":
            return f"{place} is {value}, with something that nobody sees; type it anew"
        case "not_lower":
            return f"{place} is {value}, and texts are read in lower case; write it so"
        case "not_ended":
            return f"{place} is {value}, and no word ends like that; put * at its end"
        case "literal_error" | "enum":
            return f"{place} is {value}; it must be {ctx['expected']}"
        case "too_long":
            what, most = _named(loc), ctx["max_length"]
            n = len(_at(raw, loc))
            return f"{place} has {n:,} entries, at most {most:,}; {REMEDIES.get(what, 'drop some')}"
        case "greater_than_equal" | "less_than_equal":
            return f"{place} is {value}; it must be {_limit(ctx)}"
    wanted = next((words for start, words in WANTED.items() if kind.startswith(start)), "mended")
    return f"{place} is {value}; it must be {wanted}"


def _unknown_key(loc: tuple[PathStep, ...], raw: Any) -> str:
    owner, key = loc[:-1], str(loc[-1])
    has = list(_model_at(owner).model_fields)
    return f"{_place(owner, raw)} has no key {_shown(key)}; {_meant(key, has)}"


def _model_at(loc: tuple[PathStep, ...]) -> type[Part]:
    if len(loc) >= 4 and loc[2] == "source":
        return SOURCES[str(loc[3])]
    return PARTS[str(loc[0])][1] if loc and loc[0] in PARTS else Domain


def _meant(typed: str, names: Iterable[str]) -> str:
    known = list(names)
    close = get_close_matches(typed[:64], known, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"


def _place(loc: tuple[PathStep, ...], raw: Any) -> str:
    """`window_days in the source of feature web_7d`."""
    if not loc:
        return "the domain"
    if loc[0] not in PARTS or len(loc) < 2:
        return _within([step for step in loc if isinstance(step, int) or step in raw], "")
    part = _at(raw, loc[:2])
    name = part.get("name") if isinstance(part, Mapping) else None
    called = _plain(name) if isinstance(name, str) else f"number {int(loc[1]) + 1}"
    owner = f"{PARTS[str(loc[0])][0]} {called}"
    return _within(loc[2:], f" of {owner}") if len(loc) > 2 else owner


def _within(steps: Sequence[PathStep], owner: str) -> str:
    match steps:
        case ["source"]:
            return f"source{owner}"
        case ["source", _, *rest]:
            return f"{_within(rest, ' in the source')}{owner}" if rest else f"source{owner}"
        case ["phrases", _, "[key]"]:
            return f"language of the phrases{owner}"
        case ["phrases", language]:
            return f"phrases in {_plain(str(language))}{owner}"
        case ["phrases", language, int(i), *_]:
            return f"phrase {i + 1} in {_plain(str(language))}{owner}"
        case [str(key), int(i), *_]:
            return f"{key.removesuffix('s')} {i + 1}{owner}"
        case [key, *_]:
            return f"{key}{owner}"
    return "the domain"


def _named(loc: tuple[PathStep, ...]) -> str:
    return str(loc[2]) if len(loc) > 2 else str(loc[0])


def _pair_at(loc: tuple[PathStep, ...]) -> tuple[PathStep, ...] | None:
    """Where the bin, age or value is that `loc` lies in."""
    if loc[:1] == ("ages",) and len(loc) > 1:
        return loc[:2]
    if len(loc) > 3 and loc[2] in ("bins", "values"):
        return loc[:4]
    return None


def _pair_words(pair: tuple[PathStep, ...]) -> str:
    return 'text, or a pair ["value", "word"]' if "values" in pair else 'a pair [number, "word"]'


def _at(raw: Any, loc: Iterable[PathStep]) -> Any:
    """What stands there; steps that only pydantic knows are passed over."""
    for step in loc:
        match raw, step:
            case dict(), _ if step in raw:
                raw = raw[step]
            case list(), int() if step < len(raw):
                raw = raw[step]
    return raw


def _shown(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            cut = value if len(value) <= MAX_SHOWN else f"{value[:MAX_SHOWN]}…"
            return '"' + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut) + '"'
        case int() | float():
            return f"{value:,}" if abs(value) < 10**15 else "a huge number"
        case list():
            few = len(value) <= 3 and not any(isinstance(item, list | dict) for item in value)
            return f"[{', '.join(map(_shown, value))}]" if few else f"a list of {len(value):,}"
        case Mapping():
            return "a table"
    return "a date or time"


def _plain(name: str) -> str:
    """Without quotes where it needs none."""
    is_plain = name.replace("-", "").replace(" ", "").isalnum() or name.isidentifier()
    return name if is_plain and len(name) <= MAX_SHOWN else _shown(name)


def _any_of(names: Iterable[str]) -> str:
    quoted = [f'"{name}"' for name in names]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _limit(ctx: Mapping[str, Any]) -> str:
    return f"at least {ctx['ge']:,}" if "ge" in ctx else f"at most {ctx['le']:,}"

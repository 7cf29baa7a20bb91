"""The tables of docs/reference/domain.md and the JSON Schema of `domain.toml`, from the model.

The model holds types and bounds, this holds the sentences. `docs/generate.py` writes both, and
refuses a key without a meaning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from schemas.json_schema import DIALECT, JsonSchema
from scoring.domain.model import MAX_PHRASES_IN_ALL, PHRASE_PATTERN, Domain
from scoring.domain.reading import MAX_BYTES

MEANINGS: dict[str, dict[str, str]] = {
    "Domain": {
        "name": "which business; small letters, digits and `-`",
        "languages": "those that topics may have phrases in, as `en` or `de`",
        "instruction": "the prompt's first line",
        "question": "what is asked of each lead; `{horizon_days}` stands for the number below",
        "horizon_days": "how far a label looks ahead: won within that many days counts as yes",
        "stages": 'the funnel in its order, rung by rung; any other stage reads "other"',
        "channels": "how the business and its leads are in contact",
        "ages": "[days, word] pairs that word every age, from 0 upwards",
        "features": "what is read of a lead; their order is that of the vector and of the prompt",
        "topics": "what may decide a sale, and the words that speak of it",
        "own_fields": "profile fields that a prompt reads beside the features, as `name: value`, "
        "what tells most first; written by `asllr fit`, which replaces what stands here",
    },
    "FunnelStage": {
        "name": "as `StageChanged` sends it",
        "ends": "the funnel is over, won or lost; say so in the event as well "
        "(`StageChanged.ends`), since that is what takes a lead off its list",
    },
    "ContactChannel": {
        "name": "as `InteractionLogged` sends it",
        "kind": "`click`: interest, but nobody was in contact; `spoken`, `written` and `contact`: "
        "somebody was; `milestone`: a step that a person remembers, such as a demo or a viewing",
        "said": "how a reason calls it; the name where it is missing",
    },
    "DeclaredFeature": {
        "name": "its own, in the vector and in `asllr explain`",
        "section": "of the prompt: what rarely changes stands first",
        "meaning": "for a person who reads a reason",
        "kind": "`category`: one of some values; `flag`: yes or no; `number`; `age`: days since",
        "wording": "its label in the prompt",
        "source": "where the value comes from: one of the five tables below",
        "values": "of a category of a profile field, in lower case, each alone or as "
        '`["value", "word"]`; any other value reads "other"',
        "bins": "of a number: [lower bound, word] pairs, from 0 upwards; the first word stands "
        "alone",
    },
    "ProfileField": {
        "of": "a field of `LeadUpserted`'s profile: text of a category, true or false of a flag, "
        "a number of a number",
        "field": "its name there",
    },
    "CurrentStageWord": {"of": "the stage that the lead is in"},
    "ContactCount": {
        "of": "how many contacts",
        "window_days": "of the last days",
        "channels": "only by these",
        "direction": "only those that the lead began (`inbound`) or we did (`outbound`)",
        "unanswered": "only those in which nobody spoke, as far as is known",
    },
    "ContactMinutes": {
        "of": "how many minutes were spoken",
        "window_days": "of the last days",
        "channels": "only by these",
        "direction": "only in contacts that the lead began (`inbound`) or we did (`outbound`)",
        "unanswered": "as above",
    },
    "AgeOf": {
        "of": "days since the stage was entered, since the first or last contact of all, or since "
        "the `last` of those that the other keys name",
        "channels": "with `last` only: by these",
        "direction": "with `last` only: `inbound` or `outbound`",
        "unanswered": "with `last` only: in which nobody spoke",
    },
    "DomainTopic": {
        "name": "as a reason calls it",
        "phrases": "by language: words in lower case, found at the beginnings of words; `pric*` "
        "has any ending, `#k` is a number and a k",
    },
}
"""Definition -> key -> what it means."""

HEADINGS = {
    "Domain": "The file",
    "FunnelStage": "`[[stages]]`",
    "ContactChannel": "`[[channels]]`",
    "DeclaredFeature": "`[[features]]`",
    "ProfileField": "`source` of a profile field",
    "CurrentStageWord": "`source` of the stage",
    "ContactCount": "`source` of a count",
    "ContactMinutes": "`source` of minutes",
    "AgeOf": "`source` of an age",
    "DomainTopic": "`[[topics]]`",
}
RULES_BEYOND_SCHEMA = (
    "names are unique; a stage is won or lost, never both",
    "bins and ages begin at 0 and ascend",
    "a feature counts channels that are declared, and topics have phrases in declared languages",
    "a category is of a profile field, with values, or of the stage; a flag of a profile field; a "
    "number of a profile field, a count or minutes; an age of one of the four moments",
    "values are in lower case; phrases too, and a phrase ends in a letter, a digit or *",
    f"the topics have at most {MAX_PHRASES_IN_ALL:,} phrases in all, the file at most "
    f"{MAX_BYTES:,} bytes",
)
"""What `asllr domain check` says beyond what JSON Schema can."""

PORTABLE_PHRASE = r"^[^\x00-\x20\x7f-\x9f_*].{0,60}$"
"""Looser than the model's pattern, whose \\W means other letters to other validators."""

FieldsTable = Callable[[str, JsonSchema, Mapping[str, str]], str]


def domain_schema() -> JsonSchema:
    """JSON Schema 2020-12 of the file, each key with its meaning."""
    schema = Domain.model_json_schema()
    definitions = {name: rule for name, rule in schema["$defs"].items() if name in MEANINGS}
    for name, rule in {**definitions, "Domain": schema}.items():
        for key, meaning in MEANINGS[name].items():
            rule["properties"][key]["description"] = meaning
    return {
        "$schema": DIALECT,
        "$id": "urn:asllr:schema:domain:v1",
        "title": "domain.toml",
        "$comment": "Also checked: " + "; ".join(RULES_BEYOND_SCHEMA),
        **_plain(schema),
    }


def domain_schema_text() -> str:
    return json.dumps(domain_schema(), indent=2, ensure_ascii=False) + "\n"


def domain_tables(table: FieldsTable) -> str:
    """One table a part of the file. Raises ValueError for a key without a meaning."""
    schema = _plain(Domain.model_json_schema())
    defs = schema["$defs"]
    parts = []
    for name, heading in HEADINGS.items():
        rule = schema if name == "Domain" else {**defs[name], "$defs": defs}
        parts += [f"### {heading}", "", table(name, rule, MEANINGS[name]), ""]
    text = "\n".join(parts).rstrip()
    for name, heading in HEADINGS.items():
        text = text.replace(f"{name}, below", heading)
    return text


def domain_rules() -> str:
    return "\n".join(f"- {rule}" for rule in RULES_BEYOND_SCHEMA)


def _plain(rule: Any) -> Any:
    """Without the titles pydantic derives and the null that TOML cannot say, and with patterns
    that every validator reads alike."""
    match rule:
        case dict():
            kept = {
                key: _plain(value)
                for key, value in rule.items()
                if not (key == "title" and isinstance(value, str))
                and not (key == "default" and value is None)
            }
            match kept.get("anyOf"):
                case [dict(one), {"type": "null"}]:
                    del kept["anyOf"]
                    kept |= one
            if "patternProperties" in kept:
                kept["additionalProperties"] = False
            if kept.get("pattern") == PHRASE_PATTERN:
                kept["pattern"] = PORTABLE_PHRASE
            return kept
        case list():
            return [_plain(one) for one in rule]
    return rule

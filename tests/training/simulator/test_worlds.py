"""The worlds that ship: `auto` stays the same to the byte, each speaks its domain pack."""

from __future__ import annotations

from hashlib import blake2b

import pytest

from schemas import codec
from scoring.domain.model import Domain, ProfileField
from scoring.domain.reading import pack
from training.simulator.business import (
    STAGE,
    WORLDS,
    Business,
    business_names,
    read_business,
)
from training.simulator.codes import CODES, PRACTISED_TOPICS, code_names
from training.simulator.emit import simulate_events
from training.simulator.journal import CALL, EMAIL
from training.simulator.life import code_of
from training.simulator.phrases import RequiredValues, Stance

NAMES = business_names()


def test_the_dealership_is_the_one_that_the_demo_artifact_was_trained_in() -> None:
    """Every figure on simulated leads was measured in it: its events may never change."""
    digest = blake2b(digest_size=16)
    for event in simulate_events(77, 400):
        digest.update(repr(codec.encode(event)).encode())
    assert digest.hexdigest() == "8d1e0915f032ca1b38a490740f452d6c"


def test_the_codes_that_the_base_practises_are_those_of_the_dealership() -> None:
    dealer = read_business("auto")
    assert dealer.topic_names == PRACTISED_TOPICS
    assert tuple(code_of(*code) for code in CODES) == code_names(dealer)


@pytest.mark.parametrize("name", NAMES)
def test_a_world_speaks_the_words_of_its_pack(name: str) -> None:
    world, domain = read_business(name), pack(name)
    assert world.name == name
    assert world.horizon_days == domain.horizon_days
    funnel = world.funnel
    ends = {stage.name: stage.ends for stage in domain.stages}
    assert list(funnel.stages) == [stage for stage in ends if stage in funnel.stages]
    assert (ends[funnel.won.stage], ends[funnel.lost.stage]) == ("won", "lost")
    channels = {channel.name for channel in domain.channels}
    used = {click.channel for click in world.clicks} | {CALL, EMAIL}
    used |= {step.channel for step in funnel.milestones}
    used |= set(world.writing.channels if world.writing else ())
    assert used <= channels
    declared = _declared(domain)
    for field, shares in world.fields.items():
        if field not in world.numbers:
            assert set(shares) <= declared[field], field
    names = {flag.name for flag in world.flags} | {each.name for each in world.requests}
    assert names <= declared.keys()
    for stage in funnel.stages:
        assert stage in ends


def _declared(domain: Domain) -> dict[str, set[str]]:
    """Profile field -> the values that the pack names."""
    return {
        feature.source.field: {
            each if isinstance(each, str) else each[0] for each in feature.values
        }
        for feature in domain.features
        if isinstance(feature.source, ProfileField)
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_world_names_only_what_it_has(name: str) -> None:
    """A misspelt field or topic would have no effect, and nobody would see it."""
    world = read_business(name)
    fields, topics = world.fields, set(world.topic_names)
    assert set(world.numbers) <= set(fields)
    assert all(set(world.numbers[field]) == set(fields[field]) for field in world.numbers)
    assert {world.queues.field} <= set(fields)
    assert set(world.queues.teams) <= set(fields[world.queues.field])
    known = set(fields) | {flag.name for flag in world.flags}
    assert set(world.late_fields) <= known
    assert world.falling_field is None or world.falling_field in fields
    for comparison in world.comparisons:
        assert set(comparison.levels) == set(fields[comparison.field])
        assert set(comparison.limits) == set(fields[comparison.exceeds])
    for effect in world.effects:
        if effect.field is not None:
            values = world.funnel.stages if effect.field == STAGE else fields[effect.field]
            assert set(effect.logits) <= set(values), effect.field
    for conditions in _conditions(world):
        for trait, wanted in conditions.items():
            assert set(wanted) <= (set(fields[trait]) if trait in fields else {True, False}), trait
            assert trait in known | {each.name for each in world.comparisons}
    assert {each.topic for each in world.interactions} <= topics
    assert len(topics) == len(world.topics)
    for topic in world.topics:
        assert set(topic.clauses) == set(topic.notes) == set(Stance), topic.name
    if world.writing is not None:
        assert all(text.count("{}") == 1 for text in world.writing.letters)


def _conditions(world: Business) -> list[RequiredValues]:
    found = [effect.when for effect in world.effects]
    found += [each.when for each in world.interactions]
    found += [flag.unless for flag in world.flags]
    found += [topic.weight_when.when for topic in world.topics if topic.weight_when is not None]
    return [conditions for conditions in found if conditions is not None]


def test_every_file_of_a_world_is_read_by_its_name() -> None:
    assert {f"{name}.toml" for name in NAMES} == {path.name for path in WORLDS.iterdir()}

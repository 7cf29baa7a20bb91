"""The software vendor's leads: what is written counts, and the pack's prompt shows it."""

from __future__ import annotations

import pytest

from schemas import codec
from schemas.events import Direction, Ending, InteractionLogged, StageChanged
from schemas.timestamps import to_ms
from scoring.domain.reading import pack
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.prompt.prompt import PromptSpec
from scoring.prompt.rendering import Rendering
from scoring.score import prepare
from training.simulator.business import read_business
from training.simulator.emit import SimulatedLead, simulate_events, simulate_lead, simulate_leads
from training.simulator.world import World

SOFTWARE = World("software")
VENDOR = read_business("software")
READS_ALL = PromptSpec(Rendering(2, pack("software")), 100_000, len)


@pytest.fixture(scope="module")
def leads() -> list[SimulatedLead]:
    return list(simulate_leads(3, 60, world=SOFTWARE))


def _texts(lead: SimulatedLead, direction: Direction) -> list[str]:
    return [
        event.text
        for event in lead.history
        if isinstance(event, InteractionLogged) and event.text and event.direction is direction
    ]


def _prompt(lead: SimulatedLead) -> str:
    return prepare(history_of(fold(lead.history)), to_ms(lead.as_of), READS_ALL).prompt


def test_the_same_seed_gives_the_same_bytes_and_they_are_no_dealers() -> None:
    once, again, dealer = (
        [codec.encode(event) for event in simulate_events(3, 20, world=world)]
        for world in (SOFTWARE, World("software"), World())
    )
    assert once == again
    assert once != dealer


def test_a_stance_that_no_call_shows_is_written(leads: list[SimulatedLead]) -> None:
    """The truth counts every stance, so each must have been said or written by then."""
    n_written = 0
    for lead in leads:
        spoken = {topic for call in lead.calls for topic in call.stances}
        written = _texts(lead, Direction.INBOUND)
        for topic, stance in lead.stances.items():
            if topic not in spoken:
                clauses = VENDOR.phrases[topic].clauses[stance]
                assert any(clause in text for text in written for clause in clauses), topic
                n_written += 1
    assert n_written > 20


def test_nothing_that_is_written_knows_the_outcome() -> None:
    for number in range(20):
        won = simulate_lead(7, number, world=SOFTWARE, outcome=True)
        lost = simulate_lead(7, number, world=SOFTWARE, outcome=False)
        assert won.history == lost.history


def test_how_a_deal_ends_is_said_in_the_event_and_lies_within_the_horizon() -> None:
    world = World("software", base_logit=0.0)
    endings = set()
    for lead in simulate_leads(4, 60, world=world):
        for event in lead.events:
            if isinstance(event, StageChanged) and event.ending is not None:
                endings.add((event.stage, event.ending))
                days = (event.occurred_at - lead.as_of).total_seconds() / 86_400
                assert (days < world.horizon_days) == (event.ending is Ending.WON) == lead.ordered
    assert endings == {("won", Ending.WON), ("lost", Ending.LOST)}


def test_the_prompt_of_the_pack_shows_stages_fields_and_letters(
    leads: list[SimulatedLead],
) -> None:
    prompts = [_prompt(lead) for lead in leads]
    whole = "\n".join(prompts)
    assert all("Judge a software lead." in prompt for prompt in prompts)
    for stage in ("qualified", "demo", "trial", "proposal"):
        assert f"stage {stage}" in whole, stage
    for shown in (" small industry", "edition professional", "seats some", "role manager"):
        assert shown in whole, shown
    for lead, prompt in zip(leads, prompts, strict=True):
        for text in _texts(lead, Direction.INBOUND):
            assert text in prompt

"""Public data by their protocols: nothing of the import tells the outcome."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schemas.events import (
    Channel,
    EventBase,
    InteractionLogged,
    LeadClosed,
    LeadReopened,
    LeadUpserted,
    Role,
    Segment,
    Stage,
    StageChanged,
    TranscriptReady,
)
from schemas.timestamps import DAY_MS, to_ms
from tests.scoring.histories import START
from training.dataset.build import build_examples
from training.dataset.example import Examples
from training.dataset.log import Logged
from training.dataset.manifest import DatasetError, Split, SplitBy
from training.dataset.protocols import Protocol, protocol_of

UNITS = ("Hello.", "Hi.", "Will you give?", "I gave a dollar.")


def _dialogue(number: int, persuadee: str, *, gave: bool) -> list[EventBase]:
    at = START + timedelta(days=number)
    name = f"d{number}"
    segments = tuple(
        Segment(role=Role.CUSTOMER, start_s=2.0 * i, end_s=2.0 * i + 2, text=text)
        for i, text in enumerate(UNITS)
    )

    def envelope(what: str, after_s: float) -> dict[str, object]:
        return {
            "id": f"{name}:{what}",
            "source": "import/persuasion",
            "tenant": "persuasion",
            "lead": persuadee,
            "occurred_at": at + timedelta(seconds=after_s),
        }

    outcome: EventBase = (
        StageChanged(**envelope("outcome", 9), stage=Stage.ORDER)
        if gave
        else LeadClosed(**envelope("outcome", 9), reason="did not donate")
    )
    return [
        LeadUpserted(**envelope("profile", 0), profile={"age": 40.0}, queue="donations"),
        LeadReopened(**envelope("reopened", 0)),
        StageChanged(**envelope("contacted", 0), stage=Stage.CONTACTED),
        InteractionLogged(
            **envelope("call", 8),
            channel=Channel.CALL,
            direction="outbound",
            duration_s=8.0,
            call_id=name,
            codes=("BAD",),
        ),
        TranscriptReady(
            **envelope("transcript", 8),
            call_id=name,
            started_at=at,
            language="en",
            segments=segments,
        ),
        outcome,
    ]


def _built(
    protocol: Protocol, histories: list[list[EventBase]], split_by: SplitBy = SplitBy.TIME
) -> Examples:
    logged = [Logged("f", to_ms(e.occurred_at), e) for events in histories for e in events]
    plan = protocol.plan((0.4, 0.2, 0.2, 0.2), split_by)
    return build_examples(protocol.adapted(logged), plan, lambda what: lambda done, total: None)[0]


def _dialogues() -> list[list[EventBase]]:
    """A third of the persuadees return after two months, the first one the next day, too."""
    return [
        _dialogue(number, f"user_{max(number % 60 - 1, 0)}", gave=number % 3 == 0)
        for number in range(80)
    ]


def test_each_dialogue_is_a_row_and_a_persuadee_stays_in_one_split() -> None:
    examples = _built(protocol_of("persuasion", 1, None), _dialogues())
    assert len(set(examples.lead)) == len(examples) > 50
    homes: dict[str, set[str]] = {}
    for cluster, split in zip(examples.cluster, examples.split, strict=True):
        homes.setdefault(str(cluster), set()).add(str(split))
    assert all(cluster.startswith("persuasion/user_") for cluster in homes)
    assert all(len(splits) == 1 for splits in homes.values())
    assert len(homes) < len(examples)


def test_persuadees_can_be_split_by_chance_as_the_published_figures_are() -> None:
    splits = []
    for seed in (1, 2):
        protocol = protocol_of("persuasion", seed, None)
        examples = _built(protocol, _dialogues(), SplitBy.CLUSTER)
        assert len(examples) == 80
        homes = set(zip(examples.cluster.tolist(), examples.split.tolist(), strict=True))
        assert len(homes) == len(set(examples.cluster.tolist()))
        test = examples.of(Split.TEST)
        assert 4 < len(test) < 40
        assert test.as_of_ms.min() < examples.of(Split.FIT).as_of_ms.max()
        splits.append(test.lead)
    assert splits[0] != splits[1]


def test_a_second_dialogue_does_not_know_how_the_first_ended() -> None:
    examples = _built(protocol_of("persuasion", 1, None), _dialogues())
    assert set(examples.stage) == {"contacted"}
    for state in examples.states:
        assert len(state.transcripts) == 1
        told = repr((state, state.transcripts, state.writings))
        assert "BAD" not in told
        assert "order" not in told


def test_the_first_units_neither_say_nor_measure_what_follows() -> None:
    whole = _built(protocol_of("persuasion", 1, None), _dialogues())
    begun = _built(protocol_of("persuasion", 1, 2), _dialogues())
    assert "a dollar" in whole.prompt_of(0)
    prompts = [begun.prompt_of(row) for row in range(len(begun))]
    assert all("a dollar" not in prompt and "give" not in prompt for prompt in prompts)
    assert all(state.transcripts[0].duration_s == 4.0 for state in begun.states)
    assert all(len(state.facts) == 0 for state in begun.states)


def _application(number: int, decided_after_days: float, *, accepted: bool) -> list[EventBase]:
    at = START + timedelta(hours=6 * number)
    who: dict[str, object] = {"source": "import/bpi2012", "tenant": "bpi2012", "lead": f"a{number}"}
    end = at + timedelta(days=decided_after_days)
    outcome: EventBase = (
        StageChanged(id="o", occurred_at=end, stage=Stage.ORDER, **who)
        if accepted
        else LeadClosed(id="o", occurred_at=end, reason="cancelled", **who)
    )
    return [LeadUpserted(id="p", occurred_at=at, profile={"amount": 1.0}, **who), outcome]


def test_the_landmark_leaves_out_who_was_decided_before_it_and_waits_for_the_rest() -> None:
    quick = [_application(n, 0.5, accepted=True) for n in range(30)]
    slow = [_application(n, 40.0, accepted=n % 2 == 0) for n in range(30, 130)]
    undecided = [_application(n, 40.0, accepted=True)[:1] for n in range(130, 140)]
    examples = _built(protocol_of("bpi2012", 1, None), [*quick, *slow, *undecided])
    assert len(examples) == 100
    assert examples.label.sum() == 50
    begun = {f"a{n}": to_ms(START) + n * DAY_MS // 4 for n in range(140)}
    assert all(
        as_of_ms == begun[lead] + DAY_MS
        for lead, as_of_ms in zip(examples.lead, examples.as_of_ms, strict=True)
    )
    assert len(examples.of(Split.TEST)) == 20


def test_units_of_what_has_none_are_refused() -> None:
    with pytest.raises(DatasetError, match="bpi2012 has no utterances"):
        protocol_of("bpi2012", 1, 10)

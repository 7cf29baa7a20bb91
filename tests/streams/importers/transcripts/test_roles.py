"""Who is who in transcripts as vendors and people label them: known by the label's word, guessed
where what is said leaves no doubt, else said in one line with the mapping's key."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from streams.importers.tables.talk import TalkColumn

AGENT, CUSTOMER, UNKNOWN, BOT = "agent", "customer", "unknown", "bot"
WISH = "Ich hätte gern ein Angebot für zwölf Fenster."
HELLO = "Guten Tag, mein Name ist Meier, was kann ich für Sie tun?"


def lines(*said: tuple[str, str]) -> str:
    return "\n".join(f"{label}: {text}" for label, text in said)


def turns(*said: tuple[str, str], key: str = "speaker") -> str:
    return json.dumps([{key: label, "text": text} for label, text in said])


def diarized(*said: tuple[str, str]) -> str:
    """Utterances with times, in a field."""
    parts = [
        {"speaker": label, "text": text, "start": float(n), "end": n + 0.9}
        for n, (label, text) in enumerate(said)
    ]
    return json.dumps({"utterances": parts})


def roles_of(cell: str) -> tuple[dict[str, str], str]:
    """The role of each label, and what is said of them."""
    column = TalkColumn({})
    found = column.read(1, cell)
    assert found is not None
    roles = {one.speaker or "": str(one.role) for one in found.utterances}
    return roles, "; ".join(column.sentences("calls.csv"))


@pytest.mark.parametrize(
    ("agent", "customer"),
    [
        *(("Berater", "Kunde"), ("Innendienst", "Kundin"), ("Kundenbetreuer", "Interessentin")),
        *(("Vertriebsmitarbeiterin", "Neukunde"), ("Autoverkäufer", "Anruferin")),
        *(("Kundenberater Müller", "Kunde Schmidt"), ("Kundenservice", "Bestandskundin")),
        *(("Adviseur", "Klant"), ("Medewerker", "Klant"), ("agente", "cliente")),
        *(("Operatore", "Cliente"), ("Conseiller", "Client"), ("Atendente", "Cliente")),
        *(("Doradca", "Klient"), ("Säljare", "Kund"), ("Менеджер", "Клиент"), ("客服", "客户")),
        *(("internal", "external"), ("EMPLOYEE", "CONSUMER"), ("Host", "Guest")),
        *(("Sales Rep (Jim)", "Prospect (Ann)"), ("SDR", "Lead"), ("Technician", "Customer")),
        *(("Support Engineer", "End User"), ("Account Manager", "Buyer"), ("Team Lead", "Caller")),
        *(("Customer Rep", "Customer"), ("Client Services", "Client 2"), ("agent_0", "customer_1")),
    ],
)
@pytest.mark.parametrize("shape", [lines, turns, diarized])
def test_a_word_for_a_role_in_a_label_is_known(
    shape: Callable[..., str], agent: str, customer: str
) -> None:
    said = ((agent, "Good morning."), (customer, "I would like one."), (agent, "Certainly."))
    assert roles_of(shape(*said)) == ({agent: AGENT, customer: CUSTOMER}, "")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("spk_0", "spk_1"), ("Speaker 1", "Speaker 2"), ("Sprecher 1", "Sprecher 2")),
        *(("channel 0", "channel 1"), ("0", "1"), ("A", "B"), ("SPEAKER_00", "SPEAKER_01")),
        *(("Anna Weber", "Herr Krause"), ("caller", "callee"), ("Me", "Them")),
        ("Office Manager", "Purchasing Manager"),
    ],
)
def test_other_labels_are_guessed_only_where_the_words_make_it_sure(one: str, other: str) -> None:
    sure, said = roles_of(turns((one, HELLO), (other, WISH)))
    assert sure == {one: AGENT, other: CUSTOMER}
    assert f"{one}=agent, {other}=customer" in said
    assert '"speakers" say otherwise' in said
    unsure, said = roles_of(turns((one, "Hallo."), (other, WISH)))
    assert unsure == {one: UNKNOWN, other: UNKNOWN}
    assert said.count("speakers") >= 1
    assert '"speakers": {"A": "agent", "B": "customer"}' in said


@pytest.mark.parametrize(
    "text",
    [
        "They said how can I help you, but nobody did.",
        "Your colleague asked: how may I help you? And then hung up.",
        "Da hieß es, was kann ich für Sie tun, und das war alles.",
    ],
)
def test_who_tells_what_staff_said_is_not_taken_for_staff(text: str) -> None:
    roles, said = roles_of(turns(("A", text), ("B", "I am sorry to hear that.")))
    assert roles == {"A": UNKNOWN, "B": UNKNOWN}
    assert '"speakers"' in said


def test_the_other_one_of_a_known_speaker_is_the_other_side_and_a_bot_is_none() -> None:
    assert roles_of(lines(("Agent", "Hello."), ("Mr. Brown", "I want it."), ("Agent", "Yes.")))[
        0
    ] == {"Agent": AGENT, "Mr. Brown": CUSTOMER}
    robot = (("Voicebot", "Press one."), ("Customer", "One."), ("Agent", "Hello."))
    assert roles_of(turns(*robot)) == ({"Voicebot": BOT, "Customer": CUSTOMER, "Agent": AGENT}, "")
    caller = roles_of(turns(("Caller", "Hello."), ("Agent", "Hello.")))
    assert caller == ({"Caller": CUSTOMER, "Agent": AGENT}, "")

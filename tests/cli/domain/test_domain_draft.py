"""`asllr domain draft` on recordings and on exports of businesses unlike car dealers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.events import Ending, InteractionLogged, LeadUpserted, StageChanged
from scoring.domain.model import Domain
from scoring.domain.reading import pack, read_domain
from streams.recording.event_file import history, write_recording
from tests.scoring.histories import START, event
from tests.support.commands import asllr, run

OURS: dict[str, str] = {}
pytestmark = pytest.mark.slow


def fields_of(domain: Domain) -> dict[str, tuple[str, object]]:
    return {
        one.source.field: (one.kind, one.values or one.bins)
        for one in domain.features
        if one.source.of == "profile"
    }


@pytest.fixture
def kitchens(tmp_path: Path) -> list[str | Path]:
    """60 people who asked a fitter of kitchens, as German software exports them."""
    leads = ["Kundennummer;Angelegt am;Lead Source;Wohnfläche (m²);Küchenform;Bemerkung;Status"]
    calls = ["Kundennummer;called_at;duration;direction"]
    for n in range(60):
        at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=9 * n)
        source = ("Messe", "Empfehlung vom Nachbarn", "Küchenblog")[n % 3]
        shape = ("L-Form", "Insel", "Zeile", "Zeile")[n % 4]
        leads.append(
            f"K-{n};{at:%d.%m.%Y %H:%M};{source};{60 + n},5;{shape};will am {n}. zurückrufen;offen"
        )
        if n % 2:
            later = at + timedelta(days=1)
            calls.append(f"K-{n};{later:%d.%m.%Y %H:%M};{60 * n};eingehend")
    (tmp_path / "kunden.csv").write_text("\n".join(leads), encoding="cp1252")
    (tmp_path / "anrufe.csv").write_text("\n".join(calls), encoding="utf-8")
    (tmp_path / "mapping.json").write_text(
        '{"leads": {"columns": {"lead": "Kundennummer", "created_at": "Angelegt am"}},'
        ' "calls": {"columns": {"lead": "Kundennummer", "started_at": "called_at",'
        ' "duration_s": "duration"}},'
        ' "profile": {"Lead Source": "Lead Source", "Wohnfläche (m²)": "Wohnfläche (m²)",'
        ' "Küchenform": "Küchenform", "Bemerkung": "Bemerkung"}}',
        encoding="utf-8",
    )
    return [
        *("--leads", tmp_path / "kunden.csv", "--calls", tmp_path / "anrufe.csv"),
        *("--mapping", tmp_path / "mapping.json"),
    ]


def test_exports_in_german_become_a_domain_that_passes_its_check(
    kitchens: list[str | Path], tmp_path: Path
) -> None:
    out = tmp_path / "domain.toml"
    said = run(OURS, "domain", "draft", *kitchens, "--name", "kuechen", "--out", out)
    assert said.exit_code == 0, said.output
    assert said.stdout.startswith(f"{out}: kuechen, 0 stages, 1 channel, ")
    assert asllr(OURS, "domain", "check", out).startswith("ok: kuechen, 0 stages, 1 channel, ")
    fields = fields_of(read_domain(out))
    assert fields == {
        "Küchenform": ("category", ("zeile", "insel", "l-form")),
        "Lead Source": ("category", ("empfehlung vom nachbarn", "küchenblog", "messe")),
        "Wohnfläche (m²)": (
            "number",
            ((0, "lowest"), (76, "lower"), (91, "higher"), (106, "highest")),
        ),
    }
    text = out.read_text(encoding="utf-8")
    assert "#   field Bemerkung: 60 different texts in 60: names, ids or free text" in text
    assert 'add ends = "won" to yours' in text


def test_a_recording_becomes_a_domain_with_its_stages_and_channels(tmp_path: Path) -> None:
    events = []
    for n in range(12):
        base = {"lead": f"l-{n}", "source": "crm"}
        day = START + timedelta(days=n)
        stages = ("anfrage", "besichtigung", "kaufvertrag")[: 1 + n % 3]
        events += [
            event(LeadUpserted, id=f"p{n}", occurred_at=day, profile={"Größe": 4.0 + n}, **base),
            event(InteractionLogged, id=f"i{n}", occurred_at=day, channel="viewing", **base),
        ]
        events += [
            event(
                StageChanged,
                id=f"s{n}{k}",
                occurred_at=day + timedelta(days=k),
                stage=stage,
                ends=Ending.WON if stage == "kaufvertrag" else None,
                **base,
            )
            for k, stage in enumerate(stages)
        ]
    recording, out = tmp_path / "leads.jsonl.gz", tmp_path / "domain.toml"
    write_recording(recording, map(history, events))
    asllr(OURS, "domain", "draft", recording, "--like", "real-estate", "--out", out)
    domain = read_domain(out)
    assert [(stage.name, stage.ends) for stage in domain.stages] == [
        ("anfrage", None),
        ("besichtigung", None),
        ("kaufvertrag", "won"),
    ]
    assert [(channel.name, channel.kind) for channel in domain.channels] == [
        ("viewing", "milestone")
    ]
    assert list(fields_of(domain)) == ["Größe"]
    assert domain.question == pack("real-estate").question


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    recording, out = tmp_path / "leads.jsonl", tmp_path / "domain.toml"
    write_recording(recording, [history(event(LeadUpserted))])
    out.write_text("mine")
    said = run(OURS, "domain", "draft", recording, "--out", out)
    assert said.exit_code == 78
    assert f"{out} exists already: remove it, or name another with --out" in said.stderr
    assert out.read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "name recordings, or exports with --leads"),
        (("{file}", "--leads", "{file}"), "name recordings, or exports with --leads"),
        (("{file}", "--calls", "{file}"), "are for --leads"),
        (("{file}", "--name", "Our Shop"), "'Our Shop' does not begin with a small letter"),
        (("{file}", "--like", "bakery"), "there is no pack 'bakery'"),
        (("{file}",), "not JSON"),
    ],
)
def test_what_cannot_be_drafted_is_one_sentence(
    tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    file = tmp_path / "leads.jsonl"
    file.write_text("no event\n")
    asked = [word.replace("{file}", str(file)) for word in words]
    said = run(OURS, "domain", "draft", *asked, "--out", tmp_path / "domain.toml")
    assert said.exit_code != 0
    assert says in said.stderr
    assert not (tmp_path / "domain.toml").exists()

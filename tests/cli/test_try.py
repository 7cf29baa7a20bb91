"""A user's own exports, from the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from asllr import main
from streams.importers.tables.cells import lead_id, own_name
from streams.importers.tables.phones import phone_of
from streams.importers.tables.times import TimeReading, reading_of
from tests.support.engines.stub_artifact import build_stub_artifact
from tests.support.engines.table_artifacts import build_trees_artifact

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("artifacts")
    build_stub_artifact(folder / "demo")
    return {"ASLLR_ARTIFACTS": str(folder)}


def asllr_try(environ: dict[str, str], *words: str | Path) -> Result:
    return CliRunner().invoke(main, ["try", *map(str, words)], env=environ)


@pytest.fixture
def exports(tmp_path: Path) -> tuple[str | Path, ...]:
    """60 leads, every other one orders ten days after it came in."""
    leads, calls, outcomes = ["Lead ID,Created At,Budget band,Stage"], [], ["lead_id,ordered_at"]
    for n in range(60):
        at = START + timedelta(hours=7 * n)
        leads.append(f"jo+{n}@example.org,{at:%Y-%m-%d %H:%M},25k - 40k,order")
        talk = [{"speaker": "customer", "text": "I would like to order."}]
        called = (at + timedelta(days=1)).isoformat()
        call = {"lead_id": f"jo+{n}@example.org", "started_at": called, "duration": 90}
        calls.append(json.dumps(call | {"transcript": talk}))
        if n % 2:
            outcomes.append(f"jo+{n}@example.org,{at + timedelta(days=10):%Y-%m-%d}")
    files = {"leads.csv": leads, "calls.jsonl": calls, "outcomes.csv": outcomes}
    words: list[str | Path] = []
    for name, lines in files.items():
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        words += [f"--{name.partition('.')[0]}", tmp_path / name]
    return tuple(words)


@pytest.mark.slow
def test_exports_become_a_ranking_and_a_verdict(
    environ: dict[str, str], exports: tuple[str | Path, ...]
) -> None:
    words = (*exports, "--artifact", "demo", "--capacity", "2")
    found = asllr_try(environ, *words, "--json")
    assert found.exit_code == 0, found.output
    read = json.loads(found.stdout)
    assert read["rows"] == {"leads": 60, "calls": 60, "outcomes": 30}
    assert read["mapping"]["profile"] == {"budget_band": "Budget band"}
    assert read["leads"][0]["lead"].endswith("@example.org")
    assert 0 < read["backtest"]["buyers"] <= 30
    assert "would have reached" in read["verdict"]
    # The export's own stage, which is today's, took nobody off the lists.
    assert len(read["leads"]) == 10
    plain = asllr_try(environ, *words)
    assert "lead = Lead ID" in plain.stderr
    assert read["verdict"] in plain.stdout


@pytest.mark.slow
def test_a_field_of_another_business_is_told_and_kept_under_its_own_name(
    environ: dict[str, str], tmp_path: Path
) -> None:
    sources = ["Messe", "Empfehlung", "Kaltakquise", "Website"]
    rows = [f"k{n};{n % 28 + 1:02}.03.2026;{sources[n % 4]};{n},5;offen" for n in range(40)]
    leads = tmp_path / "leads.csv"
    leads.write_text("\n".join(["Kunde;created;Lead Source;Größe (m²);Status", *rows]))
    mapping = tmp_path / "mapping.json"
    asllr_try(environ, "--leads", leads, "--mapping", mapping, "--artifact", "demo")
    drafted = json.loads(mapping.read_text())
    assert drafted["profile"] == {"Lead Source": "Lead Source"}
    drafted["leads"]["columns"]["lead"] = "Kunde"
    drafted["profile"] = {"lead_source": "Lead Source", "Größe (m²)": "Größe (m²)"}
    mapping.write_text(json.dumps(drafted))
    words = ("--leads", leads, "--mapping", mapping, "--artifact", "demo")
    found = asllr_try(environ, *words, "--json")
    assert found.exit_code == 0, found.output
    read = json.loads(found.stdout)
    assert read["mapping"]["profile"] == {"Lead Source": "Lead Source", "Größe (m²)": "Größe (m²)"}
    assert read["remarks"][0].startswith("Lead Source: 30 of 40 values")
    assert "profile: Lead Source = Lead Source, Größe (m²) = Größe (m²)\n" in found.stderr


@pytest.mark.slow
def test_without_outcomes_it_cannot_tell(
    environ: dict[str, str], exports: tuple[str | Path, ...]
) -> None:
    found = asllr_try(environ, *exports[:4])
    assert found.exit_code == 0, found.output
    assert "Cannot tell" in found.stdout


@pytest.mark.slow
def test_orders_older_than_their_leads_are_named_as_the_cause(
    environ: dict[str, str], exports: tuple[str | Path, ...]
) -> None:
    outcomes = Path(exports[-1])
    long_ago = [f"jo+{n}@example.org,2026-02-{1 + n % 28:02}" for n in range(1, 60, 2)]
    outcomes.write_text("\n".join(["lead_id,ordered_at", *long_ago]), encoding="utf-8")
    found = asllr_try(environ, *exports, "--artifact", "demo", "--capacity", "2")
    assert found.exit_code == 0, found.output
    (verdict,) = [line for line in found.stdout.splitlines() if line.startswith("Cannot tell")]
    assert "no lead ordered within 14 days of standing on one of the" in verdict
    assert "30 ordered before the first event of their lead" in verdict
    assert "--capacity" not in found.stdout


BAD = {
    "two columns of one name": (b"lead,created_at,lead\n1,2026-01-01,2\n", "both named 'lead'"),
    "nothing": (b"", "empty"),
    "no rows": (b"lead,created_at\n", "no row"),
    "a third encoding": (b"lead,created_at\nJ\x81rg,2026-01-01\n", "export it as UTF-8"),
    "a huge cell": (b"lead,created_at\n" + b"a" * 1_000_001 + b",2026-01-01\n", "line 2"),
    "too many cells": (b"lead,created_at\n1,2026-01-01,3\n", "line 2: 3 cells for 2"),
    "bad times": (b"lead,created_at\n1,soon\n", "is not a time"),
    "a note for a name": (b"lead,created_at\n" + b"a" * 200 + b",2026-01-01\n", "is it a note?"),
    "a separator and no names": (b"sep=;\r\n", "no row"),
    "line breaks of two kinds": (b"lead,created_at\n1,2026-01-01\r2,\n", "unquoted field); a"),
    "an open quote": (b'lead,created_at\n"1,2026-01-01\n', "not CSV"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_csv_is_one_sentence(
    what: str, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content, said = BAD[what]
    path = tmp_path / "leads.csv"
    path.write_bytes(content)
    found = asllr_try(environ, "--leads", path)
    assert found.exit_code == 78
    assert said in found.stderr
    assert found.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lead", "said"),
    [
        (r'"\ud800"', "half a character"),
        ("9" * 5_000, "thousands of digits"),
        ('{"id": 4711}', "not an object or a list"),
        ("[4711]", "not an object or a list"),
    ],
)
def test_a_json_line_whose_lead_is_no_name_is_left_out(
    lead: str, said: str, environ: dict[str, str], tmp_path: Path
) -> None:
    named = [*map(str, range(40)), lead]
    lines = [f'{{"lead_id": {one}, "created_at": "2026-03-01"}}\n' for one in named]
    leads = tmp_path / "leads.jsonl"
    leads.write_text("".join(lines), encoding="utf-8")
    found = asllr_try(environ, "--leads", leads, "--json")
    assert found.exit_code == 0, found.output
    read = json.loads(found.stdout)
    assert read["rows"] == {"leads": 40}
    (skipped,) = read["skipped"]
    assert "1 row skipped, in line 41" in skipped
    assert said in skipped


def test_doubt_writes_a_draft_and_the_corrected_draft_is_used(
    environ: dict[str, str], tmp_path: Path
) -> None:
    leads, draft = tmp_path / "leads.csv", tmp_path / "mapping.json"
    leads.write_text("who,created\nann,03/04/2026\nbob,05/06/2026\n", encoding="utf-8")
    words = ("--leads", leads, "--mapping", draft)
    unsure = asllr_try(environ, *words)
    assert unsure.exit_code == 78
    assert "no column is named like lead" in unsure.stderr
    assert "%d/%m/%Y or %m/%d/%Y" in unsure.stderr
    mapping = json.loads(draft.read_text())
    open_still = asllr_try(environ, *words)
    assert "leaves lead open" in open_still.stderr
    mapping["leads"]["columns"]["lead"] = "who"
    draft.write_text(json.dumps(mapping))
    ambiguous = asllr_try(environ, *words)
    assert "set times of leads in the mapping" in ambiguous.stderr
    mapping["leads"]["times"] = ["%d/%m/%Y"]
    draft.write_text(json.dumps(mapping))
    found = asllr_try(environ, *words, "--json")
    assert found.exit_code == 0, found.output
    assert {row["lead"] for row in json.loads(found.stdout)["leads"]} == {"ann", "bob"}


def test_any_name_becomes_an_id_and_comes_back() -> None:
    for name in ("4711", "jo+1@example.org", "Jörg / 7", "a:40b", "a@b"):
        assert own_name(lead_id(name)) == name
    assert lead_id("a:40b") != lead_id("a@b")


def test_a_day_above_twelve_settles_the_order_of_day_and_month() -> None:
    assert reading_of(["03/04/2026", "25/04/2026"]) == TimeReading(("%d/%m/%Y",))
    doubt = reading_of(["03/04/2026"]).doubt
    assert doubt == "could be %d/%m/%Y or %m/%d/%Y, as '03/04/2026'"


def test_a_column_may_mix_shapes_of_times_but_not_hold_others() -> None:
    mixed = ["2026-03-01T09:00:00Z", "01.03.2026", "01.03.2026 9:05", "2026-03-01"]
    assert set(reading_of(mixed).formats) == {"iso", "%d.%m.%Y", "%d.%m.%Y %H:%M"}
    assert "'soon'" in (reading_of(["2026-03-01", "soon"]).doubt or "")
    assert reading_of(["2026-03-01"] * 30 + ["soon"]).doubt is None


def test_one_number_has_many_spellings() -> None:
    spelt = ("+49 170 123 4567", "0049(170)1234567", "0170-1234567", "1701234567.")
    assert len({phone_of(one) for one in spelt}) == 1
    assert phone_of("n/a") is None


@pytest.mark.slow
def test_the_example_files_of_the_tutorial_work_as_they_stand(
    environ: dict[str, str], tmp_path: Path
) -> None:
    page = Path(__file__).parents[2] / "docs" / "tutorials" / "your-exports.md"
    text = page.read_text(encoding="utf-8")
    block = text.partition("one lead in each file:\n\n```\n")[2].partition("```")[0]
    files: dict[str, list[str]] = {}
    for line in block.splitlines():
        name, text = line[:15].strip(), line[15:]
        if name:
            files[name] = []
        files[next(reversed(files))].append(text)
    words: list[str | Path] = []
    for name, lines in files.items():
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        words += [f"--{name.partition('.')[0]}", tmp_path / name]
    found = asllr_try(environ, *words, "--json")
    assert found.exit_code == 0, found.output
    read = json.loads(found.stdout)
    assert read["rows"] == {"leads": 1, "calls": 1, "outcomes": 1}
    assert read["mapping"]["profile"] == {
        "budget_band": "Budget band",
        "lead_source": "Lead source",
    }
    assert "Cannot tell" in read["verdict"]
    assert read["model"] == {"name": "the rule", "is_demo": False}
    assert "1 lead ordered, and a model needs 30 to learn from" in read["why_rule"]
    assert [row["probability"] for row in read["leads"]] == []


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
def test_what_excel_writes_is_read(encoding: str, environ: dict[str, str], tmp_path: Path) -> None:
    leads = tmp_path / "leads.csv"
    cells = 'Lead ID;Created;Note\r\nJörg;01.03.2026 9:05;"two\r\nlines; ""quoted"""\r\n'
    leads.write_bytes(cells.encode(encoding))
    found = asllr_try(environ, "--leads", leads, "--json")
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["leads"][0]["lead"] == "Jörg"
    assert ("read as cp1252" in found.stderr) == (encoding == "cp1252")


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "\n \n;;\nlead;created;note\nann;2026-03-01;\n",
        "sep=;\r\nlead;created;a,b,c,d\r\nann;2026-03-01;\r\n",
        "sep=^\nlead^created\nann^2026-03-01\n",
        "sep=\t\nlead\tcreated\nann\t2026-03-01\n",
        'lead,created,note\rann,2026-03-01,"two\nlines"\r',
    ],
    ids=["blank lines first", "sep=;", "sep=^", "sep=tab", "carriage returns"],
)
def test_other_beginnings_and_ends_of_lines_are_read(
    text: str, environ: dict[str, str], tmp_path: Path
) -> None:
    leads = tmp_path / "leads.csv"
    leads.write_bytes(text.encode())
    found = asllr_try(environ, "--leads", leads, "--json")
    assert found.exit_code == 0, found.output
    read = json.loads(found.stdout)
    assert [row["lead"] for row in read["leads"]] == ["ann"]
    assert read["skipped"] == []


@pytest.mark.slow
def test_what_is_nobodys_or_still_open_is_left_out_and_counted(
    environ: dict[str, str], tmp_path: Path
) -> None:
    files = {
        "leads": "contact_id,phone,created_at\nann,+49 170 1234567,2026-02-01\nbob,,2026-02-02\n",
        "calls": "phone,started_at\n0170/1234567,2026-02-03\n015550000,2026-02-03\n",
        "outcomes": "contact_id,close_date,stage\nann,2026-02-09,Closed Won\n"
        "bob,2099-01-01,Closed Won\nbob,2026-02-05,Negotiation\n",
    }
    words: list[str | Path] = []
    for kind, text in files.items():
        (tmp_path / f"{kind}.csv").write_text(text, encoding="utf-8")
        words += [f"--{kind}", tmp_path / f"{kind}.csv"]
    found = asllr_try(environ, *words, "--json")
    assert found.exit_code == 0, found.output
    read = json.loads(found.stdout)
    assert read["rows"] == {"leads": 2, "calls": 1, "outcomes": 1}
    said = "\n".join(read["skipped"])
    assert "'015550000': a telephone number that no lead has" in said
    assert "line 3, '2099-01-01': ordered_at: in the future" in said
    assert "line 4, 'Negotiation': taken for still open" in said
    assert [row["lead"] for row in read["leads"]] == ["bob"]


@pytest.mark.slow
def test_calls_in_a_language_without_phrases_are_told(
    environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "leads.csv").write_text("lead_id,created_at\n1,2026-03-01\n", encoding="utf-8")
    calls = [
        {
            "lead_id": "1",
            "started_at": f"2026-03-0{n}T10:00:00Z",
            "language": language,
            "transcript": [{"speaker": "customer", "text": "Le prix est trop haut."}],
        }
        for n, language in enumerate(("fr_FR", "en", "whatever"), start=2)
    ]
    lines = "\n".join(map(json.dumps, calls))
    (tmp_path / "calls.jsonl").write_text(f"{lines}\n", encoding="utf-8")
    words = ("--leads", tmp_path / "leads.csv", "--calls", tmp_path / "calls.jsonl")
    plain = asllr_try(environ, *words)
    assert "language = language" in plain.stderr
    assert (
        "1 of 3 languages are no tags as de or en-US are, the first is 'whatever'" in plain.stderr
    )
    told = json.loads(asllr_try(environ, *words, "--json").stdout)["unknown_languages"]
    assert (told["calls"], told["by_language"]) == (3, {"fr": 1})
    assert f"{told['sentence']}\n" in plain.stdout
    trees = build_trees_artifact(tmp_path / "trees")
    other = asllr_try(environ, *words, "--artifact", trees)
    assert "1 of 3 calls is in fr, of which domain auto has no phrases" in other.stdout
    assert "the model reads no words" in other.stdout

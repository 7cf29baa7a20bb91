"""`asllr try` with the files that people have: one sentence each, exit codes as documented, and
nothing half-written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from asllr import main
from streams import exit_codes
from tests.support.engines.stub_artifact import build_stub_artifact

LEADS = "lead_id,created_at\n" + "".join(f"{n},2026-03-{n:02} 09:30\n" for n in range(1, 21))


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("artifacts")
    build_stub_artifact(folder / "demo")
    return {"ASLLR_ARTIFACTS": str(folder)}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def asllr_try(environ: dict[str, str], *words: str, **files: str | bytes) -> Result:
    for kind, text in files.items():
        content = text if isinstance(text, bytes) else text.encode()
        Path(f"{kind}.csv").write_bytes(content)
        words += (f"--{kind}", f"{kind}.csv")
    return CliRunner().invoke(main, ["try", *words], env=environ)


def _orders(word: str) -> str:
    return "lead_id,ordered_at,stage\n" + "".join(
        f"{n},2026-04-{n:02} 10:00,{word}\n" for n in range(1, 21)
    )


CALLS = "lead_id,started_at,transcript\n1,2026-03-05 10:00,Agent: Hello.\n"
Files = dict[str, str | bytes]
REFUSED: dict[str, tuple[Files, str]] = {
    "an empty file": ({"leads": ""}, "empty"),
    "two files swapped": ({"leads": CALLS, "calls": LEADS}, "swapped"),
    "the same file twice": ({"leads": LEADS, "calls": LEADS}, "the same rows"),
    "milliseconds": (
        {"leads": LEADS, "calls": "lead_id,started_at,duration\n1,2026-03-05,300000\n"},
        "seconds or milliseconds?",
    ),
    "outcomes of unknown words": (
        {"leads": LEADS, "outcomes": _orders("Zusage")},
        "'Zusage' (20)",
    ),
    "outcomes of other leads": (
        {"leads": LEADS, "outcomes": "lead_id,ordered_at\n99,2026-04-01\n"},
        "the same ids in both files",
    ),
    "no .xlsx": ({"leads": b"PK\x03\x04" + bytes(40)}, "damaged"),
    "a workbook of the old kind": ({"leads": b"\xd0\xcf\x11\xe0" + bytes(40)}, ".xls"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_bad_file_is_one_sentence_and_exit_code_78(
    what: str, environ: dict[str, str], tmp_path: Path
) -> None:
    files, said = REFUSED[what]
    found = asllr_try(environ, **files)
    assert found.exit_code == exit_codes.UNUSABLE == 78
    assert found.stdout == ""
    assert said in found.stderr
    assert found.stderr.count("\n") == 1
    drafts = {path.name for path in tmp_path.iterdir()} - {f"{kind}.csv" for kind in files}
    assert drafts <= {"asllr-mapping.json"}
    for draft in drafts:
        json.loads(Path(draft).read_text(encoding="utf-8"))


NO_VERDICT: dict[str, Files] = {
    "one row": {"leads": "lead_id,created_at\n1,2026-03-01\n"},
    "one lead that ordered": {
        "leads": "lead_id,created_at\n1,2026-03-01\n",
        "outcomes": "lead_id,ordered_at\n1,2026-03-05\n",
    },
    "only wins": {"leads": LEADS, "outcomes": _orders("Closed Won")},
    "only losses": {"leads": LEADS, "outcomes": _orders("Closed Lost")},
    "ids that differ in case only": {
        "leads": "lead_id,created_at\nab1,2026-03-01\nAB1,2026-03-01\n",
        "outcomes": "lead_id,ordered_at\nAB1,2026-03-05\n",
    },
    "outcomes without dates": {"leads": LEADS, "outcomes": "lead_id,won\n1,0\n2,1\n"},
    "no date at all": {
        "leads": "lead_id,source\n1,web\n2,ad\n3,ad\n",
        "outcomes": "lead_id,won\n1,0\n2,1\n",
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("what", NO_VERDICT)
def test_what_cannot_be_judged_is_ranked_and_said(what: str, environ: dict[str, str]) -> None:
    found = asllr_try(environ, "--json", **NO_VERDICT[what])
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["verdict"].lower().startswith("cannot tell")


@pytest.mark.slow
def test_who_is_known_to_be_closed_is_on_no_list(environ: dict[str, str]) -> None:
    found = asllr_try(environ, "--json", **NO_VERDICT["no date at all"])
    assert [row["lead"] for row in json.loads(found.stdout)["leads"]] == ["3"]


@pytest.mark.slow
def test_a_mapping_is_written_without_a_doubt_and_can_be_given_again(
    environ: dict[str, str], tmp_path: Path
) -> None:
    first = asllr_try(environ, "--json", "--mapping", "mine.json", leads=LEADS)
    assert first.exit_code == 0, first.output
    written = (tmp_path / "mine.json").read_bytes()
    again = asllr_try(environ, "--json", "--mapping", "mine.json", leads=LEADS)
    assert again.stdout == first.stdout
    assert (tmp_path / "mine.json").read_bytes() == written


def test_the_demo_model_gives_no_probability_to_leads_of_which_it_reads_no_column(
    environ: dict[str, str],
) -> None:
    leads = "Lead ID,Created At,Wohnfläche\n1,2026-03-01 10:00,120\n"
    found = asllr_try(environ, "--artifact", "demo", leads=leads)
    assert found.exit_code == exit_codes.UNUSABLE
    assert "knows no column of these" in found.stderr
    assert not found.stdout

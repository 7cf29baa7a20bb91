"""`asllr try --report`: the page says what the JSON says, in a browser without a network."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from asllr import main
from tests.support.browser import WIDTHS, opened
from tests.support.leads.planted import planted_leads, write_exports

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SAID = "I keep a blue heron in the bath."
HOSTILE = "\"><script>throw 1</script><img src='http://evil.example/x'>\u202e"
START = datetime(2026, 3, 1, 9, tzinfo=UTC)


def asllr(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def exports_in(folder: Path) -> list[str | Path]:
    """40 leads whose names, queues, fields and columns want to be tags; one in four orders."""
    folder.mkdir()
    leads: list[list[str]] = [["Lead ID", "Created At", "Team", f"Shade {HOSTILE}", "Remark"]]
    calls, outcomes = [], [["lead_id", "ordered_at"]]
    for n in range(40):
        name, at = f"{n} {HOSTILE}", START + timedelta(hours=36 * n)
        leads.append([name, f"{at:%Y-%m-%d %H:%M}", f'T{n % 2} <b onclick=x>"&', HOSTILE, SAID])
        call = {"lead_id": name, "started_at": (at + timedelta(hours=2)).isoformat()}
        calls.append(json.dumps(call | {"duration": 60, "transcript": f"Customer: {SAID}"}))
        if n % 4 == 0:
            outcomes.append([name, f"{at + timedelta(days=9):%Y-%m-%d}"])
    for file, rows in {"leads.csv": leads, "outcomes.csv": outcomes}.items():
        with (folder / file).open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows(rows)
    (folder / "calls.jsonl").write_text("\n".join(calls) + "\n", encoding="utf-8")
    given = {"leads": "leads.csv", "calls": "calls.jsonl", "outcomes": "outcomes.csv"}
    return [word for kind, file in given.items() for word in (f"--{kind}", folder / file)]


@dataclass(frozen=True, slots=True)
class Reported:
    page: Path
    said: dict[str, Any]


def reported(folder: Path, *words: str | Path) -> Reported:
    page = folder / "page.html"
    run = asllr("try", *words, "--report", page, "--json")
    assert run.exit_code == 0, run.output
    assert f"report in {page}" in run.stderr
    return Reported(page, json.loads(run.stdout))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """By the rule, which needs no library: ten orders are too few to learn from."""
    folder = tmp_path_factory.mktemp("hostile")
    return reported(folder, *exports_in(folder / "exports"), "--capacity", "2")


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    pytest.importorskip("lightgbm", reason="needs the learn extra")
    folder = tmp_path_factory.mktemp("learned")
    paths = write_exports(folder, planted_leads(1, 500, calls=False))
    words = [word for kind, path in paths.items() for word in (f"--{kind}", path)]
    return reported(folder, *words, "--capacity", "2")


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("which", ["hostile", pytest.param("learned", marks=pytest.mark.train)])
def test_the_page_needs_nothing_and_all_of_it_can_be_read(
    which: str, width: str, chromium: Browser, request: pytest.FixtureRequest
) -> None:
    made: Reported = request.getfixturevalue(which)
    with opened(chromium, made.page, width) as seen:
        assert seen.asked_for == [made.page.as_uri()]
        assert seen.complaints == []
        assert seen.page.inner_text("p.answer") == made.said["verdict"]
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[width]
        charts = seen.charts()
        assert [chart["title"] for chart in charts][:2] == [
            "Buyers reached, day by day",
            "Buyers reached, by calls",
        ]
        for chart in charts:
            for text in chart["texts"]:
                assert text["box"]["right"] <= chart["box"]["right"] + 1, text["said"]


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("which", ["hostile", pytest.param("learned", marks=pytest.mark.train)])
def test_the_page_says_what_the_json_says(
    which: str, chromium: Browser, request: pytest.FixtureRequest
) -> None:
    made: Reported = request.getfixturevalue(which)
    said, judged = made.said, made.said["backtest"]
    with opened(chromium, made.page) as seen:
        tables, charts = seen.tables(), {chart["title"]: chart for chart in seen.charts()}
        text = seen.page.inner_text("body")
    ranked = [row for caption, rows in tables.items() if "Queue" in caption for row in rows[1:]]
    assert [int(row[0]) for row in ranked] == [row["rank"] for row in said["leads"]]
    assert [row[-1] for row in ranked] == [_seen(row["reason"]) for row in said["leads"]]
    assert [row[1] for row in ranked] == [_seen(row["lead"]) for row in said["leads"]]
    if said["own"]:
        shown = [row[2] for row in ranked]
        assert shown == [f"{row['probability']:.1%}" for row in said["leads"]]
    reach = judged["reach"]
    by_calls = next(rows for caption, rows in tables.items() if caption.startswith("Buyers reach"))
    assert by_calls[0][1:] == list(judged["models"])
    assert [int(row[0]) for row in by_calls[1:]] == reach["capacities"]
    for number, counts in enumerate(reach["reached"].values(), 1):
        assert [int(row[number]) for row in by_calls[1:]] == counts
    for name, of_days in judged["reached_by_day"].items():
        assert of_days[-1][1] == judged["models"][name]["reached"]["value"]
        at_asked = reach["capacities"].index(2)
        assert reach["reached"][name][at_asked] == of_days[-1][1]
    assert ("Were the probabilities right?" in charts) == bool(judged["calibration"])
    assert bool(said["own"]) == bool(judged["calibration"])
    for sentence in (*said["skipped"], *said["remarks"], *said["left_out"].values()):
        assert _seen(sentence) in text
    assert said["next"].removeprefix("next: ") in text


def _seen(text: str) -> str:
    """A browser shows no two blanks."""
    return " ".join(text.replace("\u202e", "\\u202e").split())


@pytest.mark.slow
def test_nothing_that_was_said_is_on_the_page(hostile: Reported) -> None:
    page = hostile.page.read_text(encoding="utf-8")
    assert "blue heron" not in page
    assert "Shade" in page


def there_is_no_folder(folder: Path) -> list[str | Path]:
    return ["--report", folder / "no" / "page.html"]


def there_is_a_file(folder: Path) -> list[str | Path]:
    (folder / "page.html").write_text("mine", encoding="utf-8")
    return ["--report", folder / "page.html"]


def it_is_the_place_of_save(folder: Path) -> list[str | Path]:
    return ["--save", folder / "one", "--report", folder / "one"]


def it_is_the_mapping(folder: Path) -> list[str | Path]:
    return ["--mapping", folder / "one", "--report", folder / "one"]


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        (there_is_no_folder, "is not a folder or may not be written to"),
        (there_is_a_file, "exists: name another file, or remove it"),
        (it_is_the_place_of_save, "name another file for --report"),
        (it_is_the_mapping, "name another file for --report"),
    ],
)
def test_where_the_page_cannot_stand_is_said_before_a_file_is_read(
    place: Callable[[Path], list[str | Path]], sentence: str, tmp_path: Path
) -> None:
    words = place(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    (leads := tmp_path / "leads.csv").write_bytes(b"")  # which would be refused when it is read
    run = asllr("try", "--leads", leads, *words)
    assert run.exit_code in (2, 78)
    (line,) = run.stderr.splitlines()
    assert sentence in line
    leads.unlink()
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before

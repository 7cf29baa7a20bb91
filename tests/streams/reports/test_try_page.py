"""The page of `asllr try`: whatever a file holds stays text, and is seen for what it is."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from schemas.ids import id_of
from schemas.outputs import Evidence, ReasonKind
from scoring.backtest.daily_calls import CallTerms
from scoring.report.shown import shown
from streams.importers.tables.events import Read
from streams.importers.tables.exports import Exports
from streams.importers.tables.mapping import ColumnMapping, FileColumns
from streams.importers.tables.table import ExportTable
from streams.replay.rank_file import RankedFile, RankedRow
from streams.reports.try_html import MAX_CELL, MAX_COLUMNS_SHOWN, MAX_QUEUES, try_page
from streams.reports.try_text import Found, OwnModel
from tests.support.html_reader import read

PIECES = (
    *("<script>alert(1)</script>", "</style>", "</title>", "<img src=http://evil.example/x>"),
    *('"', "'", " onload=x", "&lt;", "&", "-->", "\u202e", "\u2066", "\u200f", "\ufeff", "\x00"),
    *("\x1b[2J", "\ud800", "\U000e0041", "\n", "\t", "שלום", "Jörg", "😀", "a"),
)
HOSTILE = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), min_size=1, max_size=6).map(
    "".join
)
TURNS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\x00-\x09\x0b-\x1f]")
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "ul", "li"),
    *("div", "table", "caption", "tr", "th", "td", "code"),
}


def page_of(name: str, lead: str = "4711", queue: str = "default", n: int = 1) -> str:
    """A page on which every text that a file can give is `name`, but the lead's and its queue's."""
    rows = [
        RankedRow(
            tenant="try",
            queue=f"{queue}{number}" if n > 1 else queue,
            rank=1,
            lead=lead,
            probability=0.25,
            reason=f'field "{name}" +1.0 points',
            reason_kind=ReasonKind.RECENT,
            evidence=Evidence.LOW,
        )
        for number in range(n)
    ]
    columns = tuple(f"{name}{number}" for number in range(n))
    table = ExportTable(Path(f"{name}.csv"), columns, "utf-8-sig")
    named = FileColumns(columns={"lead": columns[0]})
    mapping = ColumnMapping(leads=named, profile={"field": columns[-1]})
    own = OwnModel("logistic", name, 60, 30, columns[:1], columns[1:], reads_words=False)
    ranked = RankedFile(datetime(2026, 3, 1, tzinfo=UTC), n, n, rows)
    left_out = Read(counts={"leads": n}, skipped=[f"{name}.csv: 1 row skipped: {name}"])
    found = Found(
        "your model",
        ranked,
        CallTerms(5, 30),
        left_out,
        None,
        why_not=name,
        own=own,
        left_out={"field": name},
    )
    exports = Exports({"leads": table}, mapping, (name,), left_out)
    return try_page(found, exports, 10, ["asllr", "try", "--leads", name])


@example("".join(PIECES), "<b>\u202e", '"><script>')
@given(HOSTILE, HOSTILE, HOSTILE)
def test_what_comes_from_files_stays_text(name: str, lead: str, queue: str) -> None:
    page = page_of(name, *(_id(each) for each in (lead, queue)))
    page.encode("utf-8")
    assert TURNS.search(page.replace("\n", " ")) is None
    seen = read(page)
    assert {*seen.tags} <= TAGS
    names = {attribute for attribute, _ in seen.attributes}
    assert names <= {
        *("lang", "charset", "name", "content", "class", "scope", "tabindex", "role"),
        "aria-label",
    }
    plain = read(shown(name)).text
    assert seen.text.count(plain) >= 6


def _id(name: str) -> str:
    """The id that stands for a name, or another where none can."""
    try:
        return id_of(name)
    except ValueError:
        return "other"


def test_a_page_of_very_many_queues_columns_and_long_names_is_still_a_page() -> None:
    n = MAX_COLUMNS_SHOWN + 50
    page = page_of("c" * 2 * MAX_CELL, n=n)
    assert page.count("<table") == MAX_QUEUES + 2
    assert f"And {n - MAX_QUEUES} more queues" in page
    assert "The columns of leads, and 50 more" in page
    assert len(page) < 500_000


def test_what_is_not_seen_or_turns_the_text_is_written_as_its_number() -> None:
    assert shown("a\u202eb\ud800\x1b[c\r\nd") == "a\\u202eb\\ud800\\u001b[c d"
    assert shown("ж שלום 😀‍ é") == "ж שלום 😀‍ é"

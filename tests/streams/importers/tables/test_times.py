"""Times as exports write them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from streams.importers.tables.times import (
    FORMATS,
    TimeReading,
    end_of_day,
    parse_time,
    read_time,
    reading_of,
)

THE_MOMENT = (
    *("2026-03-13T10:05:00Z", "2026-03-13 10:05", "2026-03-13T10:05:00.000+0000"),
    *("2026-03-13 10:05:00 UTC", "2026-03-13 11:05:00 +0100", "2026-03-13T10:05:00.0000000Z"),
    *("20260313T100500Z", "20260313100500", "13.03.2026 10:05", "13.3.2026 10:05:00"),
    *("13/03/2026 10:05", "03/13/2026 10:05 AM", "03/13/2026, 10:05:00 AM", "3/13/26 10:05"),
    *("13-Mar-2026 10:05", "Mar 13, 2026 10:05 AM", "March 13, 2026 at 10:05 AM", "1773396300"),
    *("1773396300000", "1773396300.0", "46094.4201388889", "2026/03/13 10:05:00"),
    *("13 Mar 2026 10:05", "13. März. 2026 10:05", "13 Mar, 2026 10:05:00"),
    *("Fri, 13 Mar 2026 11:05:00 +0100", "Fr., 13. März 2026 um 10:05 Uhr", "2026-3-13 10:05"),
    *("Friday, March 13, 2026 10:05:00 AM", "Fri Mar 13 10:05:00 2026", "13/03/2026 10.05"),
    *("Fri Mar 13 2026 10:05:00 GMT+0000 (Coordinated Universal Time)", "2026-03-13 11:05 CET"),
    *("13/Mar/2026:10:05:00 +0000", "/Date(1773396300000)/", "13 mars 2026 10:05"),
    *("03/13/2026 10:05\u202fAM", "10:05 13.03.2026", "2026.03.13 10:05"),
)  # fmt: skip
THE_DAY = (
    *("2026-03-13", "20260313", "13.03.2026", "13.03.26", "13/03/2026", "03/13/2026"),
    *("13-Mar-2026", "13-Mar-26", "Mar 13, 2026", "March 13, 2026", "13. März 2026"),
    *("13 Mar 2026", "46094", "13 March, 2026"),
    *("2026/3/13", "2026-3-13", "13th March 2026", "Fr 13.03.2026", "2026年3月13日", "2026.3.13"),
)  # fmt: skip


@pytest.mark.parametrize("cell", THE_MOMENT)
def test_a_usual_form_is_read_without_being_named(cell: str) -> None:
    found = reading_of([cell] * 3)
    assert found.doubt is None
    read, is_bare = read_time(cell, found.formats, UTC)
    assert abs((read - datetime(2026, 3, 13, 10, 5, tzinfo=UTC)).total_seconds()) < 1
    assert not is_bare


@pytest.mark.parametrize("cell", THE_DAY)
def test_a_date_without_a_clock_is_known_to_be_one(cell: str) -> None:
    found = reading_of([cell] * 3)
    assert read_time(cell, found.formats, UTC) == (datetime(2026, 3, 13, tzinfo=UTC), True)


@pytest.mark.parametrize(
    "cell", ["4711", "25k - 40k", "2026", "170 1234567", "lead", "", "13.13.2026"]
)
def test_what_is_no_time_is_none(cell: str) -> None:
    assert reading_of([cell] * 3).formats == ()


def test_two_digits_in_a_row_of_three_are_a_doubt() -> None:
    assert "could be" in (reading_of(["11-03-12"]).doubt or "")


def test_cells_of_one_shape_settle_those_of_another() -> None:
    found = reading_of(["03/04/2026", "25/04/2026 10:00"])
    assert found == TimeReading(("%d/%m/%Y", "%d/%m/%Y %H:%M"))


def test_the_cell_that_failed_is_quoted() -> None:
    doubt = reading_of(["2026-03-12", "2026-13-45", "2026-99-99"]).doubt or ""
    assert "'2026-13-45'" in doubt


def test_every_format_reads_what_it_writes() -> None:
    written = datetime(2026, 3, 13, 10, 5, 7, tzinfo=UTC)
    for format_ in FORMATS:
        if "%" in format_:
            read = parse_time(written.strftime(format_), (format_,), UTC)
            assert (read.year, read.month, read.day) == (2026, 3, 13), format_


def test_a_day_ends_where_its_zone_says() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    begin = datetime(2026, 3, 29, tzinfo=berlin)  # 23 hours long
    end = end_of_day(begin.astimezone(UTC), berlin)
    assert end.isoformat(timespec="milliseconds") == "2026-03-29T21:59:59.999+00:00"

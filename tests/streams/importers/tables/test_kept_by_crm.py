"""What a CRM keeps up to date is no field of a lead, and the dates in it are read where there is no
other."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.events import LeadClosed, LeadUpserted, StageChanged
from streams.importers.tables.exports import Exports, read_exports
from streams.importers.tables.fields import NOTHING_READ
from streams.importers.tables.mapping import Purpose
from streams.importers.tables.words.kept_by_crm import is_kept_by_crm

NOW = datetime(2026, 6, 1, tzinfo=UTC)

KEPT = {
    "Pipedrive": "Deal - Lost time;Deal - Won time;Deal - Deal closed on;Deal - Update time;"
    "Deal - Last stage change;Deal - Next activity date;Deal - Last activity date;"
    "Deal - Probability;Deal - Weighted value;Deal - Currency of Weighted value;Deal - Lost reason;"
    "Deal - Total activities;Deal - Done activities;Deal - Activities to do;"
    "Deal - Email messages count;Deal - Expected close date;Deal - Last email sent;Deal - Status",
    "Pipedrive in German": "Deal - Datum des gewonnenen Deals;Deal - Datum des verlorenen Deals;"
    "Deal - Deal abgeschlossen am;Deal - Verlustgrund;Deal - Wahrscheinlichkeit;"
    "Deal - Gewichteter Wert;Deal - Letzte Phasenänderung;Deal - Datum der letzten Aktivität;"
    "Deal - Datum nächste Aktivität;Deal - Zeit der Aktualisierung;"
    "Deal - Zu erledigende Aktivitäten;Deal - Gesamtzahl der Aktivitäten;Deal - Phase",
    "HubSpot": "Last Activity Date;Number of times contacted;Days To Close;Close Date;"
    "Last Contacted;Number of Sales Activities;Lifecycle Stage;Lead Status;"
    "Number of Associated Deals;"
    'Date entered "Customer (Lifecycle Stage Pipeline)";hs_lead_status;hs_latest_source;'
    "hs_v2_date_entered_customer;num_contacted_notes;notes_last_updated;lastmodifieddate;"
    "Next Activity Date;Recent Deal Amount;hs_analytics_num_page_views",
    "Salesforce": "Last Activity;Last Modified Date;Forecast Category;Probability (%);"
    "IsConverted;ConvertedDate;Letzte Aktivität;Schlusstermin;SystemModstamp;IsClosed;Next Step",
    "Dynamics": "(Do Not Modify) Row Checksum;(Do Not Modify) Modified On;Status Reason;"
    "Actual Close Date;Est. Close Date;Actual Revenue",
    "Odoo and SuiteCRM": "Days to Close;Tage bis Beendigung;Stufe;Expected Closing;Date Modified;"
    "Änderungsdatum;Erwartetes Abschlussdatum;Wahrscheinlichkeit (%);Umgewandelt;Sales Stage",
}
KNOWN_AT_ONCE = (
    "Lead Source;Deal - Value;Deal - Label;Deal - Source channel;Organization - Address;"
    "Original Source;hs_analytics_source;hs_email_domain;Industry;Annual Revenue;No. of Employees;"
    "Job Title;Country/Region;Campaign;Medium;Branche;Bundesland;Jahresumsatz;Stellenbezeichnung;"
    "Quelle des Interessenten;Marketing contact status at signup;Marital Status;Company Stage;"
    "Budget approved;Expected Revenue;Contract type;Rating;Closing costs;Next of kin"
)


@pytest.mark.parametrize("columns", KEPT.values(), ids=KEPT)
def test_what_a_crm_keeps_is_told_by_its_name(columns: str) -> None:
    assert [name for name in columns.split(";") if not is_kept_by_crm(name)] == []


def test_what_was_known_when_a_lead_came_in_is_a_field() -> None:
    assert [name for name in KNOWN_AT_ONCE.split(";") if is_kept_by_crm(name)] == []


HEAD = (
    "Deal - ID,Deal - Deal created,Deal - Value,Deal - Stage,Deal - Status,Deal - Won time,"
    "Deal - Lost time,Deal - Lost reason,Deal - Next activity date,Deal - Product"
)
ROWS = (
    "1,2026-01-05 09:00:00,500,Offer,Won,2026-01-20 10:30:00,,,,dryer",
    "2,2026-01-06 09:00:00,900,Offer,Lost,,2026-02-03 11:00:00,price,,washer",
    "3,2026-01-07 09:00:00,700,Demo,Open,,,,2026-06-09,dryer",
)


def read(folder: Path, *rows: str, mapping: Path | None = None) -> Exports:
    path = folder / "deals.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    files = {"leads": path, "outcomes": path}
    return read_exports(files, mapping, NOTHING_READ, NOW, Purpose.LEARN)


@pytest.mark.parametrize("has_words", [True, False])
def test_won_and_lost_times_say_when_where_there_is_no_other(
    tmp_path: Path, has_words: bool
) -> None:
    words = slice(None) if has_words else slice(0)
    head = HEAD if has_words else HEAD.replace("Deal - Status", "Deal - Colour")
    rows = ROWS if has_words else [r.replace("Won", "a").replace("Lost", "b") for r in ROWS]
    head = head if has_words else head.replace("Deal - Stage", "Deal - Shape")
    exports = read(tmp_path, head, *rows)
    assert exports.mapping.outcomes.columns["ordered_at"] == "Deal - Won time"
    assert exports.mapping.outcomes.columns["lost_at"] == "Deal - Lost time"
    assert ["outcome"][words] == [k for k in exports.mapping.outcomes.columns if k == "outcome"]
    ends = {
        event.lead: (type(event), event.occurred_at.isoformat())
        for event in exports.read.events
        if not isinstance(event, LeadUpserted)
    }
    assert ends == {
        "1": (StageChanged, "2026-01-20T10:30:00+00:00"),
        "2": (LeadClosed, "2026-02-03T11:00:00+00:00"),
    }


def test_a_field_that_is_kept_is_left_out_and_said_unless_a_mapping_names_it(
    tmp_path: Path,
) -> None:
    exports = read(tmp_path, HEAD, *ROWS)
    assert [*exports.mapping.profile] == ["Deal - Value", "Deal - Product"]
    (said,) = [line for line in exports.remarks if "became known later" in line]
    assert "Deal - Stage, Deal - Lost reason, Deal - Next activity date" in said
    named = exports.mapping.model_copy(
        update={"profile": {**exports.mapping.profile, "stage": "Deal - Stage"}}
    )
    path = tmp_path / "mapping.json"
    path.write_text(named.model_dump_json(exclude_none=True), encoding="utf-8")
    again = read(tmp_path, HEAD, *ROWS, mapping=path)
    assert "stage" in again.mapping.profile


def test_a_close_date_beside_a_loss_is_not_the_date_of_an_order(tmp_path: Path) -> None:
    head = "Deal - ID,Deal - Deal created,Deal - Deal closed on,Deal - Lost time"
    rows = [
        "1,2026-01-05 09:00,2026-01-20 10:30,",
        "2,2026-01-06 09:00,2026-02-03 11:00,2026-02-03 11:00",
    ]
    ends = [e for e in read(tmp_path, head, *rows).read.events if not isinstance(e, LeadUpserted)]
    assert [(type(event), event.lead) for event in ends] == [(StageChanged, "1"), (LeadClosed, "2")]

"""The column names of seven CRMs' exports, English and German: data, without which a mapping would
be needed.

Compared with sources: SuiteCRM's and Odoo's label files in both languages; Pipedrive's field names
as programs that read its exports name them, in both languages but for its German leads and
activities; of Salesforce (both languages), Dynamics (English), HubSpot (English) and Zoho (English)
the columns that such programs name. The others are these products' labels as they are commonly
written. Labels can be renamed in all of them; then a mapping says what is what.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

ColumnHeaders = Mapping[str, Mapping[str, str]]
"""File -> what asllr reads -> the column's name."""


class CrmExport(NamedTuple):
    """One CRM's exports in one language."""

    crm: str
    language: str
    headers: ColumnHeaders


def _leads(lead: str, created_at: str, owner: str, *phones: str, queue: str = "") -> dict[str, str]:
    names = ("phone", "phone_2", "phone_3", "phone_4")
    found = {"lead": lead, "created_at": created_at, "owner": owner}
    return found | ({"queue": queue} if queue else {}) | dict(zip(names, phones, strict=False))


def _outcomes(lead: str, ordered_at: str, outcome: str) -> dict[str, str]:
    return {"lead": lead, "ordered_at": ordered_at, "outcome": outcome}


def _calls(lead: str, started_at: str, duration_s: str, direction: str) -> dict[str, str]:
    return {
        "lead": lead,
        "started_at": started_at,
        "duration_s": duration_s,
        "direction": direction,
    }


EXPORTS = (
    CrmExport("HubSpot", "en", {
        "leads": _leads("Record ID", "Create Date", "Contact owner", "Phone Number",
                        "Mobile Phone Number"),
        "calls": _calls("Associated Contact IDs", "Activity date",
                        "Call duration (HH:mm:ss)", "Call direction"),
        "outcomes": _outcomes("Associated Contact IDs", "Close Date", "Deal Stage"),
    }),
    CrmExport("HubSpot", "de", {
        "leads": _leads("Datensatz-ID", "Erstellungsdatum", "Zuständiger Mitarbeiter",
                        "Telefonnummer", "Mobiltelefonnummer"),
        "calls": _calls("Zugeordnete Kontakt-IDs", "Aktivitätsdatum", "Anrufdauer",
                        "Anrufrichtung"),
        "outcomes": _outcomes("Zugeordnete Kontakt-IDs", "Abschlussdatum", "Deal-Phase"),
    }),
    CrmExport("Salesforce", "en", {
        "leads": _leads("Lead ID", "Create Date", "Lead Owner", "Phone", "Mobile"),
        "calls": _calls("Who ID", "Created Date", "Call Duration", "Call Type"),
        "outcomes": _outcomes("Lead ID", "Converted Date", "Converted"),
    }),
    CrmExport("Salesforce", "de", {
        "leads": _leads("Lead-ID", "Erstelldatum", "Lead-Inhaber", "Telefon", "Mobil"),
        "calls": _calls("Namens-ID", "Erstelldatum", "Anrufdauer", "Anruftyp"),
        "outcomes": _outcomes("Lead-ID", "Konvertierungsdatum", "Konvertiert"),
    }),
    CrmExport("Dynamics 365", "en", {
        "leads": _leads("(Do Not Modify) Lead", "Created On", "Owner", "Business Phone",
                        "Mobile Phone", "Home Phone"),
        "calls": _calls("Regarding", "Actual Start", "Duration", "Direction"),
        "outcomes": _outcomes("Originating Lead", "Actual Close Date", "Status"),
    }),
    CrmExport("Dynamics 365", "de", {
        "leads": _leads("(Nicht ändern) Lead", "Erstellt am", "Besitzer", "Telefon (geschäftlich)",
                        "Mobiltelefon", "Telefon (privat)"),
        "calls": _calls("Bezug", "Tatsächlicher Beginn", "Dauer", "Richtung"),
        "outcomes": _outcomes("Ursprünglicher Lead", "Tatsächliches Abschlussdatum", "Status"),
    }),
    CrmExport("Pipedrive", "en", {
        "leads": _leads("Lead - ID", "Lead - Lead created", "Lead - Owner", "Person - Phone"),
        "calls": _calls("Activity - Lead ID", "Activity - Due date", "Activity - Duration",
                        "Activity - Direction"),
        "outcomes": _outcomes("Deal - Lead ID", "Deal - Deal closed on", "Deal - Status"),
    }),
    CrmExport("Pipedrive", "de", {
        "leads": _leads("Lead - ID", "Lead - Lead erstellt", "Lead - Besitzer", "Person - Telefon"),
        "calls": _calls("Aktivität - Lead-ID", "Aktivität - Fälligkeitsdatum", "Aktivität - Dauer",
                        "Aktivität - Richtung"),
        "outcomes": _outcomes("Deal - Lead-ID", "Deal - Deal abgeschlossen am", "Deal - Status"),
    }),
    CrmExport("Zoho", "en", {
        "leads": _leads("Lead Id", "Created Time", "Lead Owner", "Phone", "Mobile"),
        "calls": _calls("Related To Id", "Call Start Time", "Call Duration", "Call Type"),
        "outcomes": _outcomes("Lead Id", "Closing Date", "Stage"),
    }),
    CrmExport("Zoho", "de", {
        "leads": _leads("Lead-ID", "Erstellungszeit", "Lead-Eigentümer", "Telefon", "Mobil"),
        "calls": _calls("Zugehörige ID", "Startzeit des Anrufs", "Anrufdauer", "Anruftyp"),
        "outcomes": _outcomes("Lead-ID", "Abschlussdatum", "Phase"),
    }),
    CrmExport("Odoo", "en", {
        "leads": _leads("External ID", "Created on", "Salesperson", "Phone", "Mobile",
                        queue="Sales Team"),
        "calls": _calls("Opportunity/External ID", "Start Date", "Duration", "Direction"),
        "outcomes": _outcomes("External ID", "Closed Date", "Stage"),
    }),
    CrmExport("Odoo", "de", {
        "leads": _leads("Externe ID", "Erstellt am", "Vertriebsmitarbeiter", "Telefon", "Mobil",
                        queue="Verkaufsteam"),
        "calls": _calls("Verkaufschance/Externe ID", "Startdatum", "Dauer", "Richtung"),
        "outcomes": _outcomes("Externe ID", "Abgeschlossen am", "Phase"),
    }),
    CrmExport("SuiteCRM", "en", {
        "leads": _leads("ID", "Date Created", "Assigned to", "Office Phone", "Mobile", "Home Phone",
                        "Other Phone"),
        "calls": _calls("Parent ID", "Start Date", "Duration Minutes", "Direction"),
        "outcomes": _outcomes("ID", "Expected Close Date", "Sales Stage"),
    }),
    CrmExport("SuiteCRM", "de", {
        "leads": _leads("ID", "Erstellungsdatum", "Zugewiesen an", "Telefon Büro",
                        "Telefon Mobil", "Telefon Privat", "Weiteres Telefon"),
        "calls": _calls("Gehört zu ID", "Startdatum", "Dauer in Minuten", "Richtung"),
        "outcomes": _outcomes("ID", "Erwartetes Abschlussdatum", "Verkaufsphase"),
    }),
)  # fmt: skip

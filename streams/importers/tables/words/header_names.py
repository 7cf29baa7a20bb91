"""Which names of columns mean what: asllr's own words for it, and those of CRMs and telephone
systems."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from streams.importers.tables.words.crm_headers import EXPORTS

PHONES = ("phone", "phone_2", "phone_3", "phone_4")
"""A lead may have so many numbers, each in a column of its own."""

_LEAD = ("lead", "lead_id", "leadid", "lead_number", "lead_no", "lead_nr", "contact_id",
         "customer_id", "customer", "contact", "prospect_id", "kunden_id", "kundennummer",
         "kunden_nr", "kontakt_id", "person_id", "interessent", "external_id",
         "mql_id")  # fmt: skip
_LAST = ("record_id", "id", "deal_id", "opportunity_id", "geschaeft_id", "email",
         "e_mail", "email_address", "e_mail_address", "e_mail_adresse")  # fmt: skip
"""What is an id of whatever the row is: of a lead only where nothing else is."""

_PHONE = (
    *("phone", "phone_number", "telephone", "mobile", "mobile_phone", "tel", "telefon"),
    *("telefonnummer", "customer_number", "caller_number", "number", "phone_1", "phone1"),
    *("work_phone", "phone_work", "telephone1", "office_phone", "business_phone", "company_phone"),
    *("main_phone", "direct_phone", "mobilephone", "phone_mobile", "mobile_number", "cell"),
    *("cell_phone", "cellphone", "handy", "mobil", "mobilnummer", "mobiltelefon", "handynummer"),
    *("phone_2", "phone2", "second_phone", "secondary_phone", "other_phone", "phone_other"),
    *("home_phone", "phone_home", "telephone2", "rufnummer", "contact_number", "contact_phone"),
    *("whatsapp", "telefono", "telephone3", "phone_3", "telefon_mobil", "telefon_arbeit"),
    *("telefon_buero", "telefon_privat", "telefon_sonstige", "phone_other"),
)
_OWN: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "leads": {
        "lead": _LEAD,
        "created_at": ("created_at", "created", "created_date", "create_date", "date_created",
                       "created_on", "creation_date", "createdate", "createdon", "date_entered",
                       "created_time", "add_time", "date_added", "lead_date", "inquiry_date",
                       "erstellt_um", "erstellungszeitpunkt", "erzeugt_am", "erstelldatum",
                       "erstellungsdatum", "received_at", "erstellt", "erstellt_am", "angelegt",
                       "first_contact_date", "engage_date", "date_opened", "opened_on",
                       "registration_date", "signup_date", "fecha_de_creacion", "fecha_creacion",
                       "date_de_creation", "data_di_creazione", "data_de_criacao", "aanmaakdatum",
                       "angelegt_am", "eingang", "eingangsdatum", "anlagedatum", "erfasst_am",
                       "date"),
        "queue": ("queue", "team", "list", "sales_team"),
        "owner": ("owner", "owner_id", "agent", "assigned_to", "sales_rep", "besitzer",
                  "assigned_user_id", "ownerid", "hubspot_owner_id", "verkaeufer",
                  "opportunity_inhaber", "kontaktinhaber", "zugewiesener_benutzer"),
        "phone": _PHONE,
    },
    "calls": {
        "lead": _LEAD,
        "phone": _PHONE,
        "from_number": ("from", "from_number", "caller", "caller_id", "caller_number",
                        "calling_number", "src", "source_number", "ani", "von", "anrufer",
                        "a_number"),
        "to_number": ("to", "to_number", "callee", "called", "called_number", "dst", "destination",
                      "destination_number", "dnis", "an", "nach", "angerufener", "b_number"),
        "started_at": ("started_at", "start_time", "call_start", "call_time", "called_at", "start",
                       "timestamp", "call_date", "starttime", "date_time", "datetime", "begin",
                       "beginn", "startzeit", "anrufbeginn", "anrufzeit", "anrufdatum",
                       "gespraechsbeginn", "gestartet_am", "begonnen_am",
                       "date_start", "calldate", "created_at", "datum", "date", "time"),
        "call_id": ("call_id", "callid", "call", "call_sid", "uniqueid", "conversation_id", "id"),
        "direction": ("direction", "call_direction", "call_type", "richtung", "type"),
        "duration_s": ("duration_s", "duration", "call_duration", "seconds", "talk_time",
                       "call_length", "length", "billsec", "dauer", "anrufdauer",
                       "gespraechsdauer"),
        "talk": ("transcript", "segments", "utterances", "turns", "text", "transkript",
                 "transcription", "conversation"),
        "language": ("language", "lang", "language_code", "call_language", "locale", "sprache"),
    },
    "outcomes": {
        "lead": ("lead", "lead_id", "leadid", "associated_contact_ids", "associated_contact_id",
                 *_LEAD),
        "ordered_at": ("ordered_at", "order_date", "ordered", "won_at", "won_date", "close_date",
                       "closed_at", "closed_won_date", "converted_at", "conversion_date",
                       "closed_on", "closed_date", "closedate", "date_closed", "close_time",
                       "actual_close_date", "actualclosedate", "won_time", "won_on", "date_won",
                       "purchase_date", "sale_date", "converted_date", "date_converted",
                       "lead_conversion_time", "conversion_time", "converted_time",
                       "became_a_customer_date", "recent_deal_close_date",
                       "bestellt_am", "bestelldatum", "auftragsdatum", "abschlussdatum",
                       "schlusstermin", "abschlusstermin", "abgeschlossen_am",
                       "datum_des_gewonnenen_deals", "tatsaechliches_abschlussdatum",
                       "gewonnen_am", "verkauft_am", "umgewandelt_am", "expected_close_date",
                       "date", "datum"),
        "lost_at": ("lost_at", "lost_time", "lost_date", "lost_on", "date_lost", "verloren_am",
                    "datum_des_verlorenen_deals"),
        "outcome": ("outcome", "result", "won", "is_won", "converted", "is_converted",
                    "status", "stage", "deal_stage", "target", "is_closed_won", "dealstage",
                    "sales_stage", "stage_name", "lead_status", "ergebnis", "gewonnen", "gekauft",
                    "phase", "stufe", "umgewandelt", "lifecycle_stage",
                    "lifecyclestage"),
    },
}  # fmt: skip

_UNITS = re.compile(
    r"(_in)?_(ms|millis|milliseconds|s|sec|secs|seconds|sek|sekunden|min|mins|minutes|minuten|h|"
    r"hours|stunden|hh_mm_ss|h_mm_ss|mm_ss)$"
)


def header_key(name: str) -> str:
    """A column's name without case, accents and marks: `Lead Source` is `lead_source`, `Größe` is
    `groesse`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).casefold()
    for umlaut, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        spaced = spaced.replace(umlaut, letters)
    plain = re.sub(r"[\u0300-\u036f]", "", unicodedata.normalize("NFKD", spaced))
    return re.sub(r"\W+|_+", "_", plain).strip("_")


_ENTITY = re.compile(
    r"^(deal|lead|leads|contact|person|opportunity|opp|activity|call|calls|task|properties|fields|"
    r"geschaeft|kontakt|aktivitaet|anruf)_(\1_)?(?=.)"
)


def without_entity(key: str) -> str:
    """The key without the kind of record that it is of: `won_time` of `deal_won_time`, and without
    a zone behind it."""
    return re.sub(r"_(utc|gmt)$", "", _ENTITY.sub("", key))


def without_unit(key: str) -> str:
    """The key of a duration's column without its unit: `call_duration` of `call_duration_ms`."""
    return _UNITS.sub("", key)


def _names() -> dict[str, dict[str, tuple[str, ...]]]:
    names = {kind: {field: [*own] for field, own in of.items()} for kind, of in _OWN.items()}
    for export in EXPORTS:
        for kind, headers in export.headers.items():
            for field, header in headers.items():
                of = names[kind]["phone" if field in PHONES else field]
                key = (
                    without_unit(header_key(header))
                    if field == "duration_s"
                    else header_key(header)
                )
                if key not in of and key not in _LAST:
                    of.append(key)
    # Who ordered often stands in the file of the leads.
    of_outcomes = names["outcomes"]["lead"]
    of_outcomes += [key for key in names["leads"]["lead"] if key not in of_outcomes]
    for kind in ("leads", "outcomes"):
        names[kind]["lead"] += _LAST
    names["calls"]["lead"] += ("record_id", *_LAST[2:])
    return {kind: {field: tuple(of) for field, of in n.items()} for kind, n in names.items()}


NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = _names()
"""File -> what asllr reads -> keys of names that mean it, the surest first."""

FIELDS = {kind: (*names, *(PHONES[1:] if kind == "leads" else ())) for kind, names in NAMES.items()}
"""File -> what a mapping may name."""

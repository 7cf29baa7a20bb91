"""The words in times: names of months and days, marks of the clock, zones. They are written as
Python's formats know them."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache
from typing import Any

_MONTHS = {
    "Jan": "january januar jänner janvier enero gennaio januari janeiro ene genn janv",
    "Feb": "february februar feber février febrero febbraio februari fevereiro févr fév fev",
    "Mar": "march märz mars marzo maart março mär mrz marz maerz mrt",
    "Apr": "april avril abril aprile avr abr",
    "May": "mai mayo maggio mei maio mag maj",
    "Jun": "june juni juin junio giugno junho giu",
    "Jul": "july juli juillet julio luglio julho juil lug",
    "Aug": "august août agosto augustus augusti aoû ago aout",
    "Sep": "september sept septembre septiembre settembre setembro set sett",
    "Oct": "october oktober octobre octubre ottobre outubro okt ott out",
    "Nov": "november novembre noviembre novembro",
    "Dec": "december dezember décembre diciembre dicembre dezembro dez déc dic",
}
_MONTH_OF = {word: month for month, words in _MONTHS.items() for word in words.split()} | {
    month.lower(): month for month in _MONTHS
}
_WEEKDAY = re.compile(
    r"^(mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun|mo|di|mi|do|fr|sa|so|lun|mer|jeu|ven|sam|"
    r"dim|lu|ma|me|je|ve|dom|sab|sáb|mié|jue|vie|(mon|tues|wednes|thurs|fri|satur|sun)day|"
    r"(mon|diens|donners|frei|sams|sonn)tag|mittwoch|sonnabend|(lun|mar|mercre|jeu|vendre|same)di|"
    r"dimanche|lunes|martes|miércoles|jueves|viernes|sábado|domingo)\.?,? +(?=\D*\d)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{3,}\.?")
_ZONES = {
    **dict.fromkeys(("Z", "UTC", "GMT", "WET"), 0),
    **dict.fromkeys(("CET", "MEZ", "BST", "WEST"), 60),
    **dict.fromkeys(("CEST", "MESZ", "EET"), 120),
    **dict.fromkeys(("EEST",), 180),
    **dict.fromkeys(("EST", "CDT"), -300),
    **dict.fromkeys(("EDT",), -240),
    **dict.fromkeys(("MDT",), -360),
    **dict.fromkeys(("MST", "PDT"), -420),
    **dict.fromkeys(("PST",), -480),
}
"""Minutes before UTC. CST and IST are not here: each is the time of several countries."""

_OFFSET = re.compile(
    r"(?P<rest>.*\d[\d:.]*(?: ?[AaPp][Mm])?) ?(?:(?P<name>[A-Z]{1,4})|"
    r"(?:UTC|GMT)?(?P<sign>[+-])(?P<hours>\d{1,2}):?(?P<minutes>\d{2})?)"
)


def clean_time(value: Any) -> str:
    """A time with months as `Mar`, without a day of the week and with plain blanks.

    Example: `clean_time("Do., 12. März 2026 um 9:05 Uhr")` is `12 Mar 2026 9:05`.
    """
    text = str(value)[:80].strip()
    return text if text.isascii() and not re.search(r"[A-Za-z]{2}|  |/D", text) else _cleaned(text)


@lru_cache(maxsize=4_096)
def _cleaned(text: str) -> str:
    if wrapped := re.fullmatch(r"/Date\((\d+)([+-]\d{4})?\)/", text):
        return wrapped[1]
    text = re.sub(r"[年月]", "-", re.sub(r"日", "", text))
    text = re.sub(r"[\s\u00a0\u202f\u2009\u200e\u200f]+", " ", text).strip()
    text = re.sub(r" ?\([^()]*\)$", "", text)  # a zone's long name
    text = _WEEKDAY.sub("", text)
    text = re.sub(r"\b([ap])\. ?m\.?", r"\1m", text, flags=re.IGNORECASE)
    text = re.sub(r"(?<=\d)([ap]m)$", r" \1", text, flags=re.IGNORECASE)
    text = re.sub(r"(?<=\d)(st|nd|rd|th)\b", "", text)
    text = re.sub(r" ?\b(um|at|à|alle|kl\.?|de|om|a las) ", " ", text)
    text = re.sub(r" ?(Uhr|uhr|h)$", "", text)
    text = re.sub(r"(?<=[A-Z][a-z]{2}),? (?=\d{2,4}\b)", " ", _WORD.sub(_month, text))
    return re.sub(r"(?<=\d)\. (?=[A-Z][a-z]{2}\b)", " ", text).replace(" , ", ", ")


def _month(word: re.Match[str]) -> str:
    return _MONTH_OF.get(word[0].rstrip(".").casefold(), word[0])


def offset_of(text: str) -> tuple[str, timedelta | None]:
    """A time without the zone at its end, and how far that is before UTC; None where it has none.

    Example: `offset_of("12/Mar/2026:10:00:00 +0100")`.
    """
    found = _OFFSET.fullmatch(text)
    if found is None:
        return text, None
    if found["name"] is not None:
        minutes = _ZONES.get(found["name"])
        return (text, None) if minutes is None else (found["rest"], timedelta(minutes=minutes))
    size = 60 * int(found["hours"]) + int(found["minutes"] or 0)
    if size > 14 * 60 or ":" not in found["rest"]:
        return text, None
    return found["rest"], timedelta(minutes=-size if found["sign"] == "-" else size)

"""The topics that decide a sale, one letter each, and the phrases by which they are recognised.

A table, not a model: a language without phrases simply has no topics, and the summary falls back
to position, length and speaker. Add a language by adding its rows.
"""

from __future__ import annotations

import re
from functools import cache

from scoring.lead.language import UNDETERMINED, primary_language

TOPICS = {
    "b": "price",
    "t": "timing",
    "c": "competitor",
    "o": "objection",
    "f": "family decision",
    "d": "test drive",
    "n": "financing",
    "x": "trade-in",
    "k": "commitment",
}
"""Letter -> the name a person reads. The order is the order in which reasons name them."""

PHRASES: dict[str, dict[str, str]] = {
    "en": {
        "b": r"budget|pric|cost|expensive|cheap|afford|discount|rebate|deal|offer|quote|\d+ ?k\b",
        "t": r"this (?:week|month|year)|next (?:week|month|year)|by (?:the end|spring|summer|autumn"
        r"|winter)|soon|later|hurry|rush|wait|no hurry|when (?:do|can|would|will)|deliver|deadline"
        r"|right away|not yet|in a (?:few|couple)|the time|time is|more time|good time|soon|date\b"
        r"|postpone|too early|too late|week|month|year",
        "c": r"competitor|other (?:dealer|brand|offer|car)|another (?:dealer|brand|offer|car)"
        r"|compar|first choice|prefer|better (?:car|one|offer)|brand|elsewhere|toyota|volkswagen"
        r"|vw\b|bmw|audi|mercedes|tesla|byd|hyundai|kia|ford|honda|renault|skoda",
        "o": r"not (?:sure|interested|convinced|happy|ready|for me)|too (?:small|big|much|long|far"
        r"|old|high)|problem|worr|concern|doubt|complain|disappoint|don'?t (?:like|want|need|think)"
        r"|changed my mind|cancel|however|but ",
        "f": r"wife|husband|partner|spouse|famil|kids?\b|child|parent|mother|father|mom|dad|son\b"
        r"|daughter|together|at home|we all",
        "d": r"test[- ]drive|try (?:it|the car)|drive (?:it|the car)|behind the wheel|showroom"
        r"|come (?:by|in|over)|visit|appointment",
        "n": r"financ|loan|leas|credit|instal?ment|monthly|interest rate|down ?payment|bank|cash",
        "x": r"trad(?:e|ing)|old (?:car|one)|current car|my car|part[- ]exchange|sell my|buy ?back"
        r"|mileage",
        "k": r"i'?ll take|sign|order|reserve|deposit|contract|let'?s do|go ahead|decid|ready to buy"
        r"|i'?m in\b|buy",
    },
    "de": {
        "b": r"preis|budget|kost|teuer|günstig|billig|rabatt|angebot|leisten",
        "t": r"diese[nr]? (?:woche|monat|jahr)|nächste[nrs]? (?:woche|monat|jahr)|bald|später|eilig"
        r"|warte|liefer|termin|sofort|noch nicht",
        "c": r"konkurrenz|ander(?:e[nrs]?) (?:händler|marke|angebot)|vergleich|woanders|toyota|vw\b"
        r"|volkswagen|bmw|audi|mercedes|tesla|hyundai|skoda",
        "o": r"nicht (?:sicher|überzeugt|bereit)|kein interesse|zu (?:klein|groß|viel|lang|weit)"
        r"|problem|sorge|zweifel|beschwer|enttäusch|aber ",
        "f": r"frau|mann\b|partner|familie|kind|eltern|mutter|vater|sohn|tochter|gemeinsam|zuhause",
        "d": r"probefahr|probe fahren|vorbeikomm|besuch|ausstellung",
        "n": r"finanz|kredit|leas|rate|monatlich|zins|anzahl|bank\b|bar zahl",
        "x": r"inzahlung|altes auto|mein auto|verkauf|kilometer",
        "k": r"nehme ihn|unterschr|bestell|reservier|vertrag|machen wir|entschieden|kaufe",
    },
}
"""Primary language subtag -> letter -> alternatives matched at the start of a word."""


@cache
def _matcher(language: str) -> re.Pattern[str] | None:
    """One pattern that finds, at every start of a word, the first topic that begins there."""
    tables = PHRASES.values() if language == UNDETERMINED else [PHRASES.get(language, {})]
    merged: dict[str, list[str]] = {}
    for table in tables:
        for letter, alternatives in table.items():
            merged.setdefault(letter, []).append(alternatives)
    if not merged:
        return None
    topics = "|".join(f"(?P<{letter}>{'|'.join(merged[letter])})" for letter in merged)
    return re.compile(rf"\b(?=\w)(?={topics})")


def has_phrases(language: str) -> bool:
    """Whether topics can be found in `language` (BCP 47, or `und`: by the phrases of all)."""
    return primary_language(language) in (UNDETERMINED, *PHRASES)


def topics_of(text: str, language: str) -> str:
    """Returns the letters of the topics that `text` touches, in the order of TOPICS."""
    matcher = _matcher(primary_language(language) if has_phrases(language) else "")
    if matcher is None:
        return ""
    touched = {match.lastgroup for match in matcher.finditer(text.lower())}
    return "".join(letter for letter in TOPICS if letter in touched)

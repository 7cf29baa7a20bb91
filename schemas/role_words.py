"""Words for the roles of speakers in several languages: what a label as `Kundin` means. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from schemas.events import Role

_WORDS: Mapping[Role, str] = {
    Role.CUSTOMER: (
        "customer client caller lead buyer prospect consumer user enduser end_user external guest "
        "contact participant_customer applicant patient shopper "
        "kunde kundin anrufer anruferin interessent interessentin käufer käuferin klient klientin "
        "client cliente clientes acheteur appelant appelante prospecto comprador llamante "
        "acquirente chiamante klant beller koper comprador chamador klientka dzwoniący kupujący "
        "kund køber kunden asiakas zákazník volající müşteri arayan клиент покупатель "
        "客户 顾客 用户 来电者 お客様 顧客 고객"
    ),
    Role.AGENT: (
        "agent rep representative seller sales salesperson salesman saleswoman advisor adviser "
        "operator internal employee staff consultant dealer associate host specialist csr sdr bdr "
        "supervisor support counselor clerk receptionist technician closer "
        "berater beraterin verkäufer verkäuferin mitarbeiter mitarbeiterin vertrieb agentin "
        "vertreter vertreterin "
        "betreuer betreuerin kundenservice kundendienst sachbearbeiter sachbearbeiterin makler "
        "innendienst außendienst telefonist telefonistin disponent techniker "
        "conseiller conseillère vendeur vendeuse agente asesor asesora vendedor vendedora "
        "comercial consulente venditore venditrice operatore operatrice operador operadora "
        "atendente adviseur verkoper medewerker doradca konsultant sprzedawca säljare "
        "rådgivare sælger myyjä poradce prodejce temsilci danışman "
        "агент менеджер оператор консультант "
        "坐席 客服 销售 顾问 销售顾问 オペレーター 担当者 상담원"
    ),
    Role.BOT: (
        "bot ivr assistant voicebot chatbot automated virtual acd automated_agent sprachassistent "
        "robot machine"
    ),
    Role.SYSTEM: "system announcement ansage recording voicemail",
}
ROLE_WORDS: Mapping[str, Role] = {
    word: role for role, words in _WORDS.items() for word in words.split()
}

_PHRASES: tuple[tuple[str, Role], ...] = (
    ("automated agent", Role.BOT),
    ("virtual agent", Role.BOT),
    ("virtual assistant", Role.BOT),
    ("customer service", Role.AGENT),
    ("customer support", Role.AGENT),
    ("customer care", Role.AGENT),
    ("customer success", Role.AGENT),
    ("client advisor", Role.AGENT),
    ("service client", Role.AGENT),
    ("conseiller client", Role.AGENT),
    ("conseillère clientèle", Role.AGENT),
    ("servicio al cliente", Role.AGENT),
    ("atención al cliente", Role.AGENT),
    ("servizio clienti", Role.AGENT),
    ("end user", Role.CUSTOMER),
    ("client services", Role.AGENT),
    ("customer representative", Role.AGENT),
    ("customer rep", Role.AGENT),
    ("customer agent", Role.AGENT),
    ("customer advisor", Role.AGENT),
    ("contact center", Role.AGENT),
    ("contact centre", Role.AGENT),
    ("account manager", Role.AGENT),
    ("success manager", Role.AGENT),
    ("team lead", Role.AGENT),
    ("sales lead", Role.AGENT),
)
"""Labels of two words of which one alone would mean the other side, or nothing: a manager may be
of either."""

_COMPOUND = re.compile(
    r"\w{3,}?(?P<word>(?:berater|betreuer|mitarbeiter|verkäufer|vertreter|kund|interessent|käufer)"
    r"(?:in|e)?)"
)
"""German words that end in one for a role: `Vertriebsmitarbeiterin`, `Bestandskunde`."""


MAX_LABEL_CHARS = 200


def role_of_label(label: str) -> Role | None:
    """The role that a speaker's label is a word for: `Agent 1`, `CUSTOMER`, `Kundin`; None for a
    name, a letter, a number, words for two roles, and a text of over 200 characters.

    >>> role_of_label("Berater 2")
    <Role.AGENT: 'agent'>
    """
    return None if len(label) > MAX_LABEL_CHARS else _role_of(label)


@lru_cache(maxsize=4_096)
def _role_of(label: str) -> Role | None:
    plain = " ".join(re.sub(r"[^\w]+|_|\d+", " ", label.casefold()).split())
    if not plain:
        return None
    for phrase, role in _PHRASES:
        if phrase in plain:
            return role
    if (whole := ROLE_WORDS.get(label.casefold().strip())) is not None:
        return whole
    roles = {_role_of_word(word) for word in plain.split()} - {None}
    return roles.pop() if len(roles) == 1 else None


def _role_of_word(word: str) -> Role | None:
    if word in ROLE_WORDS or (compound := _COMPOUND.fullmatch(word)) is None:
        return ROLE_WORDS.get(word)
    return ROLE_WORDS.get(compound["word"])

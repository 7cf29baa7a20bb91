"""The words by which an export says that a lead was won, lost or is still open."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from enum import Enum, auto
from typing import Any

MAX_UNREAD = 0.1
"""The share of closed rows that may have a word that nobody knows."""

MAX_SHOWN = 12
EMPTY = "(empty)"


class Fate(Enum):
    """What an outcome says of its lead."""

    WON = auto()
    LOST = auto()
    OPEN = auto()


_WON = """
orderplaced orderconfirmed orderreceived auftragerhalten auftragerteilt auftragseingang 已成交
won win sold bought order ordered orderd customer purchased paid signed contracted success
successful converted conversion yes y true t 1 closedwon won100 iswon dealwon closedconverted
completedwon gewonnen verkauft bestellt beauftragt gekauft abgeschlossen ja j wahr kunde auftrag
erfolgreich konvertiert umgewandelt zugesagt gagne gagnee vendu vendue oui vrai converti
convertie conclu conclue commande achete ganado ganada vendido vendida si verdadero convertido
convertida cerradoganado comprado vinto vinta venduto venduta vero convertito ganho ganha sim
verdadeiro fechadoganho gewonnen verkocht waar geconverteerd wygrana wygrany wygrane tak
sprzedane prawda vunnen vunnet vundet solgt sald voitettu myyty kylla vyhrano prodano ano nyert
igen castigat выиграна выиграно выигран продано да kazanildi evet 成約 受注 贏得 赢单 成交
"""
_LOST = """
lost loss closedlost no n false f 0 islost deallost cancelled canceled rejected refused declined
dead disqualified unqualified notconverted closednotconverted junk junklead notinterested
abandoned failed lostlead notwon unsuccessful expired outsold churned spam duplicate invalid
nosale withdrawn verloren nein falsch abgelehnt abgesagt storniert disqualifiziert keininteresse
nichtgewonnen nichtkonvertiert erfolglos abgebrochen ausgefallen gekuendigt gekundigt verworfen
perdu perdue non faux annule annulee refuse refusee abandonne perdido perdida falso cancelado
cancelada rechazado descartado perso persa annullato rifiutato nao recusado verloren nee onwaar
afgewezen geannuleerd przegrana przegrany przegrane nie falsz forlorad forlorat tabt tapt nej
nei havitty hylatty ei prohrano ne elveszett nem pierdut nu проиграна проиграно проигран нет
kaybedildi hayir 失注 输单 失败
"""
_OPEN = """
open new inprogress working contacted qualified negotiation proposal quote quoted demo nurturing
nurture pending onhold hold active attempted attemptedtocontact connected opendeal assigned
recycled inprocess prospecting qualification needsanalysis valueproposition perceptionanalysis
proposalpricequote negotiationreview idsdecisionmakers appointmentscheduled qualifiedtobuy
presentationscheduled decisionmakerboughtin contractsent unread badtiming lead opportunity
subscriber prospect marketingqualifiedlead salesqualifiedlead mql sql opennotcontacted
workingcontacted contactinfuture identifydecisionmakers proposition develop propose qualify
draft later interested followup offen neu inbearbeitung angebot verhandlung kontaktiert
qualifiziert warten wartend aktiv laufend angebotversendet inverhandlung terminvereinbart
nichtkontaktiert ouvert nouveau encours abierto nuevo encurso aperto nuovo incorso aberto novo
nieuw otwarte nowy oppen ny initialoffer contactmade demoscheduled proposalmade
negotiationsstarted discovery trial demoheld proposalsent negotiationstarted meetingscheduled
evaluation proposition bedarfsanalyse angebotserstellung erstkontakt kontakthergestellt demogeplant
angebotgemacht verhandlungenbegonnen verhandlungbegonnen termingeplant qualifiziertzumkauf
praesentationgeplant prasentationgeplant entscheidungstraegerueberzeugt
entscheidungstrageruberzeugt iddecisionmakers vertraggesendet angebotgesendet wertangebot
preisangebot
contactado negociacion propuesta propuestaenviada calificado negociacao propostaenviada trattativa
"""
_SURE_WON = """
won gewonnen converted konvertiert ganado ganada gagne gagnee vinto vinta ganho ganha wygrana sold
verkauft vunnen vundet voitettu closedwon
"""
_SURE_LOST = """
lost verloren perdu perdue perdido perdida perso persa przegrana forlorad tabt tapt havitty
closedlost disqualified disqualifiziert rejected cancelled canceled abgelehnt storniert
"""
_BEFORE = """
closed close deal opportunity opp status stage phase stufe the geschlossen abgeschlossen ferme
fermee cerrado cerrada chiuso chiusa
zamkniete zamknieta fechado gesloten afgesloten auftrag contract lead sales and und et y e en
"""
_NOT = "not no non nicht kein keine never nie un nao niet inte ikke ei"
_ASIDE = re.compile(r"[-–—:/(|,]|\b(to|due|because|an|wegen|by)\b")


def word_of(cell: Any) -> str:
    """An outcome's word: without case, accents, blanks, hyphens and all other marks.

    Example: `Closed - Won`, `closed_won` and `ClosedWon` are `closedwon`.
    """
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = re.sub(r"(?<=\d)[.,]0+$", "", str(cell)[:200].strip())
    plain = unicodedata.normalize("NFKD", text.casefold().replace("ß", "ss"))
    return re.sub(r"[\W_]+", "", re.sub(r"[\u0300-\u036f]", "", plain))


def _words(text: str) -> frozenset[str]:
    return frozenset(map(word_of, text.split()))


KNOWN = {Fate.WON: _words(_WON), Fate.LOST: _words(_LOST), Fate.OPEN: _words(_OPEN)}
SURE_WON, SURE_LOST, BEFORE, NOT = map(_words, (_SURE_WON, _SURE_LOST, _BEFORE, _NOT))
YES = KNOWN[Fate.WON] & _words("1 true t yes y ja j wahr oui vrai si sim tak evet да ano igen sí")
NO = KNOWN[Fate.LOST] & _words(
    "0 false f no n nein falsch non faux nao nie nee нет nej nei ei ne nem"
)
"""The words of a column that says of anything whether it is so."""


class OutcomeWords:
    """What the words of one file mean. `won`, `lost`: those of the mapping, which come first."""

    def __init__(self, won: Iterable[str] = (), lost: Iterable[str] = ()) -> None:
        self._of_mapping = {_word_in(word): Fate.WON for word in won}
        self._of_mapping |= {_word_in(word): Fate.LOST for word in lost}

    def fate_of(self, cell: Any) -> Fate | None:
        """The fate that a cell tells; None where nobody knows its word. An empty cell is one."""
        word = word_of("" if cell is None else cell)
        if word in self._of_mapping:
            return self._of_mapping[word]
        for fate, known in KNOWN.items():
            if word in known:
                return fate
        return _of_sentence(str(cell)[:200]) if word else None


def _word_in(mapping_word: str) -> str:
    """A word of a mapping; an empty cell is named as a doubt names it."""
    return "" if mapping_word == EMPTY else word_of(mapping_word)


def _of_sentence(text: str) -> Fate | None:
    """The fate of `6 - Closed Won (renewal)` or `Lost to a rival`: the first word that says more
    than that it is closed decides, if an aside follows or nothing; but not beside its opposite."""
    tokens = [(word_of(each[0]), each.end()) for each in re.finditer(r"[^\W_]+", _spaced(text))]
    words = {word for word, _ in tokens}
    is_both = bool(words & SURE_WON) and bool(words & SURE_LOST)
    if is_both:
        return None
    if words & NOT:
        return Fate.LOST if words & SURE_WON and words <= SURE_WON | BEFORE | NOT else None
    for word, end in tokens:
        rest = _spaced(text)[end:].strip().casefold()
        if word in SURE_WON | SURE_LOST:
            if re.search(r"\w", rest) and not _ASIDE.match(rest):
                return None
            return Fate.WON if word in SURE_WON else Fate.LOST
        if word not in BEFORE and not word.isdigit():
            return None
    return None


def _spaced(text: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).replace("_", " ")


def unread_words(cells: Iterable[Any], words: OutcomeWords) -> str | None:
    """A doubt about the outcomes of closed rows where more than a tenth of them has a word that
    nobody knows, which lists them with their counts; else None."""
    unread: Counter[str] = Counter()
    n_read = 0
    for cell in cells:
        match words.fate_of(cell):
            case None:
                unread[EMPTY if cell is None else str(cell).strip()[:40]] += 1
            case Fate.WON | Fate.LOST:
                n_read += 1
            case Fate.OPEN:
                pass
    n = sum(unread.values())
    if n <= MAX_UNREAD * (n + n_read):
        return None
    shown = ", ".join(f"{word!r} ({count:,})" for word, count in unread.most_common(MAX_SHOWN))
    more = len(unread) - MAX_SHOWN
    return (
        f"{n:,} of {n + n_read:,} outcomes are neither won nor lost for asllr: {shown}"
        f"{f' and {more:,} more' if more > 0 else ''}: name those that mean an order in the "
        'mapping as "won": ["…"], those that mean none as "lost": ["…"]; all others are still open'
    )

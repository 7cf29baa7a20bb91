"""Generates the words of a call: exchanges that express stances, small talk, and the errors of ASR.

The meaning of a line is often not in its words: a bare yes means what the agent's question makes it
mean; clauses are denied, quoted from others, scorned, taken back later. The easy kinds are more
frequent than the hard ones (`SHARES`), as in life, so that a small model can start somewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import log

from training.simulator.business import Business
from training.simulator.draws import Draws
from training.simulator.phrases import SmallWords, Stance

AGENT = "agent"
CUSTOMER = "customer"

WORDS_PER_S = 2.5
"""Conversational English."""

PAUSE_S = (3.0, 12.0)
"""Between lines: for what else was said, and looked up. A call of eight lines lasts 90 seconds."""

SHARES = {
    "plain": 0.40,
    "echo": 0.15,
    "generic": 0.27,
    "denial": 0.07,
    "agreed_hearsay": 0.04,
    "denied_hearsay": 0.06,
    "scorn": 0.01,
}
"""How often a pro or contra is worded in each way; plain and echo use words of the topic and mean
them."""

PRO_FRAMING_SHARE = 0.7
UNPROMPTED_SHARE = 0.15
"""The share of topics that the customer brings up, without a question of the agent."""

HEDGED_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """One line of a call. `topic` and `stance`: what is known once it is spoken; None for the
    agent's lines and small talk."""

    role: str
    text: str
    start_s: float
    end_s: float
    confidence: float
    topic: str | None = None
    stance: Stance | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One topic on the agenda of a call. `is_change`: an earlier stance is taken back."""

    topic: str
    stance: Stance
    is_change: bool = False


@dataclass(frozen=True, slots=True)
class Speech:
    """How people talk and how well they are heard. `slang` and `asr_errors` are shares of words;
    `small_talk` is the chance of small talk at each place for it."""

    slang: float = 0.0
    asr_errors: float = 0.03
    small_talk: float = 0.12


@dataclass(frozen=True, slots=True)
class _Said:
    role: str
    text: str
    topic: str | None = None
    stance: Stance | None = None


def hold_call(
    draws: Draws, business: Business, agenda: Sequence[Item], speech: Speech
) -> tuple[SpokenLine, ...]:
    """The lines of a call that follows its agenda; of a topic that comes twice, the last stance
    holds."""
    say = business.talk
    utterances = _idle(draws, say.greetings, 0.5)
    for item in agenda:
        utterances += _idle(draws, say.small_talk, speech.small_talk)
        utterances += exchange(draws, business, item)
    utterances += _idle(draws, say.small_talk, speech.small_talk) if agenda else []
    utterances += _idle(draws, say.closings, 0.3)
    return _heard(draws, business, utterances, speech)


def exchange(draws: Draws, business: Business, item: Item) -> list[_Said]:
    """A question and its answer, or the customer's line alone."""
    phrases = business.phrases[item.topic]
    if item.is_change or draws.chance(UNPROMPTED_SHARE):
        words = _statement(draws, business, item, may_be_generic=False, agrees=None)
        if item.is_change:
            words = f"{draws.pick(business.talk.turns)} {words}"
        return [_Said(CUSTOMER, words, item.topic, item.stance)]
    is_pro_framed = draws.chance(PRO_FRAMING_SHARE)
    question = draws.pick(phrases.ask_pro if is_pro_framed else phrases.ask_contra)
    agrees = None if item.stance is Stance.OPEN else (item.stance is Stance.PRO) == is_pro_framed
    answer = _statement(draws, business, item, may_be_generic=True, agrees=agrees)
    return [_Said(AGENT, question), _Said(CUSTOMER, answer, item.topic, item.stance)]


_KINDS = tuple(SHARES)
_CUMULATIVE = tuple(accumulate(SHARES.values()))
_OPPOSITE = {Stance.PRO: Stance.CONTRA, Stance.CONTRA: Stance.PRO}


def _statement(
    draws: Draws, business: Business, item: Item, *, may_be_generic: bool, agrees: bool | None
) -> str:
    """The customer's words. `agrees`: whether yes is the answer to what was asked; None when
    neither yes nor no fits."""
    if item.stance is Stance.OPEN:
        return _undecided(draws, business, item, may_be_generic=may_be_generic)
    say, clauses = business.talk, business.phrases[item.topic].clauses
    own = draws.pick(clauses[item.stance])
    other = draws.pick(clauses[_OPPOSITE[item.stance]])
    match draws.weighted(_KINDS, _CUMULATIVE):
        case "generic" if may_be_generic:
            return draws.pick(say.yes if agrees else say.no)
        case "echo" if agrees is not None:
            return f"{'yes' if agrees else 'no'} {own}"
        case "denial":
            return f"{draws.pick(say.denials)} {other}"
        case "agreed_hearsay":
            return f"{_hearsay(draws, say, own)} {draws.pick(say.and_so_do_i)}"
        case "denied_hearsay":
            return f"{_hearsay(draws, say, other)} {draws.pick(say.but_not_i)}"
        case "scorn" if item.stance is Stance.CONTRA:
            return draws.pick(say.scorn).format(other)
    return f"{draws.pick(say.hedges)} {own}" if draws.chance(HEDGED_SHARE) else own


def _undecided(draws: Draws, business: Business, item: Item, *, may_be_generic: bool) -> str:
    say, clauses = business.talk, business.phrases[item.topic].clauses
    kind = draws.uniform()
    if kind < 0.3 and may_be_generic:
        return draws.pick(say.undecided)
    if kind < 0.45:
        rumour = draws.pick(clauses[draws.pick((Stance.PRO, Stance.CONTRA))])
        return f"{_hearsay(draws, say, rumour)} {draws.pick(say.but_unsure)}"
    return draws.pick(clauses[Stance.OPEN])


def _hearsay(draws: Draws, say: SmallWords, clause: str) -> str:
    return f"{draws.pick(say.they)} {draws.pick(say.says)} {clause}"


def _idle(draws: Draws, pairs: Sequence[tuple[str, str]], share: float) -> list[_Said]:
    if not draws.chance(share):
        return []
    agent, customer = draws.pick(pairs)
    return [_Said(AGENT, agent), _Said(CUSTOMER, customer)]


def _heard(
    draws: Draws, business: Business, utterances: Sequence[_Said], speech: Speech
) -> tuple[SpokenLine, ...]:
    """The lines with their times, as ASR wrote them down."""
    lines: list[SpokenLine] = []
    clock_s = 1.0
    until_error = _gap(draws, speech.asr_errors)
    for utterance in utterances:
        words = utterance.text.split()
        if speech.slang:
            words = [_drifted(draws, business.talk, word, speech.slang) for word in words]
        n_errors = 0
        n_words = len(words)
        while until_error < n_words:
            words[until_error] = "" if draws.chance(0.3) else draws.pick(business.vocabulary)
            n_errors += 1
            until_error += 1 + _gap(draws, speech.asr_errors)
        until_error -= n_words
        start_s, end_s = clock_s, round(clock_s + n_words / WORDS_PER_S, 2)
        clock_s = round(end_s + draws.between(*PAUSE_S), 2)
        lines.append(
            SpokenLine(
                utterance.role,
                " ".join(filter(None, words)) if n_errors else " ".join(words),
                start_s,
                end_s,
                round(max(0.3, 0.97 - 0.06 * draws.uniform() - 0.3 * n_errors / n_words), 2),
                utterance.topic,
                utterance.stance,
            )
        )
    return tuple(lines)


def _gap(draws: Draws, error_rate: float) -> int:
    """The number of words until the next error: geometric, so that the cost is per error and not
    per word."""
    if error_rate <= 0.0:
        return 1 << 30
    if error_rate >= 1.0:
        return 0
    return int(log(1.0 - draws.uniform()) / log(1.0 - error_rate))


def _drifted(draws: Draws, say: SmallWords, word: str, share: float) -> str:
    return say.slang[word] if word in say.slang and draws.chance(share) else word

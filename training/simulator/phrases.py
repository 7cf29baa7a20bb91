"""Tables of what people say about each topic; `talk` puts them together.

A clause can stand on its own and inside another one ("I would not say ...", "my brother says ..."),
so one clause serves plain speech, denial, hearsay and sarcasm. The whole vocabulary is small on
purpose: a tokenizer and a model of a million weights learn it in minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TalkTopic(StrEnum):
    """What a customer may talk about."""

    TIMING = "timing"
    PRICE = "price"
    FAMILY = "family"
    RIVAL = "rival"
    FINANCE = "finance"
    TRADE_IN = "trade_in"


class Stance(StrEnum):
    """Where the customer stands on a topic when the last word on it is spoken."""

    PRO = "pro"
    OPEN = "open"
    CONTRA = "contra"


Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Phrases:
    """The phrases of one topic. `ask_pro` invites a yes from a customer who is pro, `ask_contra`
    from one who is contra."""

    ask_pro: Lines
    ask_contra: Lines
    clauses: dict[Stance, Lines]
    notes: dict[Stance, Lines]


def _phrases(
    ask_pro: str, ask_contra: str, clauses: tuple[str, str, str], notes: tuple[str, str, str]
) -> Phrases:
    pro, open_, contra = (tuple(text.split("|")) for text in clauses)
    note_pro, note_open, note_contra = (tuple(text.split("|")) for text in notes)
    return Phrases(
        ask_pro=tuple(ask_pro.split("|")),
        ask_contra=tuple(ask_contra.split("|")),
        clauses={Stance.PRO: pro, Stance.OPEN: open_, Stance.CONTRA: contra},
        notes={Stance.PRO: note_pro, Stance.OPEN: note_open, Stance.CONTRA: note_contra},
    )


PHRASES: dict[TalkTopic, Phrases] = {
    TalkTopic.TIMING: _phrases(
        "do you need it this month|do you want to decide soon|shall we plan for next week"
        "|is this a good time",
        "would you rather wait until next year|is it too early to decide|do you need more time"
        "|shall we postpone it",
        (
            "we need it this month|I want to decide this week|the sooner the better"
            "|we are in a hurry|the time is right",
            "the date is still open|we do not know when yet|it depends on the delivery date",
            "we can wait until next year|it is too early for us|there is no hurry"
            "|we will postpone it|I need more time",
        ),
        (
            "wants to buy soon|is in a hurry to buy",
            "has not fixed a date|date undecided",
            "wants to wait with the purchase|not ready to buy this year",
        ),
    ),
    TalkTopic.PRICE: _phrases(
        "is the price all right|does it fit your budget|can you afford that"
        "|are you happy with the price",
        "is the price too high|is it over your budget|do you expect a bigger discount"
        "|is it too expensive",
        (
            "the price is fine|it fits our budget|we can afford it|the cost is reasonable"
            "|the discount is good",
            "the price is still a question|it depends on the discount|we still compare prices",
            "the price is too high|it is over our budget|we can not afford it"
            "|it is too expensive|the discount is too small",
        ),
        (
            "accepts the price|happy with the cost",
            "has not decided on the price|wants to see the numbers",
            "finds it too expensive|wants a lower price",
        ),
    ),
    TalkTopic.FAMILY: _phrases(
        "does your wife like it|is your family on board|do the kids like the car"
        "|is your partner happy with it",
        "is your wife against it|does your family want another car|is it too small for the kids"
        "|does your partner dislike it",
        (
            "my wife loves it|the family is on board|the kids like it|we all agree at home"
            "|my partner is happy with it",
            "my wife has not seen it|we still talk about it at home|the family has to see it first",
            "my wife is against it|the family wants another car|it is too small for the kids"
            "|nobody at home likes it|my partner dislikes it",
        ),
        (
            "family agrees|everyone at home likes the car",
            "family has not decided|has to talk at home",
            "family is against it|someone at home says no",
        ),
    ),
    TalkTopic.RIVAL: _phrases(
        "are we your first choice|do you prefer our brand|is our car the better one"
        "|have you stopped looking elsewhere",
        "do you prefer the other dealer|is the other brand better"
        "|did you get a better offer elsewhere|do you prefer a toyota",
        (
            "you are our first choice|yours is the better car|I prefer your brand"
            "|the other dealer is out|we stopped looking elsewhere",
            "we still look at other brands|I have to compare the two|a toyota is still an option",
            "the other dealer is better|I prefer a toyota|we got a better offer elsewhere"
            "|the other brand suits us more|a toyota is our first choice",
        ),
        (
            "prefers us to the competition|no competitor left",
            "still compares with a competitor|looks at other dealers",
            "prefers a competitor|leans to another dealer",
        ),
    ),
    TalkTopic.FINANCE: _phrases(
        "does the monthly rate work|is the loan approved|are you fine with the leasing"
        "|did the bank agree",
        "is the monthly rate too much|did the bank refuse the loan|is the interest a problem"
        "|is the leasing a problem",
        (
            "the monthly rate works|the loan is approved|the bank said yes|the leasing suits us"
            "|the interest is fine",
            "the bank has not answered|we wait for the loan|we still check the leasing",
            "the monthly rate is too much|the bank refused the loan|the interest is a problem"
            "|we get no loan|the leasing is a problem",
        ),
        (
            "financing is settled|bank agrees",
            "financing not decided|waits for the bank",
            "financing fails|cannot get the loan",
        ),
    ),
    TalkTopic.TRADE_IN: _phrases(
        "is our value for the old car fair|will you trade in the old car|is the trade in settled"
        "|can we have the old car",
        "is our value for the old car too low|do you keep the old car|will you sell it yourself"
        "|is the trade in a problem",
        (
            "the trade in value is fair|you can have the old car|we trade in the old car"
            "|the trade in is settled|we give you the old car",
            "the old car is not checked yet|we wait for the trade in value"
            "|we still think about the trade in",
            "the trade in value is too low|we keep the old car|I sell the old car myself"
            "|you give too little for the old car|the trade in is off",
        ),
        (
            "agrees on the trade in|gives us the old car",
            "trade in undecided|old car not valued yet",
            "no trade in|keeps or sells the old car",
        ),
    ),
}

YES: Lines = (
    *("yes", "yes exactly", "absolutely", "that is right", "of course", "I think so"),
    *("yes it is like that", "exactly"),
)
NO: Lines = (
    *("no", "not really", "no not at all", "I am afraid not", "I do not think so"),
    *("certainly not", "no it is not like that", "not at all"),
)
UNDECIDED: Lines = (
    *("maybe", "I am not sure", "hard to say", "we will see", "I do not know yet"),
    "that is still open",
)
HEDGES: Lines = ("I think", "I guess", "well", "probably", "to be honest", "I would say")
DENIALS: Lines = ("I would not say", "I do not think", "it is not true that", "nobody says")
TURNS: Lines = ("on second thought", "actually", "I changed my mind", "wait")
THEY: Lines = ("my brother", "my neighbour", "my boss", "my father", "a friend", "my sister")
SAYS: Lines = ("says", "thinks", "tells me")
AND_SO_DO_I: Lines = ("and so do I", "and that is true", "and I agree")
BUT_NOT_I: Lines = ("but I do not", "but that is wrong", "but I disagree")
BUT_UNSURE: Lines = ("but I am not sure", "but I do not know yet", "but we will see")
SCORN: Lines = ("oh sure {} very funny", "yeah right {}", "oh great {} what a joke")

GREETINGS: tuple[Lines, ...] = (
    ("hello this is the dealer", "hello"),
    ("good morning how are you", "fine thank you"),
    ("hi thanks for your time", "no problem"),
)
SMALL_TALK: tuple[Lines, ...] = (
    ("how is the weather", "too much rain"),
    ("did you have a good weekend", "yes it was great"),
    ("are you on the road", "no I am at home"),
    ("was the traffic bad", "yes it was"),
    ("can you hear me", "yes"),
    ("is it a bad time", "no go on"),
    ("how is your father", "he is fine"),
    ("did you see the game", "my brother did"),
    ("my neighbour has a toyota", "I see"),
    ("my sister paid too much for her car", "that is a pity"),
)
CLOSINGS: tuple[Lines, ...] = (
    ("I call you next week", "all right"),
    ("thank you for your time", "thank you bye"),
    ("have a good day", "you too"),
)
SLANG = {
    "yes": "yep",
    "no": "nope",
    "absolutely": "totally",
    "fine": "cool",
    "great": "awesome",
    "expensive": "pricey",
    "problem": "headache",
    "exactly": "spot on",
}
"""Word -> the newer word that speech drifts to; a model trained on older calls met these rarely."""

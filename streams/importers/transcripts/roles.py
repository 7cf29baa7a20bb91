"""Who of a file's speakers is who: told by the caller, by the file, by the label's own word, or
guessed where what is said leaves no doubt; otherwise unknown, and said so."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from schemas.events import Role
from schemas.role_words import role_of_label
from streams.importers.transcripts.normal import CallTranscript, Remark

NO_SPEAKERS = "none is named: everything is of an unknown role"
UNKNOWN = "of an unknown role; --role LABEL=ROLE says who is who"
GUESSED = "guessed from what is said; --role LABEL=ROLE says otherwise"
N_SHOWN = 5
_OTHER = {Role.AGENT: Role.CUSTOMER, Role.CUSTOMER: Role.AGENT}

AT_WORK = re.compile(
    r"thank(?:s| you) for (?:calling|contacting|your call)|how (?:can|may) i (?:help|assist)|"
    r"(?:can|may) i have your (?:name|account|order|customer) ?(?:number)?|"
    r"calls? (?:is|are|may be|will be) (?:being )?(?:monitored|recorded)|"
    r"(?:was|wie) kann ich (?:für sie tun|ihnen (?:weiter)?helfen)|"
    r"(?:vielen )?dank für ihren anruf|womit kann ich (?:ihnen )?(?:dienen|helfen)|"
    r"merci (?:de|pour) votre appel|(?:en quoi|comment) puis-je vous aider|"
    r"gracias por (?:llamar|su llamada)|en qu[eé] (?:le )?puedo ayudar(?:le|lo|la)?|"
    r"grazie per (?:aver(?:ci)? chiamato|la chiamata)|come posso aiutar(?:la|vi)|"
    r"obrigad[oa] por ligar|em que posso ajud[aá]|"
    r"bedankt voor (?:het bellen|uw telefoontje)|waarmee kan ik u (?:helpen|van dienst zijn)|"
    r"dzi[eę]kuj[eę] za (?:telefon|kontakt)|w czym mog[eę] pom[oó]c|"
    r"tack för att du ringer|hvad kan jeg hjælpe (?:dig )?med|"
    r"感谢(?:您|你)?的?来电|(?:请问)?有什么可以帮(?:到)?(?:您|你|助)|很高兴为(?:您|你)服务|"
    r"お電話ありがとうございます",
    re.IGNORECASE,
)
"""What only the side that works there says, in a dozen languages."""

_REPORTED = re.compile(
    r"\b(?:said|says|saying|told|tells|asked|asks|wrote|heard|hieß|heißt|sagt|sagte|sagten|gesagt|"
    r"gefragt|fragte|dit|disait|demandé|dijo|dijeron|preguntó|disse|detto|zei|zeiden|gezegd)\b",
    re.IGNORECASE,
)
"""Before the words, in the same utterance: somebody else said them."""

_CALLED = frozenset({"callee", "called", "called party", "angerufener", "angerufene"})
_CALLING = frozenset({"caller", "calling party", "anrufer", "anruferin"})
"""The ends of a call. Where both are labels, they say who dialled and not who works there."""


def with_roles(
    transcript: CallTranscript, given: Mapping[str, Role] | None = None
) -> CallTranscript:
    """Gives every utterance a role. `given`: label -> role, which wins over all else; letters' case
    does not matter. What is guessed or stays unknown is a remark that names the labels."""
    told = {label.casefold(): role for label, role in (given or {}).items()}
    labels = [label for label in transcript.speakers if label is not None]
    ends = _ends_of_a_call(labels)
    known = {label: role for label in labels if (role := _known(label, transcript, told, ends))}
    guessed = _guessed(transcript, labels, known)
    roles = known | guessed
    utterances = tuple(
        replace(
            one,
            role=told.get((one.speaker or "").casefold())
            or one.role
            or roles.get(one.speaker or "", Role.UNKNOWN),
        )
        for one in transcript.utterances
    )
    remarks = [*transcript.remarks, *_remarks(labels, roles, guessed)]
    is_silent = all(one.role is Role.UNKNOWN and one.speaker is None for one in utterances)
    if utterances and is_silent:
        remarks.append(Remark(NO_SPEAKERS, 1, "speakers"))
    return replace(transcript, utterances=utterances, remarks=tuple(remarks))


def _ends_of_a_call(labels: Iterable[str]) -> frozenset[str]:
    """The labels that are only ends of the call; empty where the called one has no label."""
    plain = {
        label: " ".join(re.sub(r"[\W_\d]+", " ", label.casefold()).split()) for label in labels
    }
    if _CALLED.isdisjoint(plain.values()):
        return frozenset()
    return frozenset(label for label, word in plain.items() if word in _CALLED | _CALLING)


def _known(
    label: str, transcript: CallTranscript, told: Mapping[str, Role], ends: Collection[str]
) -> Role | None:
    if (role := told.get(label.casefold())) is not None:
        return role
    said = {one.role for one in transcript.utterances if one.speaker == label}
    if len(said) == 1 and (role := said.pop()) is not None:
        return role
    return None if label in ends else role_of_label(label)


def _guessed(
    transcript: CallTranscript, labels: list[str], known: Mapping[str, Role]
) -> dict[str, Role]:
    """The roles that two rules make sure: of two speakers who are not known the one who says what
    only staff says is the agent, and of two speakers the other one of a known one is the other
    side."""
    open_labels = [label for label in labels if label not in known]
    if len(labels) != 2 or not open_labels:
        return {}
    if len(open_labels) == 1:
        (role,) = known.values()
        return {open_labels[0]: _OTHER[role]} if role in _OTHER else {}
    at_work = {
        one.speaker
        for one in transcript.utterances
        if one.speaker is not None and _says_what_staff_says(one.text)
    }
    if len(at_work) != 1:
        return {}
    (agent,) = at_work
    (customer,) = (label for label in labels if label != agent)
    return {agent: Role.AGENT, customer: Role.CUSTOMER}


def _says_what_staff_says(text: str) -> bool:
    found = AT_WORK.search(text)
    return found is not None and _REPORTED.search(text[: found.start()]) is None


def _remarks(
    labels: Iterable[str], roles: Mapping[str, Role], guessed: Mapping[str, Role]
) -> Iterable[Remark]:
    if guessed:
        pairs = (f"{label}={role.value}" for label, role in guessed.items())
        yield Remark(GUESSED, 1, f"speakers {', '.join(pairs)}")
    unknown = [label for label in labels if label not in roles]
    if unknown:
        more = f" and {len(unknown) - N_SHOWN} more" if len(unknown) > N_SHOWN else ""
        yield Remark(UNKNOWN, 1, f"speakers {', '.join(unknown[:N_SHOWN])}{more}")

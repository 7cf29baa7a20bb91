"""Builds the prompt: instruction, record in sections, conversation, question, answer marker.

The only place that shapes what a model reads: live, replay, training and evaluation call
`build_prompt`. What rarely changes comes first, so that consecutive prompts of a lead share a long
prefix: from renderer 3 on the conversation, which grows at its end, before what happened lately.
The words are the domain's; the layout never changes under a renderer's number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, replace

from scoring.domain.model import Section
from scoring.engine import Unscorable
from scoring.lead.history import LeadHistory
from scoring.prompt import own_fields
from scoring.prompt.declaration import UNKNOWN, Feature, possible_words, words
from scoring.prompt.rendering import Rendering
from scoring.prompt.turns import CHATML, Turns
from scoring.prompt.units import Room

OPENING = CHATML.opening
MARKER = CHATML.marker
"""Of artifacts that name no turns of their own, as the demo's."""

ANSWER_YES = " Yes"
ANSWER_NO = " No"
SEPARATOR = " "
"""Between features: order and labels tell them apart. A mark there would take 27 tokens from the
conversation."""

HEADING = "# "
CALLS = "calls"
END = "end"

MIN_TALK_TOKENS = 16
"""Less conversation than a sentence is none; also covers what counting piece by piece misses."""


@dataclass(frozen=True, slots=True)
class PromptSpec:
    """How an artifact's prompts are written, how long one may be, and how its tokens are counted.
    `count_tokens` must count markers as the model's tokenizer does. `turns`: the base's."""

    rendering: Rendering
    token_budget: int
    count_tokens: Callable[[str], int]
    turns: Turns = CHATML


class BudgetTooSmall(Unscorable):
    """The token budget is too small for what every prompt must say."""


def build_prompt(
    history: LeadHistory,
    as_of_ms: int,
    spec: PromptSpec,
    hidden: Set[str] = frozenset(),
    hidden_fields: Set[str] = frozenset(),
) -> str:
    """Returns what a model reads about a lead. Never longer than the budget: the conversation is
    cut, oldest first. Constant between two edges of the lead. To measure what they are worth,
    features are `hidden` by name, which then read "unknown", and own fields (`hidden_fields`).

    >>> from schemas.events import Segment, TranscriptReady
    >>> from schemas.timestamps import DAY_MS, to_ms
    >>> from scoring.lead.fold import fold
    >>> from scoring.lead.history import history_of
    >>> from scoring.prompt.rendering import first_rendering
    >>> call = TranscriptReady(
    ...     id="e-1", source="asr", tenant="acme", lead="l-1", call_id="c-1", language="en",
    ...     started_at="2026-03-01T09:25:00Z", occurred_at="2026-03-01T09:30:00Z",
    ...     segments=[Segment(role="customer", start_s=0, end_s=2, text="The price is too high.")],
    ... )
    >>> next_day_ms = to_ms(call.occurred_at) + DAY_MS
    >>> spec = PromptSpec(first_rendering(), token_budget=2000, count_tokens=len)
    >>> prompt = build_prompt(history_of(fold([call])), next_day_ms, spec)
    >>> print(prompt[prompt.index("# calls") :].rstrip())
    # calls
    call yesterday
    customer: The price is too high.
    # end
    Will this customer order within 14 days?<|im_end|>
    <|im_start|>assistant
    """
    rendering, turns = spec.rendering, spec.turns
    lines = sections(history, as_of_ms, rendering, hidden)
    fields = own_fields.own_lines(history, as_of_ms, rendering, hidden_fields)
    room = Room(spec.token_budget // own_fields.BUDGET_PART, spec.count_tokens)
    own = own_fields.fit_lines([turns.fenced(line) for line in fields.values()], room)
    head, tail = _around_talk(lines, own, rendering, turns)
    whole = rendering.reader.whole(history, as_of_ms)
    if whole is not None:
        prompt = head + turns.fenced(whole) + tail
        if spec.count_tokens(prompt) <= spec.token_budget:
            return prompt
    room = _room(head, tail, spec)
    while room.tokens >= 0:
        prompt = head + turns.fenced(rendering.reader.text(history, as_of_ms, room)) + tail
        excess = spec.count_tokens(prompt) - spec.token_budget
        if excess <= 0:
            return prompt
        if room.tokens < spec.count_tokens("".join(room.around)):
            break  # nothing was said in it that less room would leave out
        room = replace(room, tokens=room.tokens - excess)
    raise BudgetTooSmall(
        f"token_budget is {spec.token_budget}, this lead's prompt without any conversation takes "
        f"{spec.count_tokens(head + tail)} tokens; raise the budget"
    )


def _room(head: str, tail: str, spec: PromptSpec) -> Room:
    if spec.rendering.undated_talk:  # whose reader counts the talk where it stands
        return Room(spec.token_budget, spec.count_tokens, (head, tail))
    return Room(spec.token_budget - spec.count_tokens(head + tail), spec.count_tokens)


def least_budget(
    rendering: Rendering, count_tokens: Callable[[str], int], turns: Turns = CHATML
) -> int:
    """Returns the token budget that holds every lead's record, its own fields and a little talk, to
    within a few: an artifact with a smaller one would fail on some lead some day."""

    def longest(feature: Feature) -> str:
        return max(possible_words(feature), key=lambda word: (count_tokens(f" {word}"), word))

    lines = {section: _line(section, rendering, longest) for section in Section}
    record = count_tokens("".join(_around_talk(lines, "", rendering, turns))) + MIN_TALK_TOKENS
    part = own_fields.BUDGET_PART
    return -(-record * part // (part - 1)) if rendering.own_fields else record


def sections(
    history: LeadHistory, as_of_ms: int, rendering: Rendering, hidden: Set[str] = frozenset()
) -> dict[Section, str]:
    """Writes every feature in words, one line per section, in the declared order; the `hidden`
    ones are unknown."""

    def word_of(feature: Feature) -> str:
        if feature.name in hidden:
            return UNKNOWN
        return words(feature, feature.source.value(history, as_of_ms))

    return {section: _line(section, rendering, word_of) for section in Section}


def _line(section: Section, rendering: Rendering, word_of: Callable[[Feature], str]) -> str:
    return SEPARATOR.join(
        f"{feature.wording} {word_of(feature)}"
        for feature in rendering.features
        if feature.section is section
    )


KNOWN_BEFORE = (Section.PROFILE, Section.INTENT)
"""What stands before an undated conversation: who the lead is and wants changes seldom,
what happened lately with every day."""


def _around_talk(
    lines: Mapping[Section, str], own: str, rendering: Rendering, turns: Turns
) -> tuple[str, str]:
    """What stands before the conversation and what stands behind it."""
    parts = {section: f"{HEADING}{section.value}\n{line}\n" for section, line in lines.items()}
    if rendering.own_fields:
        parts[Section.PROFILE] += f"{HEADING}{own_fields.HEADING}\n{own}"
    before = [section for section in parts if not rendering.undated_talk or section in KNOWN_BEFORE]
    head = "".join(parts.pop(section) for section in before)
    return (
        f"{turns.opening}{rendering.domain.instruction}\n{head}{HEADING}{CALLS}\n",
        f"{HEADING}{END}\n{''.join(parts.values())}{rendering.question}{turns.marker}",
    )

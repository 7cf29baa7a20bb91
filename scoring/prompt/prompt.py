"""Builds the prompt: instruction, record in sections, conversation, question, answer marker.

The only place that shapes what a model reads: live, replay, training and evaluation call
`build_prompt`. What rarely changes comes first, so that consecutive prompts of a lead share a long
prefix. `PROMPT_ID` names everything that shapes the text; an artifact must match it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from scoring.domain.model import Section
from scoring.engine import Unscorable
from scoring.lead import summary, topics
from scoring.lead.history import LeadHistory
from scoring.prompt import conversation
from scoring.prompt.declaration import OTHER, UNKNOWN, Feature, possible_words, words
from scoring.prompt.features import AGES, FEATURES, FEATURES_ID, INSTRUCTION

PROMPT_VERSION = 1
"""Bumped when code, not a constant below, changes the text."""

HORIZON_DAYS = 14
QUESTION = f"Will this customer order within {HORIZON_DAYS} days?"
OPENING = "<|im_start|>user\n"
MARKER = "<|im_end|>\n<|im_start|>assistant\n"
"""The answer's start: its last token has seen the whole lead and is where a score is read off."""

ANSWER_YES = " Yes"
ANSWER_NO = " No"
SEPARATOR = " "
"""Between features: order and labels tell them apart. A mark there would take 27 tokens from the
conversation."""

HEADING = "# "
CALLS = "calls"
END = "end"


@dataclass(frozen=True, slots=True)
class PromptSpec:
    """How long a prompt may be, and how its tokens are counted. `count_tokens` must count markers
    as the model's tokenizer does."""

    token_budget: int
    count_tokens: Callable[[str], int]


class BudgetTooSmall(Unscorable):
    """The token budget is too small for what every prompt must say."""


def build_prompt(
    history: LeadHistory, as_of_ms: int, spec: PromptSpec, hidden: Section | None = None
) -> str:
    """Returns what a model reads about a lead. Never longer than the budget: the conversation is
    cut, oldest first. Constant between two edges of the lead. `hidden`: a section in
    which every feature reads "unknown", to measure what the section is worth.

    >>> from schemas.events import Segment, TranscriptReady
    >>> from schemas.timestamps import DAY_MS, to_ms
    >>> from scoring.lead.fold import fold
    >>> from scoring.lead.history import history_of
    >>> call = TranscriptReady(
    ...     id="e-1", source="asr", tenant="acme", lead="l-1", call_id="c-1", language="en",
    ...     started_at="2026-03-01T09:25:00Z", occurred_at="2026-03-01T09:30:00Z",
    ...     segments=[Segment(role="customer", start_s=0, end_s=2, text="The price is too high.")],
    ... )
    >>> next_day_ms = to_ms(call.occurred_at) + DAY_MS
    >>> spec = PromptSpec(token_budget=2000, count_tokens=len)
    >>> prompt = build_prompt(history_of(fold([call])), next_day_ms, spec)
    >>> print(prompt[prompt.index("# calls") :].rstrip())
    # calls
    call yesterday
    customer: The price is too high.
    # end
    Will this customer order within 14 days?<|im_end|>
    <|im_start|>assistant
    """
    lines = sections(history, as_of_ms)
    if hidden is not None:
        lines[hidden] = _line(hidden, lambda feature: UNKNOWN)
    head, tail = _head(lines), _tail()
    prompt = head + conversation.whole_conversation(history, as_of_ms) + tail
    if spec.count_tokens(prompt) <= spec.token_budget:
        return prompt
    fixed_tokens = spec.count_tokens(head + tail)
    room = spec.token_budget - fixed_tokens
    while room >= 0:
        talk = conversation.conversation(history, as_of_ms, room, spec.count_tokens)
        prompt = head + talk + tail
        excess = spec.count_tokens(prompt) - spec.token_budget
        if excess <= 0:
            return prompt
        room -= excess
    raise BudgetTooSmall(
        f"token_budget is {spec.token_budget}, this lead's prompt without any conversation takes "
        f"{fixed_tokens} tokens; raise the budget"
    )


def longest_record_tokens(count_tokens: Callable[[str], int]) -> int:
    """Returns the most tokens a prompt without any conversation takes, to within a few: an artifact
    with a smaller budget would fail on some lead some day."""

    def longest(feature: Feature) -> str:
        return max(possible_words(feature), key=lambda word: (count_tokens(f" {word}"), word))

    return count_tokens(_head({s: _line(s, longest) for s in Section}) + _tail())


def sections(history: LeadHistory, as_of_ms: int) -> dict[Section, str]:
    """Writes every feature in words, one line per section, in the declared order."""

    def word_of(feature: Feature) -> str:
        return words(feature, feature.source.value(history, as_of_ms))

    return {section: _line(section, word_of) for section in Section}


def _line(section: Section, word_of: Callable[[Feature], str]) -> str:
    return SEPARATOR.join(
        f"{feature.wording} {word_of(feature)}"
        for feature in FEATURES
        if feature.section is section
    )


def _head(lines: Mapping[Section, str]) -> str:
    record = "".join(f"{HEADING}{section.value}\n{line}\n" for section, line in lines.items())
    return f"{OPENING}{INSTRUCTION}\n{record}{HEADING}{CALLS}\n"


def _tail() -> str:
    return f"{HEADING}{END}\n{QUESTION}{MARKER}"


def prompt_id() -> str:
    """Returns a digest of all constants and declarations of this build that shape the text."""
    shapes = (
        PROMPT_VERSION,
        (
            OPENING,
            INSTRUCTION,
            SEPARATOR,
            HEADING,
            CALLS,
            END,
            QUESTION,
            MARKER,
            ANSWER_YES,
            ANSWER_NO,
        ),
        (UNKNOWN, OTHER, FEATURES_ID),
        (conversation.RESERVED, conversation.SPEAKERS.pattern),
        (conversation.CUT, conversation.MIN_CUT_TOKENS, conversation.NO_CALLS, AGES),
        (summary.SUMMARY_VERSION, summary.SHORT_CALL_TOKENS, summary.KEPT_SHARE),
        (summary.MAX_SUMMARY_TOKENS, summary.MAX_STATEMENT_TOKENS, summary.SHORT_ANSWER_TOKENS),
        (summary.REPLY_TOKENS, summary.MAX_STATEMENT_COUNT, topics.TOPICS, topics.PHRASES),
    )
    return blake2b(repr(shapes).encode(), digest_size=8).hexdigest()


PROMPT_ID = prompt_id()

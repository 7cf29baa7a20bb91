"""Prompts open and end as each base's own template says, and no lead text can add to that."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers", reason="needs the train extra")

from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from schemas.events import InteractionLogged, LeadUpserted, Role, TranscriptReady
from scoring.domain.reading import pack
from scoring.engines.reading import PromptReader, marker_ids
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.prompt.prompt import PromptSpec, build_prompt
from scoring.prompt.rendering import Rendering
from scoring.prompt.turns import CHATML, Turns
from tests.scoring.histories import START, START_MS, event, segment
from tests.training.model.styles import STYLES, reading_of
from training.model.chat import check_turns, closing_token, turns_of
from training.model.errors import FitError

pytestmark = pytest.mark.train

SOFTWARE = Rendering(2, pack("software").model_copy(update={"own_fields": ("Plan", "[INST]")}))
READINGS = {name: reading_of(style) for name, style in STYLES.items()}
CLOSES = {
    "qwen2.5": "<|im_end|>",
    "qwen3": "<|im_end|>",
    "llama3.1": "<|eot_id|>",
    "gemma": "<end_of_turn>",
    "phi3": "<|end|>",
    "mistral1": "</s>",
    "mistral3": "</s>",
    "forgiving": "</s>",
}

each_style = pytest.mark.parametrize("name", STYLES)


@each_style
def test_turns_are_those_of_the_bases_own_template(name: str) -> None:
    """A default system prompt, and with it the day of today, is left out."""
    turns = turns_of(name, READINGS[name])
    assert (turns.opening, turns.marker) == (STYLES[name].opening, STYLES[name].marker)
    assert closing_token(name, READINGS[name]) == CLOSES[name]


@each_style
def test_a_tokenizer_reads_its_own_markers_wherever_they_stand(name: str) -> None:
    tokenizer = READINGS[name].backend_tokenizer
    turns = turns_of(name, READINGS[name])
    check_turns(name, tokenizer, turns)
    reader = PromptReader(tokenizer, 10_000, marker_ids(tokenizer, turns.marker))
    assert reader.token_ids(f"{turns.opening}customer: the price is too high{turns.marker}")


def test_chatml_is_the_default_and_reserves_nothing() -> None:
    """Artifacts on Qwen and SmolLM are written and read as they always were."""
    assert turns_of("qwen2.5", READINGS["qwen2.5"]) == CHATML
    assert not CHATML.reserved


def test_marks_of_plain_text_are_reserved() -> None:
    assert turns_of("mistral1", READINGS["mistral1"]).reserved == ("[/INST]", "[INST]")
    special = turns_of("mistral3", READINGS["mistral3"]).reserved
    assert special == ("[/INST]", "[INST]", "[TOOL_CALLS]")


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        (None, r"base b|the tokenizer of b has no chat template, .* take the instruct version"),
        ("{{ messages[0]['content'] }}", "expected an opening and an answer marker"),
        ("{% for message in messages %}", r"cannot be rendered \(TemplateSyntaxError"),
        ("{{ raise_exception('only tools') }}", r"cannot be rendered \(TemplateError: only tools"),
        ("<s>{{ nothing.at.all }}", r"cannot be rendered \(UndefinedError"),
    ],
)
def test_a_template_that_gives_no_turns_is_named(template: str | None, sentence: str) -> None:
    reading = reading_of(STYLES["qwen2.5"])
    reading.chat_template = template
    with pytest.raises(FitError, match=sentence):
        turns_of("b", reading)


def test_a_tokenizer_that_splits_its_markers_is_refused() -> None:
    """The template of one model beside the tokenizer of another."""
    reading = READINGS["qwen2.5"]
    reading = PreTrainedTokenizerFast(tokenizer_object=reading.backend_tokenizer)
    reading.chat_template = STYLES["gemma"].template.replace("{{ bos_token }}", "")
    turns = turns_of("mixed", reading)
    with pytest.raises(FitError, match=r"splits <end_of_turn> .* into \d+ tokens, expected 1"):
        check_turns("mixed", reading.backend_tokenizer, turns)


def test_a_marker_that_runs_into_the_text_is_refused() -> None:
    turns = Turns(opening="Q: ", marker="ys")
    tokenizer = READINGS["qwen2.5"].backend_tokenizer
    with pytest.raises(FitError, match=r"splits the answer marker 'ys' in \d+ ways"):
        check_turns("glued", tokenizer, turns)


MARKS = sorted(
    {
        part
        for style in STYLES.values()
        for part in (*style.special, *style.plain, style.opening, style.marker)
    }
)
HOSTILE = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *MARKS,
                "[",
                "]",
                "/",
                "|",
                "INST",
                "[inst]",
                "［INST］",
                "[IN",
                "ST]",
                "[𝐔ser]",
                "﹇ＭodéL﹈",
                "[u\u200dser]",
                "§ENd",
                "[INﬆ]",
            ]
        ),
        st.text(max_size=8),
    ),
    max_size=10,
).map(lambda parts: "".join(parts).replace("\x00", ""))


def prompt_of(texts: list[str], spec: PromptSpec) -> str:
    said = [segment(text, Role.CUSTOMER, 3.0 * n) for n, text in enumerate(texts)]
    told = {"id": "t", "started_at": START, "call_id": "c", "language": "en"}
    wrote = {"id": "w", "channel": "email", "direction": "inbound"}
    lead = fold(
        [
            event(TranscriptReady, segments=said, **told),
            event(InteractionLogged, text=texts[0], note=texts[-1], **wrote),
            event(LeadUpserted, id="u", profile={"Plan": texts[0], "[INST]": texts[-1]}),
        ]
    )
    return build_prompt(history_of(lead), START_MS, spec)


def control_tokens(tokenizer: Tokenizer, prompt: str) -> list[str]:
    """The tokens of a prompt that are more than text, in order."""
    added = {
        number
        for number, token in tokenizer.get_added_tokens_decoder().items()
        if token.content.strip()
    }
    encoded = tokenizer.encode(prompt, add_special_tokens=False)
    return [tokenizer.id_to_token(number) for number in encoded.ids if number in added]


@pytest.mark.slow
@each_style
@settings(max_examples=60)
@given(texts=st.lists(HOSTILE, min_size=1, max_size=4), budget=st.sampled_from((5_000, 1_100)))
def test_no_lead_text_adds_a_control_token(name: str, texts: list[str], budget: int) -> None:
    reading = READINGS[name]
    tokenizer, turns = reading.backend_tokenizer, turns_of(name, reading)

    def count_tokens(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    spec = PromptSpec(SOFTWARE, budget, count_tokens, turns)
    prompt = prompt_of(texts, spec)
    assert count_tokens(prompt) <= budget
    assert prompt.startswith(turns.opening)
    assert prompt.endswith(turns.marker)
    harmless = prompt_of(["the price is too high"], spec)
    assert control_tokens(tokenizer, prompt) == control_tokens(tokenizer, harmless)
    for mark in turns.reserved:
        assert prompt.lower().count(mark.lower()) == harmless.lower().count(mark.lower())


@settings(max_examples=200)
@given(
    HOSTILE, st.lists(st.sampled_from(["[INST]", "[/INST]", "aXa", "XaX", ":", "Human:", "\u200b"]))
)
def test_what_is_broken_up_holds_nothing_reserved(text: str, reserved: list[str]) -> None:
    turns = Turns(reserved=tuple(reserved))
    fenced = turns.fenced(text)
    seen = [part.lower() for part in reserved if part.isprintable()]
    assert not [part for part in seen if part in fenced.lower()]
    assert turns.fenced(fenced) == fenced
    if not reserved:
        assert fenced == text

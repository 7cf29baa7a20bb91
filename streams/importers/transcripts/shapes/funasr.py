"""FunASR: `sentence_info` in milliseconds, whose words stand under `text` or `sentence`; SenseVoice
puts marks such as `<|en|><|NEUTRAL|>` into the text. https://modelscope.github.io/FunASR/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from streams.importers.transcripts.draft import TranscriptDraft
from streams.importers.transcripts.shape import TranscriptShape
from streams.importers.transcripts.values import (
    MS,
    entries,
    objects,
    pick,
)

_MARK = re.compile(r"<\s?\|([^|<>]{0,40})\|\s?>")
_MARK_OF_LANGUAGE = re.compile(r"<\s?\|(zh|en|yue|ja|ko)\|\s?>")


def _funasr(document: Mapping[str, Any], draft: TranscriptDraft) -> None:
    text = document.get("text")
    whole = text if isinstance(text, str) else ""
    if mark := _MARK_OF_LANGUAGE.search(whole):
        draft.language = mark[1]
    sentences = list(objects(document.get("sentence_info"), "sentence_info"))
    said = [_unmarked(pick(one, "text", "sentence")) for _, one in sentences]
    if sentences and not _is_same(_unmarked(whole), "".join(said)):
        draft.remark("sentences that are not the whole text: the sentences are read", "text")
    for (place, one), words in zip(sentences, said, strict=True):
        draft.say(
            place,
            words,
            speaker=pick(one, "spk", "speaker"),
            start=one.get("start"),
            end=one.get("end"),
            unit_s=MS,
        )
    if draft.is_empty:
        spans = [pair for pair in entries(document.get("timestamp")) if isinstance(pair, list)]
        spans = [pair for pair in spans if len(pair) > 1]
        draft.say(
            "text",
            _unmarked(whole),
            start=spans[0][0] if spans else None,
            end=spans[-1][1] if spans else None,
            unit_s=MS,
        )


def _unmarked(text: Any) -> str:
    return _MARK.sub("", text).strip() if isinstance(text, str) else ""


def _is_same(whole: str, parts: str) -> bool:
    return not whole or re.sub(r"[\W_]", "", whole) == re.sub(r"[\W_]", "", parts)


SHAPES = (
    TranscriptShape(
        "funasr",
        "FunASR",
        (
            "text",
            "sentence_info[].text|sentence_info[].sentence|timestamp",
        ),
        "milliseconds",
        "`spk` (0, 1)",
        _funasr,
    ),
)

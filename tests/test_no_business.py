"""asllr knows no business: what is of one stands in a domain, and nowhere in the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from scoring.domain.reading import pack, pack_names

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("schemas", "scoring", "streams", "training")
OF_A_BUSINESS = ("training/simulator", "training/demo")
"""The simulated car dealer, and the model that is made from its leads."""

PLACES = {
    "schemas/events.py": "the words that events had before domains keep their meaning",
    "scoring/lead/topics.py": "the phrases by which renderer 1 shortens a call",
    "scoring/draft/draft.py": "a draft asks every business the same ages, as the packs do",
    "streams/importers/bpi2012.py": "one public data set and its words",
    "streams/importers/persuasion.py": "one public data set and its words",
    "streams/importers/uci_bank.py": "one public data set and its words",
    "streams/importers/tables/durations.py": "how units of time are shortened",
    "streams/importers/tables/words/header_names.py": "how exports call what is an id",
    "streams/importers/transcripts/reading.py": "what vendors call the envelope of a transcript",
    "streams/importers/transcripts/shapes/turns.py": "what vendors call the text of a turn",
}
"""File -> why words of a business stand in it."""

OURS = frozenset(
    {
        *("agent", "board", "call", "cause", "compact", "confirmed", "demo", "event"),
        *("high", "languages", "later", "lost", "low", "never", "new", "none", "operations"),
        *("order", "other", "outbound", "stage", "tenant", "user", "won"),
    }
)
"""Words that mean something of asllr's own where they stand, and that some pack uses, too."""

KNOWN_STAGES_AND_CHANNELS = {
    "scoring/columns/aggregates.py": "a call without talk is one that nobody took",
    "scoring/lead/fold.py": "clicks of old events are no contact",
    "scoring/lead/history.py": "a call and its transcript are one contact",
    "streams/ingest/batch.py": "clicks and mail come in bursts; rescoring waits for more of them",
    "streams/importers/bpi2012.py": "one public data set and its words",
    "streams/importers/persuasion.py": "one public data set and its words",
    "streams/importers/uci_bank.py": "one public data set and its words",
    "streams/importers/tables/row_reader.py": "an export has no words of its own for a call",
}
"""File -> why it names a stage or a channel."""

SPOKEN_OF = re.compile(
    r"\b(cars?|dealers?|test[ _-]drives?|trade[ -]in|showrooms?)\b", re.IGNORECASE
)
SENTENCES = {
    "schemas/role_words.py": "how transcripts call those who sell",
    "streams/reports/try_text.py": "says whose leads the demo's model learned from",
}


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(OF_A_BUSINESS):
                yield name, ast.parse(path.read_text(encoding="utf-8"))


def _texts(tree: ast.Module) -> Iterator[str]:
    """Every text in the code but docstrings."""
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    comments = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in texts:
        if isinstance(node.value, str) and id(node) not in comments:
            yield node.value


def _words_of_packs() -> set[str]:
    words: set[str] = set()
    for domain in map(pack, pack_names()):
        words |= {domain.instruction, domain.question, domain.asked}
        for named in (domain.stages, domain.channels, domain.topics, domain.features):
            words |= {each.name for each in named}
        for feature in domain.features:
            words |= {getattr(feature.source, "field", feature.name)}
            words |= {v if isinstance(v, str) else v[0] for v in feature.values}
    return words


WORDS = _words_of_packs()


def test_no_word_of_a_pack_is_a_constant() -> None:
    found = {(name, text) for name, tree in _modules() for text in _texts(tree) if text in WORDS}
    outside = {(name, text) for name, text in found if name not in PLACES}
    assert {each for each in outside if each[1] not in OURS} == set()
    assert {text for _, text in outside} == OURS
    assert {name for name, _ in found} >= PLACES.keys()


def test_no_stage_and_no_channel_is_named() -> None:
    found = {
        name
        for name, tree in _modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "schemas.events"
        if {"Stage", "Channel"} & {alias.name for alias in node.names}
    }
    assert found == KNOWN_STAGES_AND_CHANNELS.keys()


def test_no_sentence_speaks_of_a_business() -> None:
    found = {name for name, tree in _modules() for text in _texts(tree) if SPOKEN_OF.search(text)}
    of_words = {"schemas/events.py", "scoring/lead/topics.py"}
    assert found == SENTENCES.keys() | of_words

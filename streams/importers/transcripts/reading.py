"""Reads a transcript, whatever wrote it: the shape is recognised by what is in it, never by a name.

    read_transcript(text) -> CallTranscript

Pure: text or bytes in, the normal form out; bounded in bytes, depth, characters and utterances.
Used by `asllr import transcript` and for the cells of `asllr try`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic_core import from_json

from streams.importers.transcripts.draft import MAX_CHARS, TranscriptDraft
from streams.importers.transcripts.normal import CallTranscript, TranscriptError, UnknownShape
from streams.importers.transcripts.shape import (
    MAX_DEPTH,
    TranscriptShape,
    depth_is_bounded,
    described,
    nearest,
)
from streams.importers.transcripts.shapes import (
    assemblyai,
    aws,
    azure,
    contact_lens,
    deepgram,
    funasr,
    genesys,
    google,
    rev,
    turns,
    whisper,
)
from streams.importers.transcripts.shapes.captions import are_captions, read_captions
from streams.importers.transcripts.shapes.columns import read_columns, table_of
from streams.importers.transcripts.shapes.lines import read_lines
from streams.importers.transcripts.shapes.vcon import WTF, vcon_shape

MAX_BYTES = 32 * 1024 * 1024
"""The largest file: hours of talk with every word's times and alternatives."""

MAX_PLAIN_CHARS = 10 * MAX_CHARS
"""The longest captions or lines: their times and names take several times the room of the talk."""

WRAPPERS = (
    *("response", "data", "result", "results", "output", "transcript", "transcription"),
    *("body", "payload", "event", "message", "detail"),
)
"""Fields under which others hand on a vendor's document: operations, webhooks, buses."""

SPREADSHEET_CELL = 32_767
"""Characters, after which Excel cuts a cell."""

_LINK = re.compile(r"\s*[a-z][a-z0-9+.-]{1,9}://\S+\s*", re.IGNORECASE)
_ENCODED = re.compile(r"\s*[A-Za-z0-9+/_=-]{200,}\s*")
_JSON = re.compile(r"\s*(?:\{|\[\s*(?:[\[{\"\]'-]|\d+\s*(?:,|\]\s*$)|null|true|false))")
_MARKUP = re.compile(r"\s*<(?:\?xml|!doctype|[a-z][\w:.-]*[\s>/])", re.IGNORECASE)


def read_transcript(content: str | bytes) -> CallTranscript:
    """Reads JSON, JSON lines, captions or lines of talk. Speakers keep the file's labels; `roles`
    says who they are. Raises UnknownShape, TranscriptError."""
    text = content if isinstance(content, str) else _decoded(content)
    if len(text) > MAX_BYTES:
        raise TranscriptError(f"{len(text):,} characters, at most {MAX_BYTES:,}: is it one call?")
    text = text.lstrip("\ufeff")
    if _JSON.match(text):
        return read_document(_parsed(text))
    if text.lstrip().startswith('"') and (inner := _quoted(text)) is not None:
        return read_transcript(inner)
    return _read_text(text)


def read_document(document: Any) -> CallTranscript:
    """Reads JSON that is parsed already. Raises as `read_transcript` does."""
    if not depth_is_bounded(document):
        raise TranscriptError(f"JSON nested deeper than {MAX_DEPTH}: no transcript is")
    if isinstance(document, str):
        return _read_text(document)
    if isinstance(document, list) and document and all(isinstance(one, str) for one in document):
        return _read_text("\n".join(document))
    if document == []:
        return CallTranscript("turns", ())
    for inner in (document, *_wrapped(document)):
        if (shape := _shape_of(inner)) is not None:
            draft = TranscriptDraft()
            shape.read(shape.document_of(inner), draft)
            return draft.finish(shape.name)
    raise UnknownShape(_unknown(document))


def _shape_of(document: Any) -> TranscriptShape | None:
    return next((shape for shape in SHAPES if not shape.missing(document)), None)


def _wrapped(document: Any) -> Iterator[Any]:
    """What a document hands on, if it does: a field of a wrapper's name that holds a shape."""
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if isinstance(document, dict):
        for name in WRAPPERS:
            if isinstance(document.get(name), dict | list) and document[name]:
                yield document[name]


def _unknown(document: Any) -> str:
    found = described(document)
    if isinstance(document, list) and len(document) > 1:
        one = next((shape for shape in SHAPES if not shape.missing(document[0])), None)
        if one is not None:
            return (
                f"{len(document):,} documents of {one.title}, where one call is one document: "
                "give each a file of its own"
            )
    near = nearest(document, SHAPES)
    if near is None:
        return f"{found}: none of the shapes that docs/reference/transcripts.md lists"
    shape, lacking = near
    return f"{found}: nearest to {shape.title}, which also has {lacking}"


def _read_text(text: str) -> CallTranscript:
    if len(text) > MAX_PLAIN_CHARS:
        raise TranscriptError(
            f"{len(text):,} characters of captions or lines, at most {MAX_PLAIN_CHARS:,}: "
            "is it one call?"
        )
    if "\\n" in text and "\n" not in text.strip():
        text = text.replace("\\r", "").replace("\\n", "\n")  # as some exports write a line break
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _LINK.fullmatch(text):
        raise UnknownShape("a link and not a transcript: export what it leads to")
    if _ENCODED.fullmatch(text):
        raise UnknownShape("one word of hundreds of letters (encoded?): give the text itself")
    draft = TranscriptDraft()
    if (table := table_of(text)) is not None:
        return draft.finish(read_columns(text, table, draft))
    if are_captions(text):
        return draft.finish(read_captions(text, draft))
    if text.startswith("WEBVTT"):
        return draft.finish("webvtt")
    if _MARKUP.match(text):
        raise UnknownShape(
            "XML or HTML: none of the shapes that docs/reference/transcripts.md lists"
        )
    return draft.finish(read_lines(text, draft))


def _parsed(text: str) -> Any:
    try:
        return from_json(text)
    except ValueError as error:
        whole = error
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1:
        try:
            return [from_json(line) for line in lines]
        except ValueError:
            pass
    raise UnknownShape(_damage(text, str(whole))) from None


def _quoted(text: str) -> str | None:
    """The text that a JSON string holds; None where quotes are only quotes."""
    try:
        inner = from_json(text)
    except ValueError:
        if _JSON.match(text.lstrip()[1:]):
            raise UnknownShape("JSON in quotes that is not JSON: export it again") from None
        return None
    return inner if isinstance(inner, str) and len(inner) < len(text) else None


def _damage(text: str, error: str) -> str:
    if re.match(r"\s*[\[{]+\s*'", text):
        return "written as Python prints it (') and not as JSON (\"): write it with json.dumps"
    place = re.search(r"line \d+ column \d+", error)
    where = f" at {place[0]}" if place else ""
    if "EOF" in error:
        cut = " as spreadsheets cut cells" if len(text) >= SPREADSHEET_CELL - 1 else ""
        return f"JSON that ends too early{cut}, after {len(text):,} characters: export it whole"
    return f"begins like JSON and is not JSON{where}: export it again"


def _decoded(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise TranscriptError(f"{len(content):,} bytes, at most {MAX_BYTES:,}: is it one call?")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings: Iterable[str] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "cp1252")
    if b"\0" not in content or content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        for encoding in encodings:
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                continue
    raise UnknownShape("bytes that are not text (a recording?): give the transcript, as UTF-8")


def _read_body(body: Any) -> CallTranscript:
    return read_transcript(body) if isinstance(body, str) else read_document(body)


SHAPES: tuple[TranscriptShape, ...] = (
    vcon_shape(_read_body),
    WTF,
    *deepgram.SHAPES,
    *contact_lens.SHAPES,
    *aws.SHAPES,
    *google.SHAPES,
    *azure.SHAPES,
    *genesys.SHAPES,
    *rev.SHAPES,
    *funasr.SHAPES,
    *turns.SHAPES[:1],
    *assemblyai.SHAPES,
    *whisper.SHAPES,
    *turns.SHAPES[1:],
)
"""All shapes of JSON, the more special one first."""

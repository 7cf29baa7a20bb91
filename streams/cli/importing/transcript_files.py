"""Files of transcripts as calls of leads: whose each is, by options or by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from schemas.events import Role, TranscriptReady
from schemas.record_check import describe
from streams.importers.tables.cells import Unusable, lead_id
from streams.importers.transcripts.event import CallOfLead, transcript_event
from streams.importers.transcripts.normal import CallTranscript, TranscriptError
from streams.importers.transcripts.reading import MAX_BYTES, read_transcript
from streams.importers.transcripts.roles import with_roles

FIELDS = ("lead", "call_id")
NAMES_EXAMPLE = "{lead}_{call_id}.json"


@dataclass(frozen=True, slots=True)
class TranscriptOptions:
    """What the command line says of all files. None where it leaves it to the file."""

    tenant: str
    lead: str | None
    names: re.Pattern[str] | None
    call_id: str | None
    started_at: datetime | None
    language: str | None
    revision: int | None
    roles: Mapping[str, Role]


def names_pattern(text: str) -> re.Pattern[str]:
    """`{lead}_{call_id}.json` as the pattern of file names; `*` is any text that is not kept.
    Raises ValueError."""
    parts = re.split(r"(\{\w*\}|\*)", text)
    fields = [part[1:-1] for part in parts if part.startswith("{")]
    if "lead" not in fields or len(set(fields)) < len(fields) or set(fields) - set(FIELDS):
        raise ValueError(f"{text!r} is not a pattern such as {NAMES_EXAMPLE}")
    pattern = "".join(
        ".*" if part == "*" else rf"(?P<{part[1:-1]}>.+?)" if part[:1] == "{" else re.escape(part)
        for part in parts
    )
    return re.compile(pattern)


def read_file(path: Path, options: TranscriptOptions) -> CallTranscript:
    """One file in the normal form, with roles, and with what the options say instead of the file.
    Raises TranscriptError, OSError."""
    if (size := path.stat().st_size) > MAX_BYTES:
        raise TranscriptError(f"{size:,} bytes, at most {MAX_BYTES:,}: is it one call?")
    found = with_roles(read_transcript(path.read_bytes()), options.roles)
    if not found.utterances:
        raise TranscriptError(f"a transcript ({found.shape}) in which nothing is said")
    return replace(
        found,
        call_id=options.call_id or _from_name(path, options, "call_id") or found.call_id,
        started_at=options.started_at or found.started_at,
        language=options.language or found.language,
        revision=found.revision if options.revision is None else options.revision,
    )


def event_of(path: Path, transcript: CallTranscript, options: TranscriptOptions) -> TranscriptReady:
    """The event of one file. Raises TranscriptError where nobody says whose call it is or when it
    was."""
    lead = options.lead or _from_name(path, options, "lead")
    if lead is None:
        raise TranscriptError(
            f"nobody says whose call it is: --lead LEAD, or --names '{NAMES_EXAMPLE}' that fits"
        )
    if transcript.started_at is None:
        raise TranscriptError(
            f"{transcript.shape} does not say when the call began: --started-at "
            "2026-03-05T10:00:00+01:00"
        )
    try:
        call_id = lead_id(transcript.call_id or path.stem)
        tenant = lead_id(options.tenant)
        call = CallOfLead(tenant, lead_id(lead), call_id, transcript.started_at)
        return transcript_event(transcript, call)
    except Unusable as error:
        raise TranscriptError(str(error)) from None
    except ValidationError as error:
        raise TranscriptError(describe(error)) from None


def _from_name(path: Path, options: TranscriptOptions, field: str) -> str | None:
    if options.names is None or (match := options.names.fullmatch(path.name)) is None:
        return None
    return match.groupdict().get(field)

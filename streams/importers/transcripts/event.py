"""A transcript in its normal form as the event that asllr takes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from pydantic_core import to_json

from schemas.events import Role, Segment, TranscriptReady
from scoring.lead.language import UNDETERMINED
from streams.importers.transcripts.draft import ended_at
from streams.importers.transcripts.normal import CallTranscript

SOURCE = "import/transcript"


@dataclass(frozen=True, slots=True)
class CallOfLead:
    """Whose call a transcript is, and when it began. `call_id` in the alphabet of ids."""

    tenant: str
    lead: str
    call_id: str
    started_at: datetime


def transcript_event(
    transcript: CallTranscript, call: CallOfLead, source: str = SOURCE
) -> TranscriptReady:
    """The event, which occurred when the call ended. Its id follows from its content: the same
    file twice is one event, a corrected one another. Raises pydantic's ValidationError for ids
    that are none."""
    segments = segments_of_call(transcript)
    content = to_json([segments, transcript.revision, transcript.is_final])
    return TranscriptReady(
        id=f"{call.call_id}:{hashlib.sha256(content).hexdigest()[:12]}",
        source=source,
        tenant=call.tenant,
        lead=call.lead,
        occurred_at=ended_at(call.started_at, transcript),
        call_id=call.call_id,
        started_at=call.started_at,
        revision=transcript.revision,
        final=transcript.is_final,
        language=transcript.language or UNDETERMINED,
        segments=segments,
        vendor=transcript.shape,
    )


def segments_of_call(transcript: CallTranscript) -> tuple[Segment, ...]:
    """The utterances as segments of an event; a role that nobody has said is unknown."""
    return tuple(
        Segment(
            role=one.role or Role.UNKNOWN,
            start_s=one.start_s,
            end_s=one.end_s,
            text=one.text,
            confidence=one.confidence,
        )
        for one in transcript.utterances
    )

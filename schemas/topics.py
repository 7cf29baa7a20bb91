"""Lists every topic with its settings. `asllr topics create` makes them, `asllr topics check`
compares."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.timestamps import DAY_MS

MIB = 1_048_576


@dataclass(frozen=True, slots=True)
class Topic:
    """A Kafka topic and how it is set up. `partitions` None = the deployment's partition count
    (equal for both inputs). `retention_ms` None = for ever."""

    name: str
    key: str
    value: str
    partitions: int | None
    retention_ms: int | None
    compacted: bool
    max_message_bytes: int = MIB


MAX_RECORD_BYTES = MIB
"""The largest input record that is folded. The input topics admit ten times as much, so that a
transcript over the limit becomes a dead letter here and not a loss in a producer."""

CRM_EVENTS = Topic(
    "crm.events", "tenant/lead", "all events but transcripts", None, 30 * DAY_MS, False, 10 * MIB
)
ASR_TRANSCRIPTS = Topic(
    "asr.transcripts", "tenant/lead", "TranscriptReady", None, 30 * DAY_MS, False, 10 * MIB
)
SCORES = Topic("leads.scores", "tenant/lead", "Score", None, 365 * DAY_MS, False)
RANKED = Topic("leads.ranked", "tenant/lead", "RankUpdate or tombstone", None, None, True)
BOARDS = Topic("leads.boards", "tenant/queue", "BoardSnapshot", None, None, True)
PROMOTIONS = Topic("leads.promotions", "tenant", "Promotion", 1, None, True)
DEAD_LETTER = Topic(
    "leads.dead-letter", "origin's key if text", "DeadLetter", None, 30 * DAY_MS, False
)
ERASED = Topic("leads.erased", "tenant/lead", "Erasure", None, None, True)
STATE = Topic(
    "leads.state", "tenant/lead", "LeadSnapshot or FrontierMark", None, None, True, 4 * MIB
)
"""The fullest state has 1.5 MiB of them: the widest profile, and what was said in a script and in
words that nothing compresses."""

SHADOW = Topic("leads.shadow", "tenant/lead", "ShadowScore", None, 30 * DAY_MS, False)

INPUTS = (CRM_EVENTS, ASR_TRANSCRIPTS)
TOPICS = (*INPUTS, SCORES, RANKED, BOARDS, PROMOTIONS, DEAD_LETTER, ERASED, STATE, SHADOW)

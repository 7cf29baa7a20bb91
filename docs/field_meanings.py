"""What each field of an event and of a score record means: the models hold types and bounds, this
holds the sentences. `docs/generate.py` refuses a field without one.
"""

from __future__ import annotations

EVENT_FIELDS = {
    "LeadUpserted": {
        "profile": "facts about the lead by name; null makes a field unknown again",
        "queue": "the queue that works the lead; `default` until one is named",
        "consent": "false takes the lead off its list; unknown consent does not",
        "owner": "who looks after the lead; kept in the state, read by no feature",
    },
    "InteractionLogged": {
        "channel": "how the contact happened; `web` and `app` count as clicks, not as contacts",
        "direction": "who began it",
        "duration_s": "seconds",
        "text": "what a message or e-mail says; of more than 8,000 bytes both ends are kept",
        "note": "what the agent wrote about the contact; kept whole",
        "call_id": "joins the interaction to the transcript of the same call",
        "codes": "wrap-up codes that the agent chose",
    },
    "TranscriptReady": {
        "call_id": "joins the transcript to the interaction that the CRM logged",
        "started_at": "when the call began",
        "revision": "a later revision of a call replaces the earlier ones",
        "final": "false: more revisions will come. A final text counts before any that is not, "
        "whatever their revisions",
        "language": "language tag of the call, `und` when unknown",
        "segments": "the utterances",
        "vendor": "who made the transcript; accepted, read by nothing",
    },
    "StageChanged": {
        "stage": "where the lead stands in the funnel, in your words",
        "ends": "the funnel is over, `won` or `lost`: the lead leaves its list. Where it is left "
        "out, the stages `order` and `lost` end it so, and no other does",
    },
    "LeadClosed": {
        "reason": "shown to whoever asks why the lead is on no list",
    },
    "Segment": {
        "role": "who speaks",
        "start_s": "seconds since the call began",
        "end_s": "not before `start_s`",
        "text": "what was said",
        "confidence": "the recogniser's own; accepted, read by nothing",
    },
}

SCORE_FIELDS = {
    "Score": {
        "tenant": "whose lead it is",
        "lead": "the lead's id within the tenant",
        "probability": "calibrated probability that the artifact's label comes true within "
        "`horizon_days`",
        "logit": "what the engine returned, before calibration",
        "horizon_days": "how far the artifact's label looks ahead",
        "order": "which of two scores of one lead is newer",
        "cursor": "input topic → offset of the last record of this lead that the score includes",
        "state_hash": "hash of the lead state that was scored: BLAKE2b, 128 bits, hex",
        "artifact": "digest of the artifact that scored",
        "prompt_id": "names how the prompt is written: the renderer and what the domain says",
        "cause": "why there is a new score",
        "reason": "a few words for the person who calls",
        "reason_kind": "`faithful`: what this score would be another without, with sign and size; "
        "`recent`: what happened last, whatever the model made of it; which kind it is does not "
        "follow from the log",
        "evidence": "how much is known of the lead, not how good it is",
        "valid_until": "first later moment at which time alone changes the prompt; null: none",
        "scored_at": "when the worker had the result; does not follow from the log",
        "latency_ms": "where the time went; does not follow from the log",
    },
    "ScoreOrder": {
        "promotion": "offset of the record that made the artifact live",
        "version": "sum over the input topics of (`cursor` + 1): each record makes it greater",
        "as_of": "the moment the prompt speaks of: the last one at which it changed",
    },
    "Cause": {
        "kind": "`event`: a record moved the prompt; `edge`: the passing of time did",
        "type": "type of the newest event that the score includes",
        "id": "its CloudEvents `id`",
        "source": "its CloudEvents `source`",
        "occurred_at": "when it occurred, by its source's clock",
    },
    "Latency": {
        "ingest": "from the newest record's broker timestamp to its commit into the state",
        "queue": "from that commit to the claim by a worker",
        "ingest_to_claim": "both together",
        "claim_to_result": "from the claim to the result",
        "engine": "of that, the engine alone",
        "reason": "of that, the search for a faithful reason",
    },
}

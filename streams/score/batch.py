"""Scores one claimed batch: the order of scoring, and what becomes of a lead that cannot be scored.
`streams.score.worker` claims the batches."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from schemas.dead_letter import entry
from schemas.ids import LeadKey
from schemas.outputs import DeadLetter, DeadLetterStage, Latency, Origin, Score
from schemas.timestamps import from_ms
from schemas.topics import CRM_EVENTS
from scoring.calibration import NotALogit
from scoring.engine import EngineInput, Unscorable
from scoring.prompt.edges import next_edge
from scoring.score import NO_TIME, Position, Scorer, Subject, build_score, build_subject
from streams.score.leases import WorkLeases
from streams.score.reasons import Reasons
from streams.store.contract import Claim, Completion, CompletionStatus, Store
from streams.waiting import Patience

log = logging.getLogger(__name__)

MAX_SOLO_FAILURES = 3
"""After so many failures alone a lead waits in the scoring dead letters until it changes."""


def no_checkpoint(name: str) -> None:
    """Does nothing; tests pass a checkpoint at which the process dies."""


@dataclass(frozen=True, slots=True)
class Took:
    """What a batch took: its engine, and reading and scoring for each of its leads."""

    engine_ms: float
    lead_s: float


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed lead on its way to a result. `attempt` 1 may have had batch mates."""

    claim: Claim
    subject: Subject
    started_s: float


class Scoring:
    """One batch that is being scored. All claims of a batch have one artifact. `worker` holds their
    leases."""

    def __init__(
        self,
        store: Store,
        worker: str,
        leases: WorkLeases,
        patience: Patience,
        reasons: Reasons,
        checkpoint: Callable[[str], None] = no_checkpoint,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._store = store
        self._worker = worker
        self._leases = leases
        self._patience = patience
        self._reasons = reasons
        self._checkpoint = checkpoint
        self._clock = clock

    def run(self, claims: Sequence[Claim], scorer: Scorer) -> None:
        """Scores the batch: the order of scoring. Nothing is written before step 4, and step 4 is
        one atomic call per lead, so a worker that dies leaves leases that expire."""
        started_s = self._clock()
        self._checkpoint("claimed")
        # 1. What the engine reads of each lead, at the moment each is scored for.
        works, inputs = self._prepare(claims, scorer)
        self._checkpoint("prepared")
        # 2. The engine.
        engine_s = self._clock()
        logits = self._run_engine(works, inputs, scorer) if works else []
        ended_s = self._clock()
        took = Took(
            engine_ms=(ended_s - engine_s) * 1000, lead_s=(ended_s - started_s) / len(claims)
        )
        self._checkpoint("engine-ran")
        for work, logit in zip(works, logits, strict=bool(logits)):
            # 3. Calibrated, explained, dated.
            completion = self._build(work, logit, scorer, took)
            self._checkpoint("built")
            # 4. Handed in; the store decides whether it counts.
            if completion is not None:
                self._complete(work.claim, completion)
            self._checkpoint("completed")

    def _prepare(
        self, claims: Sequence[Claim], scorer: Scorer
    ) -> tuple[list[Work], list[EngineInput]]:
        works: list[Work] = []
        inputs: list[EngineInput] = []
        for claim in claims:
            if claim.attempt - 2 >= MAX_SOLO_FAILURES:
                self._give_up(claim, "no-result", "its workers ended before it had a result")
                continue
            subject = build_subject(
                LeadKey.parse(claim.lead),
                claim.state,
                Position(claim.cursor, claim.promotion),
                claim.claimed_ms,
                scorer.rendering,
            )
            work = Work(claim, subject, self._clock())
            try:
                engine_input = scorer.read(subject.history, subject.as_of_ms)
            except Unscorable as error:
                self._failed(claim, error)
            else:
                works.append(work)
                inputs.append(engine_input)
        return works, inputs

    def _run_engine(
        self, works: Sequence[Work], inputs: Sequence[EngineInput], scorer: Scorer
    ) -> list[float]:
        """Runs the engine; the result is empty when it raised: then every lead of the batch comes
        back alone. Engines are libraries of others: whatever they raise is about the input until it
        happens alone too often."""
        try:
            with self._leases.engine_running():
                return scorer.engine.logits(inputs)
        except Exception as error:
            for work in works:
                self._failed(work.claim, error)
            return []

    def _build(self, work: Work, logit: float, scorer: Scorer, took: Took) -> Completion | None:
        claim, subject = work.claim, work.subject
        claimed_at = from_ms(claim.claimed_ms)
        try:
            score = build_score(subject, logit, scorer, claimed_at, NO_TIME)
        except NotALogit as error:
            self._failed(claim, error)
            return None
        score, reason_ms = self._told(score, subject, scorer, took)
        elapsed_ms = (self._clock() - work.started_s) * 1000
        latency = Latency(
            ingest=max(0, claim.applied_ms - claim.ingested_ms),
            queue=max(0, claim.claimed_ms - claim.applied_ms),
            ingest_to_claim=max(0, claim.claimed_ms - claim.ingested_ms),
            claim_to_result=round(elapsed_ms, 3),
            engine=round(took.engine_ms, 3),
            reason=round(reason_ms, 3),
        )
        scored_at = claimed_at + timedelta(milliseconds=elapsed_ms)
        score = score.model_copy(update={"scored_at": scored_at, "latency_ms": latency})
        return Completion(
            shard=claim.shard,
            lead=claim.lead,
            order=subject.order,
            artifact=scorer.digest,
            state_hash=subject.state_hash,
            probability=score.probability,
            score=score.model_dump_json().encode(),
            due_ms=next_edge(subject.history, subject.as_of_ms, scorer.rendering),
            traceparent=claim.traceparent,
        )

    def _told(
        self, score: Score, subject: Subject, scorer: Scorer, took: Took
    ) -> tuple[Score, float]:
        """The score with the reason that it is to have, and the milliseconds which that took."""
        if not self._reasons.is_due(score, subject, scorer, took.lead_s):
            return score, 0.0
        started_s = self._clock()
        with self._leases.engine_running():
            told = self._reasons.told(score, subject, scorer)
        return told, (self._clock() - started_s) * 1000

    def _complete(self, claim: Claim, completion: Completion) -> None:
        pause = self._patience.pause()
        while True:
            status = self._patience.call(lambda: self._store.complete(self._worker, completion))
            if status is not CompletionStatus.FULL:
                break
            # Kafka or the publisher is away: scoring pauses here, with its leases kept.
            pause.wait_or_stop()
        self._leases.let_go(claim.lead)
        log.debug("scored lead=%s order=%s status=%s", claim.lead, completion.order, status)

    def _failed(self, claim: Claim, error: Exception) -> None:
        """Notes a failure, never with the error's text: an engine may quote what it read."""
        if claim.attempt - 1 >= MAX_SOLO_FAILURES:
            self._give_up(claim, "engine-failed", type(error).__name__)
            return
        log.warning(
            "lead_failed lead=%s attempt=%d error=%s",
            claim.lead,
            claim.attempt,
            type(error).__name__,
        )
        self.give_back(claim)

    def give_back(self, claim: Claim) -> None:
        self._patience.call(lambda: self._leases.give_back(claim))

    def _give_up(self, claim: Claim, reason: str, detail: str) -> None:
        letter = scoring_letter(claim, reason, detail)
        parked = self._patience.call(
            lambda: self._store.give_up(claim, self._worker, entry(letter))
        )
        self._leases.let_go(claim.lead)
        log.error("lead_given_up lead=%s reason=%s parked=%s", claim.lead, reason, parked)


def scoring_letter(claim: Claim, reason: str, detail: str) -> DeadLetter:
    """The dead letter of a lead that cannot be scored. Points to the lead's newest record; holds
    none of its content, which stays in the state."""
    topic, offset = max(
        claim.cursor.items(), key=lambda item: item[1], default=(CRM_EVENTS.name, 0)
    )
    return DeadLetter(
        origin=Origin(
            topic=topic, partition=claim.shard, offset=offset, timestamp_ms=claim.ingested_ms
        ),
        stage=DeadLetterStage.SCORING,
        reason=reason,
        detail=detail,
        fix="look at the lead with `asllr lead show`; it is scored again when it changes or when "
        "another artifact is promoted",
        attempts=claim.attempt,
        key=b64encode(claim.lead.encode()).decode(),
        value=None,
        value_bytes=0,
        truncated=False,
        headers=(),
    )

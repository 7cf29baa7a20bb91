"""Runs a candidate beside the live artifact: it scores every lead that was published as well, on
the same state where the lead still has it, and what it says goes to `leads.shadow` and nowhere
else.

Reads Redis, writes nothing there. Its consumer group is its own, so that one that is started again
goes on where it stopped; what it says twice has one order.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.codec import Record
from schemas.outputs import Score, ShadowScore
from schemas.partitioner import shard_of
from schemas.topics import SCORES
from scoring.score import Scorer
from streams import exit_codes
from streams.candidate.second_opinion import NotAsked, Question, answers, question
from streams.kafka.producer import KafkaOutput
from streams.kafka.topic_reader import ANSWER_S, to_record, watermarks
from streams.publish.records import shadow_record
from streams.store.contract import Store
from streams.waiting import Patience, RoleStopped, Stopping, stop_on_signals

log = logging.getLogger(__name__)

BATCH = 200
POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class ShadowConfig:
    bootstrap_servers: str
    open_store: Callable[[], Store]
    scorer: Scorer
    n_partitions: int
    patience_s: float = 60.0


def run_shadow(
    config: ShadowConfig,
    stop: threading.Event | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> None:
    """Follows `leads.scores` with the candidate until SIGTERM or SIGINT (or `stop`). `advance` is
    called with the number of scores looked at. Raises RoleStopped when it cannot go on."""
    stop = stop or stop_on_signals()
    patience = Patience(stop, config.patience_s)
    output = KafkaOutput(config.bootstrap_servers, config.patience_s, stop)
    consumer = _follow(config)
    try:
        store = patience.call(config.open_store)
        while not stop.is_set():
            records = _records(consumer.consume(BATCH, timeout=POLL_S))
            if not records:
                continue
            scores = patience.call(lambda: opinions(records, store, config, _wall_clock_ms))  # noqa: B023 - at once
            output.deliver([shadow_record(one) for one in scores])
            _commit(consumer)
            advance(len(scores))
    except Stopping:
        log.info("shadow_stopped_while_waiting")
    finally:
        consumer.close()


def opinions(
    records: Sequence[Record], store: Store, config: ShadowConfig, now_ms: Callable[[], int]
) -> list[ShadowScore]:
    """What the candidate says of each published score, in their order. `records` are of
    `leads.scores`."""
    looked_at = [_look_at(record, store, config) for record in records]
    questions = [looked.question for looked in looked_at if isinstance(looked.question, Question)]
    began_s = time.perf_counter()
    probabilities = iter(answers(questions, config.scorer))
    engine_ms = (time.perf_counter() - began_s) * 1000 / max(1, len(questions))
    at_ms = now_ms()
    return [
        _opinion(
            looked,
            next(probabilities) if isinstance(looked.question, Question) else None,
            config.scorer.digest,
            engine_ms if isinstance(looked.question, Question) else 0.0,
            at_ms,
        )
        for looked in looked_at
    ]


@dataclass(frozen=True, slots=True)
class _LookedAt:
    published: Score
    published_ms: int
    queue: str | None
    question: Question | NotAsked


def _look_at(record: Record, store: Store, config: ShadowConfig) -> _LookedAt:
    score = Score.model_validate_json(record.value or b"")
    lead = f"{score.tenant}/{score.lead}"
    view = store.lead(shard_of(lead, config.n_partitions), lead)
    return _LookedAt(score, record.timestamp_ms, view.queue, question(view, score, config.scorer))


def _opinion(
    looked: _LookedAt, probability: float | None, candidate: str, engine_ms: float, at_ms: int
) -> ShadowScore:
    score = looked.published
    changed = looked.question is NotAsked.CHANGED
    return ShadowScore(
        tenant=score.tenant,
        lead=score.lead,
        queue=looked.queue,
        order=score.order,
        state_hash=score.state_hash,
        live=score.artifact,
        live_probability=score.probability,
        candidate=candidate,
        probability=probability,
        skipped=None if probability is not None else "changed" if changed else "unscorable",
        reason=score.reason,
        engine_ms=round(engine_ms, 3),
        behind_ms=max(0, at_ms - looked.published_ms),
    )


def _follow(config: ShadowConfig) -> Consumer:
    """Opens a consumer of `leads.scores`: from now on where this candidate was never run before,
    else from where it stopped."""
    consumer = Consumer(
        {
            "bootstrap.servers": config.bootstrap_servers,
            "group.id": f"asllr-shadow-{config.scorer.digest[-16:]}",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "log_level": 2,
        }
    )
    consumer.subscribe([SCORES.name], on_assign=_assign)
    return consumer


def _assign(consumer: Consumer, partitions: list[TopicPartition]) -> None:
    """A partition that has no position gets one at once, and keeps it: else what is published while
    the candidate is stopped would be passed over where it had read nothing before."""
    positions = consumer.committed(partitions, timeout=ANSWER_S)
    for where in positions:
        low, high = watermarks(consumer, where)
        # Retention may have taken what the position points to.
        where.offset = high if where.offset < 0 else max(where.offset, low)
    consumer.assign(positions)
    consumer.commit(offsets=positions, asynchronous=False)


def _records(messages: Sequence[Message]) -> list[Record]:
    records: list[Record] = []
    for message in messages:
        error = message.error()
        if error is None:
            records.append(to_record(message))
        elif error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise RoleStopped(
                exit_codes.UNUSABLE,
                f"topic {SCORES.name} does not exist; run `asllr topics create`",
            )
        else:
            log.warning("scores_unread error=%s", error.str())
    return records


def _commit(consumer: Consumer) -> None:
    try:
        consumer.commit(asynchronous=False)
    except KafkaException as error:
        # Another process took the partition over: what it says again has the same order.
        log.warning("shadow_position_not_kept error=%s", error.args[0].str())


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000

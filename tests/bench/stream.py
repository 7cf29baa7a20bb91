"""A language model so slow that scoring is the bottleneck: how the stream bears it.

    make bench-stream ARGS="--artifact DIR --minutes 10 --json"

DIR: an artifact for `auto`, as `asllr zero-shot ./smollm2 --domain auto --base-rate 0.05 --out DIR`
writes it. First minutes at a load that the model can bear (60% of its speed on new leads), then a
fifth of them at four times its speed, where events have to share a score; beside it what a consumer
would need that scores on every event.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from schemas.timestamps import to_ms
from scoring.artifact import ArtifactError, load_manifest
from scoring.engines.loading import load_scorer
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from streams.exit_codes import AWAY
from tests.bench.deployment import deployment
from tests.bench.latency import drive, percentiles, steady
from tests.support.brokers import ServerNotStarted, check_kafka
from tests.support.command_line import parser_of, say
from tests.support.machine import this_machine
from training.simulator.emit import simulate_leads

N_TIMED = 30
BEARABLE, TOO_MUCH = 0.6, 4.0
"""Of the leads that the engine reads in a second, one after the other."""

OVERLOAD_PART = 5
MIN_OVERLOAD_S = 20.0


def main() -> None:
    parser = parser_of("bench.stream", __doc__)
    parser.add_argument("--artifact", type=Path, required=True, help="the model's folder")
    parser.add_argument("--minutes", type=int, default=10, help="of bearable load, at least 1")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    asked = parser.parse_args()
    if asked.minutes < 1:
        parser.error(f"--minutes {asked.minutes}: give at least 1")
    try:
        load_manifest(asked.artifact)
    except ArtifactError as error:
        parser.error(str(error))
    check_kafka()
    lead_ms = _lead_ms(asked.artifact)
    say(f"stream: {lead_ms:.0f} ms a lead; {asked.minutes} minutes of bearable load")
    rate = BEARABLE * 1000 / lead_ms
    minutes = steady(asked.minutes, rate, asked.artifact, say)
    say("stream: more than can be borne")
    found = {
        "lead_ms": round(lead_ms, 1),
        "bearable": {"rate_per_s": round(rate, 2), "minutes": minutes, **_grown(minutes)},
        "overload": _overload(asked.artifact, lead_ms, 60.0 * asked.minutes / OVERLOAD_PART),
        "machine": this_machine().described(),
    }
    sys.stdout.write(json.dumps(found, indent=None if asked.json else 2) + "\n")


def _lead_ms(artifact: Path) -> float:
    """The median time of a lead that was not read before, from its history."""
    scorer = load_scorer(artifact)
    taken = []
    for lead in simulate_leads(7, N_TIMED):
        history = history_of(fold(lead.history))
        began_s = time.perf_counter()
        read = scorer.read(history, to_ms(lead.history[-1].occurred_at))
        scorer.engine.logits([read])
        taken.append(1000 * (time.perf_counter() - began_s))
    return median(taken)


def _grown(minutes: list[dict[str, Any]]) -> dict[str, Any]:
    """The score role's memory in the last minutes beside the first, past its start."""
    some = max(1, len(minutes) // 3)
    sizes = [row["score"] for row in minutes]
    return {
        "score_rss_mb": {"first": max(sizes[:some]), "last": max(sizes[-some:])},
        "total_ms_p99_median": median(row["total_ms"]["p99"] for row in minutes if row["total_ms"]),
    }


def _overload(artifact: Path, lead_ms: float, seconds: float) -> dict[str, Any]:
    """Events that come faster than they can be scored: how many share a score, how long a lead
    waited, and what scoring on each would have taken."""
    rate = TOO_MUCH * 1000 / lead_ms
    seconds = max(seconds, MIN_OVERLOAD_S)
    with deployment(artifact) as measured:
        ledger, found = drive(measured, rate, seconds, 11)
    waits = [score.latency_ms.queue or 0.0 for score in ledger.scores.values()]
    return {
        "rate_per_s": round(rate, 2),
        "events": ledger.n_events,
        "scores": ledger.n_scores,
        "events_per_score": round(ledger.n_events / max(ledger.n_scores, 1), 2),
        "waited_ms": percentiles(waits) | {"longest": round(max(waits, default=0.0))},
        "total_ms": percentiles([ms for _, ms in ledger.total_ms]),
        "naive_s": round(ledger.n_events * lead_ms / 1000),
        "took_s": round(seconds),
        **found,
    }


if __name__ == "__main__":
    try:
        main()
    except ServerNotStarted as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(AWAY)

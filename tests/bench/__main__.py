"""Speed and memory, each beside the naive way, in one run.

    make bench ARGS="--quick --json"

Ingest against stock Faust and a plain client, event-to-rank latency, a burst under a slow engine,
many leads. A few minutes with --quick, half an hour without; --steady MINUTES adds a constant load.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scoring.artifact import demo_artifact_path
from streams.exit_codes import AWAY
from tests.bench.burst import burst
from tests.bench.ingest import compare, profile
from tests.bench.latency import measure, steady
from tests.bench.scaling import scale
from tests.support.brokers import ServerNotStarted, check_kafka
from tests.support.command_line import parser_of, say
from tests.support.machine import this_machine


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of("bench", __doc__)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, one run of each")
    parser.add_argument("--steady", type=int, default=0, metavar="MINUTES", help="of constant load")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    asked = parser.parse_args(arguments)
    check_kafka()
    found = _quick() if asked.quick else _full()
    if asked.steady:
        found["steady"] = steady(asked.steady, 50.0, demo_artifact_path(), say)
    found["machine"] = this_machine().described()
    sys.stdout.write(json.dumps(found, indent=None if asked.json else 2) + "\n")


def _quick() -> dict[str, Any]:
    return _measure(
        n_events=20_000,
        n_runs=1,
        mixes=(True,),
        rates=(50.0,),
        seconds=10.0,
        burst_leads=20,
        sizes=[10_000],
    )


def _full() -> dict[str, Any]:
    return _measure(
        n_events=60_000,
        n_runs=3,
        mixes=(True, False),
        rates=(50.0, 100.0, 200.0),
        seconds=60.0,
        burst_leads=40,
        sizes=[10_000, 100_000, 1_000_000],
    )


def _measure(
    *,
    n_events: int,
    n_runs: int,
    mixes: Sequence[bool],
    rates: Sequence[float],
    seconds: float,
    burst_leads: int,
    sizes: list[int],
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="asllr-bench-") as temporary:
        for with_transcripts in mixes:
            name = "ingest" if with_transcripts else "ingest_without_transcripts"
            found[name] = compare(
                Path(temporary) / name,
                n_events,
                n_runs,
                with_transcripts=with_transcripts,
                say=say,
            )
    found["profile"] = profile(min(n_events, 20_000))
    say("latency: an engine that costs nothing")
    floor = measure(rates[0], seconds, None)
    found["latency_floor"] = floor
    found["latency"] = []
    for rate in rates:
        found["latency"].append(measure(rate, seconds, demo_artifact_path()))
        say(f"latency: {found['latency'][-1]}")
    lowest = found["latency"][0]
    found["latency_ms"] = {"rate_per_s": lowest["rate_per_s"], **lowest["total"]}
    found["burst"] = burst(burst_leads, 0.2)
    say(f"burst: {found['burst']}")
    found["scaling"] = scale(sizes, 10_000, say)
    largest = found["scaling"][-1]
    found["bytes_per_lead"] = largest["redis_bytes_per_lead"]["scored_and_ranked"]
    return found


if __name__ == "__main__":
    try:
        main()
    except ServerNotStarted as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(AWAY)

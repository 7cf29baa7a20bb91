"""Replay: the proof that it says what production said, its speed, and the naive way in one run.

    make bench-replay ARGS="--quick --json"

A live run on Apache Kafka with kills is recorded, verified and replayed by one process and by two;
then the fold alone on 10^5 events, without --quick on 10^6 too. --no-live: only the fold.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streams.exit_codes import AWAY, NO
from streams.recording.folder import open_recording
from tests.bench.replay_live import NotAtRest, live_run, proof
from tests.bench.replay_log import write_fold_log
from tests.bench.replay_work import LEFT_OUT, compared
from tests.support.brokers import ServerNotStarted, check_kafka
from tests.support.command_line import parser_of, say
from tests.support.machine import this_machine

ROOT = Path(__file__).parent.parent.parent
LIMIT_S = 1_800
KILLS_QUICK, KILLS = 2, 40
SIZE_QUICK, SIZE = 100_000, 1_000_000


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of("bench-replay", __doc__)
    parser.add_argument("--quick", action="store_true", help="few kills, 10^5 events")
    parser.add_argument("--no-live", action="store_true", help="only the fold: needs no Kafka")
    parser.add_argument("--events", type=int, help="of the fold instead of 10^5 or 10^6")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    asked = parser.parse_args(arguments)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="asllr-bench-replay-") as temporary:
        folder = Path(temporary)
        if not asked.no_live:
            check_kafka()
            found |= _live(folder, KILLS_QUICK if asked.quick else KILLS)
        n_events = asked.events or (SIZE_QUICK if asked.quick else SIZE)
        found |= _fold(folder, n_events)
        found["naive"] = found.get("naive", {}) | _naive_work(folder, n_events // 20)
    found["machine"] = this_machine().described()
    sys.stdout.write(json.dumps(found, indent=None if asked.json else 2) + "\n")
    if not asked.no_live and (found["verify_differences"] or not found["digests_equal"]):
        sys.exit(NO)


def _live(folder: Path, n_kills: int) -> dict[str, Any]:
    live = live_run(folder, n_kills, 5, say)
    found = proof(live, folder)
    say(f"proof: {found}")
    said = work("naive", live.recording)["said"]
    beside = compared(open_recording(live.recording), said)
    found["naive"] = {
        "scores_published": beside.published,
        "scores_differing": beside.differing,
        "scores_missing": beside.missing,
    }
    say(f"naive: {found['naive']}")
    return found


def _naive_work(folder: Path, n_events: int) -> dict[str, Any]:
    """Every event scored by the same engine, naively and by us. `wall_ratio` is of seconds for
    each score made: ours makes more of them, at the edges of time."""
    log = folder / "naive"
    write_fold_log(log, n_events, same_leads=True)
    naive, ours = work("naive", log), work("ours", log)
    per_score = {
        name: run["wall_s"] / run["scores"] for name, run in (("naive", naive), ("ours", ours))
    }
    found = {
        "events": n_events,
        "wall_ratio": round(per_score["naive"] / per_score["ours"], 2),
        "wall_s": round(naive["wall_s"], 1),
        "wall_s_ours": round(ours["wall_s"], 1),
        "scores_made": naive["scores"],
        "scores_made_ours": ours["scores"],
        "peak_mb": naive["peak_mb"],
        "peak_mb_ours": ours["peak_mb"],
        "leaves_out": LEFT_OUT,
    }
    say(f"naive work: {found}")
    return found


def _fold(folder: Path, n_events: int) -> dict[str, Any]:
    """`fold_events_per_s` is of one process, per second of its CPU: other work on the machine
    does not count. Memory: the same leads with a tenth of the events, and with all."""
    runs = []
    for n, same_leads in ((n_events, False), (n_events // 10, True), (n_events, True)):
        log = folder / f"fold-{n}-{same_leads}"
        write_fold_log(log, n, same_leads=same_leads)
        run = work("fold", log)
        if run["events"] != n:
            raise RuntimeError(f"{run['events']} of {n} events were folded")
        runs.append(run | {"events_per_s": round(n / run["cpu_s"]), "same_leads": same_leads})
        say(f"fold: {runs[-1]}")
    return {"fold_events_per_s": runs[0]["events_per_s"], "fold": runs}


def work(way: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.replay_work", way, str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{way} ended with {done.returncode}: {done.stderr[-1500:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    try:
        main()
    except (ServerNotStarted, NotAtRest) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(AWAY)

"""Kills, stops, freezes, slows and rewinds everything around real leads, then asks the oracle.

    make chaos ARGS="--faults 1000 --seed 7"

Apache Kafka 4 and a real redis-server; 3 ingest workers, 2 score workers, 2 publishers. Exits with
0 when nothing differs, 1 when the oracle finds a difference or a role of ours crashed, 3 when only
recovery took too long or a role gave up, 75 when the servers could not be started.
"""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from streams.exit_codes import AWAY, NO, OK
from streams.store.embedded_redis import EmbeddedRedisError
from tests.chaos.report import summary, write_report
from tests.chaos.run import Outcome, run_chaos
from tests.support.brokers import ServerNotStarted, check_kafka
from tests.support.command_line import parser_of
from tests.support.machine import this_machine

NOT_RECOVERED = 3
LINE_EVERY_FAULTS = 25
"""Where the progress bar has no terminal."""


def main(arguments: Sequence[str] | None = None) -> int:
    asked = parse(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    progress = _Progress(asked.faults, asked.start_round)
    try:
        with progress.bar:
            check_kafka()
            outcome = run_chaos(
                asked.faults,
                asked.seed,
                only=asked.only,
                start_round=asked.start_round,
                sweep_every_s=asked.sweep_every,
                beside_stock=asked.stock,
                keep_logs=asked.report / "logs",
                say=progress.show,
            )
    except (
        pytest.fail.Exception,
        ServerNotStarted,
        EmbeddedRedisError,
        OSError,
        ValueError,
    ) as error:
        sys.stderr.write(f"the chaos run could not start or went wrong: {error}\n")
        return AWAY
    except KeyboardInterrupt:
        sys.stderr.write(
            f"interrupted after {progress.faults} faults; all processes are ended. Go on with: "
            f"{command(asked, asked.faults - progress.faults, progress.rounds)}\n"
        )
        return 130
    found = summary(outcome, this_machine(), command(asked, asked.faults, asked.start_round))
    write_report(asked.report, found)
    sys.stderr.write(f"report: {asked.report / 'chaos.html'}\n")
    sys.stdout.write(json.dumps(found, indent=None if asked.json else 2) + "\n")
    if outcome.oracle_differences or outcome.crashes:
        return NO
    return NOT_RECOVERED if outcome.not_recovered else OK


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = parser_of("chaos", __doc__)
    parser.add_argument("--faults", type=_positive, default=40, help="at least (default 40)")
    parser.add_argument("--seed", type=int, default=1, help="of faults and leads (default 1)")
    parser.add_argument("--only", default="", metavar="TEXT", help="kinds of faults that hold TEXT")
    parser.add_argument("--stock", action="store_true", help="stock Faust beside it (3 minutes)")
    parser.add_argument("--start-round", type=int, default=0, help="go on with a run that was cut")
    parser.add_argument(
        "--sweep-every",
        type=float,
        metavar="SECONDS",
        help="of the publishers (default: 30 with more than 100 faults, else 6)",
    )
    parser.add_argument(
        "--report",
        type=Path,
        default=Path(tempfile.gettempdir()) / "asllr-chaos",
        help="folder for chaos.html and chaos.json (default: in the temporary folder)",
    )
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    asked = parser.parse_args(arguments)
    if asked.sweep_every is None:
        asked.sweep_every = 30.0 if asked.faults > 100 else 6.0
    return asked


def command(asked: argparse.Namespace, n_faults: int, start_round: int) -> str:
    """What to type for `n_faults` of the same run from `start_round` on. At least one: a run that
    was cut while it came to rest has none left, and is not judged yet."""
    options = ["--faults", max(1, n_faults), "--seed", asked.seed, "--start-round", start_round]
    options += ["--sweep-every", asked.sweep_every, "--report", asked.report]
    options += ["--only", asked.only] if asked.only else []
    options += ["--stock"] if asked.stock else []
    options += ["--json"] if asked.json else []
    return "make chaos ARGS=" + shlex.quote(shlex.join(map(str, options)))


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} faults; at least 1")
    return number


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


class _Progress:
    def __init__(self, n_faults: int, start_round: int) -> None:
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self.bar.add_task("starting servers", total=n_faults)
        self._n_faults = n_faults
        self._said = 0
        self.faults = 0
        self.rounds = start_round

    def show(self, outcome: Outcome) -> None:
        self.faults, self.rounds = outcome.faults.total(), outcome.rounds
        recovered = outcome.recovery_s[-1]
        self.bar.update(
            self._task,
            completed=self.faults,
            description=f"faults (last recovery {recovered:.1f} s)",
        )
        if not self.bar.console.is_terminal and self.faults >= self._said + LINE_EVERY_FAULTS:
            self._said = self.faults
            sys.stderr.write(f"{self.faults} of {self._n_faults} faults in {self.rounds} rounds\n")


if __name__ == "__main__":
    sys.exit(main())

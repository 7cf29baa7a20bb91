"""`asllr dataset`: builds, converts and checks datasets of labelled examples."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from training.cli.options import DOMAIN, PHRASES, FiniteRange
from training.cli.refusal import refusing
from training.simulator.business import Wording

if TYPE_CHECKING:  # it loads numpy, which `asllr --help` should not wait for
    from schemas.ids import LeadKey
    from training.dataset.log import Logged

ReadLog = Callable[[Path], Iterable["Logged"]]
ReadExports = Callable[
    [Mapping[str, Path | None], Path | None],
    tuple[Iterable["Logged"], Mapping["LeadKey", bool]],
]
"""Files by kind (leads, calls, outcomes) and a mapping -> their events, and who was won where
outcomes have no date, else nobody."""

NO = 1
"""The exit code for a question that was answered with no, as in `streams.exit_codes`."""

MAX_DAYS = 36_500
"""A century: no log is longer."""

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_OUT = click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="folder to write; it must not exist.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="print the manifest as JSON.")
_NEGATIVES = click.option(
    "--negative-rate",
    default=1.0,
    show_default=True,
    type=FiniteRange(0, 1, min_open=True),
    help="share of the rows without an order that fit and judge keep.",
)
_SEED = click.option(
    "--seed",
    default=1,
    show_default=True,
    type=click.IntRange(min=0),
    help="of every choice by chance.",
)
_SHARES = click.option(
    "--shares",
    default="64,11,11,14",
    show_default=True,
    help="fit, judge, calibrate, test in percent of the moments, oldest first.",
)


_SPLIT_BY = click.option(
    "--split-by",
    type=click.Choice(["time", "cluster"]),
    help="cluster: at random, all rows of a cluster together; says nothing about the future.  "
    "[default: time, where outcomes have dates]",
)


@dataclass(frozen=True, slots=True)
class Readers:
    """What reads events; all fail with errors of their own. `public`: name of a data set -> reader
    of its events."""

    recording: ReadLog
    public: Mapping[str, ReadLog]
    exports: ReadExports


def build_dataset_group(
    default_group: type[click.Group], moment: click.ParamType, readers: Readers
) -> click.Group:
    """The group of commands. `default_group` is a group class that takes, as `default`, the command
    that need not be named; `moment` is the type of an option that is a time."""

    @click.group(cls=default_group, default="build")
    def dataset() -> None:
        """Make, convert and check datasets: leads at moments of the past, and what came after.

        Without the name of a command it is `asllr dataset build`.

        \b
        Example:
          asllr dataset leads.jsonl.gz --out march
          asllr dataset --simulate 20000 --seed 7 --out simulated
          asllr dataset check march
        """

    dataset.add_command(_build_command(moment, readers))
    dataset.add_command(_convert_command(readers.public))
    dataset.add_command(check)
    return dataset


def _build_command(moment: click.ParamType, readers: Readers) -> click.Command:
    @click.command(name="build")
    @click.argument("recordings", nargs=-1, type=click.Path(path_type=Path, exists=True))
    @click.option("--leads", type=_FILE, help="or exports: a row a lead, CSV or JSON lines.")
    @click.option("--calls", type=_FILE, help="a row a call, with its transcript if there is one.")
    @click.option(
        "--outcomes",
        type=_FILE,
        help="who was won, and when if that is known; may be the file of --leads.",
    )
    @click.option(
        "--mapping",
        type=click.Path(path_type=Path, dir_okay=False),
        help="which column of the exports is what, as `asllr try` reads it.",
    )
    @_OUT
    @click.option(
        "--simulate",
        "n_simulated",
        type=click.IntRange(min=1),
        help="that many simulated leads instead of recordings.",
    )
    @PHRASES
    @DOMAIN
    @_SEED
    @click.option(
        "--as-of",
        help="when leads are asked about: every-7d, after-event, after-call, 24h-after-first; "
        "any number of d (days), h (hours) or m (minutes).  [default: every-7d; 0h-after-first "
        "where outcomes have no date]",
    )
    @click.option(
        "--horizon-days",
        type=click.IntRange(min=1),
        help="how soon an order counts.  [default: the domain's]",
    )
    @click.option(
        "--embargo-days",
        type=FiniteRange(0, MAX_DAYS),
        help="left out before each later split.  [default: the horizon]",
    )
    @click.option(
        "--silent-days",
        default=90.0,
        show_default=True,
        type=FiniteRange(0),
        help="do not ask about leads that were silent for longer.",
    )
    @click.option(
        "--known-at",
        default="ingested",
        show_default=True,
        type=click.Choice(["ingested", "occurred"]),
        help="when an event counts as known; occurred: history that was loaded in one go.",
    )
    @click.option(
        "--label-known",
        default="horizon",
        show_default=True,
        type=click.Choice(["horizon", "decided"]),
        help="horizon: where the log runs a horizon past the moment; decided: once the lead was "
        "won or lost, and open leads are left out.",
    )
    @click.option(
        "--complete-until",
        type=moment,
        help="the log is complete until then: nothing happened after its last event.",
    )
    @_SPLIT_BY
    @click.option(
        "--cluster",
        default="lead",
        show_default=True,
        help="the field that belongs together, in one split only: a profile field, queue or owner.",
    )
    @_NEGATIVES
    @_SHARES
    @click.option(
        "--processes",
        default=os.cpu_count() or 1,
        show_default="one per core",
        type=click.IntRange(min=1),
        help="that simulate.",
    )
    @_JSON
    def build(recordings: tuple[Path, ...], n_simulated: int | None, **options: Any) -> None:
        """Build a dataset from recordings of events, from exports, or from simulated leads.

        Folds the log as production does, at moments of the past; what came after a moment becomes
        the label and nothing else. Splits by time with an embargo; a lead is in one split only, as
        is a --cluster of leads.

        \b
        Example:
          asllr dataset build leads.jsonl.gz --out march --as-of after-call
          asllr dataset build leads.jsonl.gz --out people --split-by cluster --cluster person_id
          asllr dataset build --leads leads.csv --outcomes leads.csv --out leads
          asllr dataset build --simulate 20000 --seed 7 --negative-rate 0.2 --out simulated
          asllr dataset build --simulate 20000 --seed 7 --phrases held-out --out said-otherwise
        """
        exports = {kind: options.pop(kind) for kind in ("leads", "calls", "outcomes")}
        mapping = options.pop("mapping")
        _check_sources(recordings, n_simulated, exports, mapping)
        if n_simulated is None and options["phrases"] != Wording.USUAL:
            raise click.UsageError(
                f"--phrases {options['phrases']} without --simulate: only simulated leads are said "
                "in other words; leave it out"
            )
        with refusing():
            from training.cli.dataset_work import build_dataset, simulate_dataset

            if n_simulated is not None:
                simulate_dataset(n_simulated, **options)
            elif recordings:
                logged = (one for path in recordings for one in readers.recording(path))
                build_dataset(logged, {}, **options)
            else:
                build_dataset(*readers.exports(exports, mapping), **options | _EXPORTED)

    return build


_EXPORTED = {"known_at": "occurred"}
"""An export says when things happened, not when anybody came to know them."""


def _check_sources(
    recordings: tuple[Path, ...],
    n_simulated: int | None,
    exports: Mapping[str, Path | None],
    mapping: Path | None,
) -> None:
    is_exported = exports["leads"] is not None
    if [bool(recordings), n_simulated is not None, is_exported].count(True) != 1:
        raise click.UsageError(
            "name recordings to read, or --leads and --outcomes, or --simulate so many leads"
        )
    if is_exported != (exports["outcomes"] is not None) or (
        not is_exported and (exports["calls"] or mapping)
    ):
        raise click.UsageError(
            "exports are read from --leads and --outcomes, which say who was won (one file may be "
            "both), with --calls and --mapping beside them"
        )


def _convert_command(public: Mapping[str, ReadLog]) -> click.Command:
    @click.command()
    @click.argument("data_set", type=click.Choice(sorted(public)))
    @click.argument("path", type=click.Path(path_type=Path, exists=True))
    @_OUT
    @click.option(
        "--first-units",
        type=click.IntRange(min=1),
        help="persuasion: judge by so many utterances, before the end gives it away.",
    )
    @_SPLIT_BY
    @_SEED
    @_SHARES
    @_JSON
    def convert(data_set: str, path: Path, **options: Any) -> None:
        """Make a public data set a dataset, by the protocol it is judged by.

        \b
        Example:
          asllr dataset convert persuasion ../shared/data/persuasion_for_good --out dialogues
          asllr dataset convert bpi2012 ../shared/data/bpi2012_loan_funnel --out loans
        """
        with refusing():
            from training.cli.dataset_work import convert_dataset

            convert_dataset(data_set, public[data_set](path), **options)

    return convert


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@DOMAIN
@click.option("--json", "as_json", is_flag=True, help="print columns and findings as JSON.")
def check(folder: Path, *, domain: str, as_json: bool) -> None:
    """Look for columns that know the outcome. Exits with 1 when there is one.

    \b
    Example:
      asllr dataset check march
      asllr dataset check march --json
    """
    with refusing():
        from training.cli.dataset_work import check_folder

        is_clean = check_folder(folder, domain, as_json=as_json)
    if not is_clean:
        raise SystemExit(NO)

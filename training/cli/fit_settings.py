"""The options of `asllr fit` that are numbers of a fit, with the defaults of its two starts."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from scoring.prompt.rendering import Rendering
from training.cli.options import FiniteRange

if TYPE_CHECKING:  # torch takes seconds that `asllr --help` should not wait for
    from training.model.settings import FitSettings

FROZEN, LAST_LAYER = "frozen", "last-layer"


@dataclass(frozen=True, slots=True)
class _Number:
    """An option whose value is the field of FitSettings with the same name. `last_layer`: the
    default with `--start last-layer`, None: the same."""

    option: str
    kind: click.ParamType
    default: float | int
    help: str
    last_layer: float | None = None

    @property
    def name(self) -> str:
        return self.option.removeprefix("--").replace("-", "_")

    def default_of(self, start: str) -> float | int:
        is_other = start == LAST_LAYER and self.last_layer is not None
        return self.last_layer if is_other and self.last_layer is not None else self.default

    @property
    def described(self) -> str:
        other = "" if self.last_layer is None else f"; {self.last_layer:g} from the last layer"
        return f"{self.help}  [default: {self.default:g}{other}]"


SETTINGS = (
    _Number("--rank", click.IntRange(min=1), 16, "of the adapter."),
    _Number("--dropout", FiniteRange(0, 1, max_open=True), 0.1, "of the adapter.", 0.5),
    _Number("--n-epochs", click.IntRange(min=1), 1, "times through the fit split, at most."),
    _Number(
        "--checks-per-epoch", click.IntRange(min=1), 4, "looks at leads it does not learn from."
    ),
    _Number("--batch-tokens", click.IntRange(min=1), 4_096, "read at once, padding included."),
    _Number("--accumulation", click.IntRange(min=1), 1, "batches in one step."),
    _Number("--adapter-rate", FiniteRange(min=0), 2e-4, "learning rate, falls to zero."),
    _Number(
        "--head-rate",
        FiniteRange(min=0),
        0.0,
        "learning rate of the head, which is fitted already when an adapter starts below it.",
        5e-5,
    ),
    _Number("--ctr-weight", FiniteRange(min=0), 1.0, "of the point-wise loss.", 2.0),
    _Number("--pair-weight", FiniteRange(min=0), 0.0, "of the pair-wise loss (HPRO).", 1.0),
    _Number(
        "--qa-weight",
        FiniteRange(min=0),
        0.0,
        "of the Yes / No loss; it reads the last layer, so that all are computed.",
        0.5,
    ),
    _Number("--seed", click.IntRange(min=0), 0, "of everything that is drawn."),
)


def settings_options(command: Callable[..., None]) -> Callable[..., None]:
    for number in reversed(SETTINGS):
        command = click.option(number.option, type=number.kind, help=number.described)(command)
    return command


def with_defaults(options: dict[str, Any]) -> dict[str, Any]:
    """The options with the numbers that were not given, as `--start` has them."""
    numbers = {
        number.name: number.default_of(options["start"])
        for number in SETTINGS
        if options[number.name] is None
    }
    return {**options, **numbers}


def settings_of(options: dict[str, Any], rendering: Rendering) -> FitSettings:
    """Raises BadParameter, FitError."""
    from scoring.artifact import HeadKind
    from training.model.settings import FitSettings, Precision

    precision: str | None = options["precision"]
    return FitSettings(
        **{number.name: options[number.name] for number in SETTINGS},
        heights=_heights(options["heights"], rendering),
        precision=Precision(precision) if precision else Precision.for_this_machine(),
        gradient_checkpointing=options["gradient_checkpointing"],
        base_bits=int(options["base_bits"]) if options["base_bits"] else None,
        serve=HeadKind(options["serve"]),
    )


def _heights(text: str | None, rendering: Rendering) -> tuple[float, ...]:
    from training.dataset.ladder import ladder_of

    if text is None:
        return ladder_of(rendering.domain).heights
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not a list of numbers such as 0,0.1,0.3,0.5,0.7,1"
        ) from None


OF_TRAINING = frozenset(
    {number.name for number in SETTINGS if number.name != "seed"}
    | {"heights", "serve", "precision", "gradient_checkpointing", "work"}
)
"""What `--frozen` does not read."""

OF_LAST_LAYER = frozenset({"processes"})
OF_FROZEN = frozenset({"states", "trials"})
"""What is read from one of the two starts only."""


def check_read(given: Set[str], start: str, *, frozen: bool) -> None:
    """Raises UsageError for an option that was `given` (by its name) and would not be read."""
    unread = OF_FROZEN if start == LAST_LAYER else OF_LAST_LAYER
    where = "--start last-layer" if start == LAST_LAYER else "a fit from the frozen base"
    if frozen and given & OF_TRAINING:
        unread, where = OF_TRAINING, "--frozen, which trains nothing,"
    if ignored := sorted(given & unread):
        named = ", ".join(f"--{name.replace('_', '-')}" for name in ignored)
        raise click.UsageError(f"{where} does not read {named}: leave it out")


def check_together(options: dict[str, Any], *, frozen: bool) -> None:
    """Raises UsageError for options that do not go together."""
    from_last = options["start"] == LAST_LAYER
    if frozen and options["base_bits"]:
        raise click.UsageError(
            "--base-bits 4 is for training an adapter; --frozen trains none and reads "
            "each lead once, as it will be served: leave one of the two out"
        )
    if frozen and from_last:
        raise click.UsageError(
            "--frozen trains nothing and --start last-layer says where training begins: leave one "
            "of the two out"
        )
    if not from_last and options["held_out"] is not None:
        raise click.UsageError(
            "--held-out is read with --start last-layer only: an adapter from the frozen base is "
            "judged by leads; add --start last-layer, or leave it out"
        )
    if not frozen and not any(options[f"{loss}_weight"] for loss in ("ctr", "pair", "qa")):
        raise click.UsageError(
            "--ctr-weight, --pair-weight and --qa-weight are all 0: nothing would be learned; give "
            "one of them a weight, or add --frozen"
        )
    if not from_last and options["serve"] == "pair" and not options["pair_weight"]:
        raise click.UsageError(
            "--serve pair needs the pair-wise loss, whose weight is 0 from the frozen base: add "
            "--pair-weight 1, or leave --serve out"
        )

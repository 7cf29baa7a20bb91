"""`asllr fit`: fits a causal language model to a dataset folder and writes an artifact."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scoring.domain.reading import domain_named
from scoring.prompt.rendering import Rendering, language_model_rendering
from training.cli.console import progress, say
from training.cli.options import DOMAIN, FiniteRange
from training.cli.refusal import refusing

if TYPE_CHECKING:  # torch takes seconds that `asllr --help` should not wait for
    from training.fit.dataset import FitRequest
    from training.model.hub import Hub
    from training.model.settings import FitSettings

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@dataclass(frozen=True, slots=True)
class _Number:
    """An option whose value is the field of FitSettings with the same name."""

    option: str
    kind: click.ParamType
    default: float | int
    help: str


SETTINGS = (
    _Number("--rank", click.IntRange(min=1), 16, "of the adapter."),
    _Number("--dropout", FiniteRange(0, 1, max_open=True), 0.5, "of the adapter."),
    _Number("--n-epochs", click.IntRange(min=1), 1, "times through the fit split."),
    _Number("--checks-per-epoch", click.IntRange(min=1), 4, "looks at the judge split."),
    _Number("--batch-tokens", click.IntRange(min=1), 4_096, "read at once, padding included."),
    _Number("--accumulation", click.IntRange(min=1), 1, "batches in one step."),
    _Number("--adapter-rate", FiniteRange(min=0), 2e-4, "learning rate, falls to zero."),
    _Number("--head-rate", FiniteRange(min=0), 5e-5, "learning rate, falls to zero."),
    _Number("--ctr-weight", FiniteRange(min=0), 2.0, "of the point-wise loss."),
    _Number("--pair-weight", FiniteRange(min=0), 1.0, "of the pair-wise loss (HPRO)."),
    _Number("--qa-weight", FiniteRange(min=0), 0.5, "of the Yes / No loss."),
    _Number("--seed", click.IntRange(min=0), 0, "of everything that is drawn."),
)


def _settings_options(command: Callable[..., None]) -> Callable[..., None]:
    for number in reversed(SETTINGS):
        command = click.option(
            number.option,
            type=number.kind,
            default=number.default,
            show_default=True,
            help=number.help,
        )(command)
    return command


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option(
    "--base",
    required=True,
    help="folder (`asllr base import`) or hub id of a causal language model.",
)
@click.option("--revision", help="commit of the hub that pins the base.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="the artifact.")
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    help="keeps the checkpoint of a run that was stopped; the same command continues it.  "
    "[default: OUT.work]",
)
@click.option(
    "--token-budget",
    default=512,
    show_default=True,
    type=click.IntRange(min=1),
    help="the longest prompt; older conversation gives way.",
)
@DOMAIN
@_settings_options
@click.option(
    "--heights",
    help="rungs of the funnel ladder: nothing, the domain's stages between the first and the end, "
    "won; a pair's margin is their difference.  [default: even, 0,0.1,0.3,0.5,0.7,1 for four "
    "stages]",
)
@click.option(
    "--precision",
    type=click.Choice(["bf16", "fp32"]),
    help="of the matrix products.  [default: bf16 on a GPU, fp32 on a CPU]",
)
@click.option(
    "--base-bits",
    type=click.Choice(["4"]),
    help="hold the base in 4 bits while it is fitted on, a quarter of the memory; on a GPU, with "
    "the extra `four-bit`. The artifact has the whole base.",
)
@click.option("--gradient-checkpointing", is_flag=True, help="less memory, a third more time.")
@click.option(
    "--min-positives",
    default=100,
    show_default=True,
    type=click.IntRange(min=2),
    help="orders to fit on; with fewer the rule is the better model.",
)
@click.option(
    "--held-out", type=FILE, help="text of the base's language, to see whether it is forgotten."
)
@click.option("--pad-token", help="one of the base's tokens, where its tokenizer names none.")
@click.option("--chat-template", type=FILE, help="the base's, where its tokenizer has none.")
@click.option("--threads", type=click.IntRange(min=1), help="of torch on the CPU.")
@click.option(
    "--processes",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="that write prompts.",
)
@click.option(
    "--serve",
    default="point",
    show_default=True,
    type=click.Choice(["point", "pair"]),
    help="the head that scores: point learned the probability, pair who goes further; both are "
    "calibrated.",
)
@click.option(
    "--frozen",
    is_flag=True,
    help="train no adapter: a head on the base's middle layers, and words and fields beside it.",
)
@click.option(
    "--trials",
    default=24,
    show_default=True,
    type=click.IntRange(min=1),
    help="frozen: penalties to try for fields and words.",
)
@click.option(
    "--states",
    type=click.Path(path_type=Path, file_okay=False),
    help="frozen: keeps what the base makes of each lead; no run computes it twice.  "
    "[default: OUT.states]",
)
@click.option("--json", "as_json", is_flag=True, help="print the report as JSON, last line.")
def fit(*, frozen: bool, threads: int | None, as_json: bool, **options: Any) -> None:
    """Fit a language model to a dataset and write an artifact that scores.

    LoRA on every linear layer of BASE; three heads on the answer marker's state. Looks at later
    leads every quarter of an epoch and keeps the best; calibrates on leads later still. A run that
    was stopped continues with the same bits. Several GPUs: start it with `accelerate launch`.

    With --frozen the base stays as it is: each lead is read once, a regression learns from the
    states, and leads that it did not learn from say what the language model adds to words.

    \b
    Example:
      asllr fit march --base ./smollm2 --frozen --token-budget 1024 --out march-frozen
      asllr fit march --base Qwen/Qwen2.5-0.5B --revision 060db64 --out march-lm
      asllr fit march --base bases/smollm2 --out march-lm --dropout 0.1 --json
      accelerate launch -m asllr fit march --base Qwen/Qwen3-0.6B --out march-lm
    """
    with refusing():
        import torch
        from transformers.utils import logging

        from training.export.outcome import look_at
        from training.export.report import text_of
        from training.export.writing import clear_work, write_fitted
        from training.fit.dataset import fit_dataset
        from training.model.four_bit import check_four_bit
        from training.model.settings import device_of_this_machine

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        if threads is not None:
            torch.set_num_threads(threads)
        if frozen:
            if options["base_bits"]:
                raise click.UsageError(
                    "--base-bits 4 is for training an adapter; --frozen trains none and reads "
                    "each lead once, as it will be served: leave one of the two out"
                )
            _fit_frozen(options, threads or 1, as_json)
            return
        if options["base_bits"]:
            check_four_bit(device_of_this_machine())
        request = _request(options)
        done = fit_dataset(request, say, progress("fit: prompts"))
        if not done.accelerator.is_main_process:
            return
        report = write_fitted(look_at(done), say)
        clear_work(request.work)
    click.echo(json.dumps(report) if as_json else text_of(report), nl=as_json)
    say(f"fit: artifact at {request.out}")


def _fit_frozen(options: dict[str, Any], n_threads: int, as_json: bool) -> None:
    from training.baselines.baseline import Budget
    from training.frozen.fit import FrozenRequest, fit_frozen
    from training.frozen.writing import text_of, write_frozen

    out: Path = options["out"]
    request = FrozenRequest(
        dataset=options["dataset"],
        hub=_hub(options),
        out=out,
        kept=options["states"] or out.with_name(f"{out.name}.states"),
        rendering=language_model_rendering(domain_named(options["domain"])),
        token_budget=options["token_budget"],
        budget=Budget(options["trials"], options["seed"]),
        min_positives=options["min_positives"],
        n_threads=n_threads,
    )
    report = write_frozen(fit_frozen(request, say, progress), say)
    click.echo(json.dumps(report) if as_json else text_of(report), nl=as_json)
    say(f"fit: artifact at {out}")


def _hub(options: dict[str, Any]) -> Hub:
    from training.model.errors import read_text
    from training.model.hub import Hub

    template: Path | None = options["chat_template"]
    return Hub(
        name=options["base"],
        revision=options["revision"],
        pad_token=options["pad_token"],
        chat_template=None if template is None else read_text(template, "--chat-template"),
    )


def _request(options: dict[str, Any]) -> FitRequest:
    from training.fit.dataset import FitRequest

    out: Path = options["out"]
    rendering = language_model_rendering(domain_named(options["domain"]))
    return FitRequest(
        dataset=options["dataset"],
        hub=_hub(options),
        out=out,
        work=options["work"] or out.with_name(f"{out.name}.work"),
        settings=_settings(options, rendering),
        rendering=rendering,
        token_budget=options["token_budget"],
        min_positives=options["min_positives"],
        n_processes=options["processes"],
        held_out=options["held_out"],
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


def _settings(options: dict[str, Any], rendering: Rendering) -> FitSettings:
    from scoring.artifact import HeadKind
    from training.model.settings import FitSettings, Precision

    precision: str | None = options["precision"]
    named = (number.option.removeprefix("--").replace("-", "_") for number in SETTINGS)
    return FitSettings(
        **{name: options[name] for name in named},
        heights=_heights(options["heights"], rendering),
        precision=Precision(precision) if precision else Precision.for_this_machine(),
        gradient_checkpointing=options["gradient_checkpointing"],
        base_bits=int(options["base_bits"]) if options["base_bits"] else None,
        serve=HeadKind(options["serve"]),
    )

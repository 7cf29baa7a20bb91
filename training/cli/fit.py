"""`asllr fit`: fits a causal language model to a dataset folder and writes an artifact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scoring.domain.reading import domain_named
from scoring.prompt.rendering import language_model_rendering, newest_rendering
from training.cli.console import progress, say
from training.cli.fit_settings import (
    FROZEN,
    LAST_LAYER,
    check_read,
    check_together,
    settings_of,
    settings_options,
    with_defaults,
)
from training.cli.options import DOMAIN
from training.cli.refusal import refusing

if TYPE_CHECKING:  # torch takes seconds that `asllr --help` should not wait for
    from training.fit.dataset import FitRequest
    from training.frozen.fit import FrozenRequest
    from training.model.hub import Hub

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


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
@settings_options
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
    help="that write prompts, from the last layer.",
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
    "--start",
    default=FROZEN,
    show_default=True,
    type=click.Choice([FROZEN, LAST_LAYER]),
    help="where the adapter begins: at the frozen base's solution, or, as for a base that was made "
    "for these very leads, at a probe of its last layer, always kept and without words beside it.",
)
@click.option(
    "--trials",
    default=24,
    show_default=True,
    type=click.IntRange(min=1),
    help="penalties to try for fields and words beside the base.",
)
@click.option(
    "--states",
    type=click.Path(path_type=Path, file_okay=False),
    help="keeps what the base makes of each lead; no run computes it twice.  [default: OUT.states]",
)
@click.option("--json", "as_json", is_flag=True, help="print the report as JSON, last line.")
def fit(*, frozen: bool, threads: int | None, as_json: bool, **options: Any) -> None:
    """Fit a language model to a dataset and write an artifact that scores.

    The frozen base first: each lead is read once, a regression learns from the states of its middle
    layers, another from fields and words, and leads that neither learned from weigh the two. Then
    LoRA on the layers that are read, from that solution: it is kept where it is ahead on leads that
    it did not learn from, with the interval, and the report says by how much either way. A run that
    was stopped continues with the same bits. Several GPUs: start it with `accelerate launch`.

    With --frozen nothing of the base is trained.

    \b
    Example:
      asllr fit march --base ./smollm2 --token-budget 1024 --out march-lm
      asllr fit march --base ./smollm2 --frozen --token-budget 1024 --out march-frozen
      asllr fit march --base Qwen/Qwen2.5-0.5B --revision 060db64 --out march-lm --json
      accelerate launch -m asllr fit march --base Qwen/Qwen3-0.6B --out march-lm
    """
    context = click.get_current_context()
    given = {
        name
        for name in options
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }
    options = with_defaults(options)
    check_together(options, frozen=frozen)
    check_read(given, options["start"], frozen=frozen)
    with refusing():
        import torch
        from transformers.utils import logging

        from training.model.four_bit import check_four_bit
        from training.model.settings import device_of_this_machine

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        if threads is not None:
            torch.set_num_threads(threads)
        if options["base_bits"]:
            check_four_bit(device_of_this_machine())
        if options["start"] == LAST_LAYER:
            text, report = _from_last_layer(options) or (None, None)
        else:
            text, report = _from_frozen(options, threads or 1, frozen=frozen) or (None, None)
    if text is None:
        return  # another process than the first
    click.echo(json.dumps(report) if as_json else text, nl=as_json)
    say(f"fit: artifact at {options['out']}")


Told = tuple[str, dict[str, Any]]
"""The report as text and for machines."""


def _from_frozen(options: dict[str, Any], n_threads: int, *, frozen: bool) -> Told | None:
    from training.adapter.fit import AdapterRequest, fit_from_frozen
    from training.export.writing import clear_work
    from training.frozen.fit import fit_frozen
    from training.frozen.writing import text_of, write_frozen

    asked = _frozen_request(options, n_threads)
    if frozen:
        report = write_frozen(fit_frozen(asked, say, progress), say)
        return text_of(report), report
    request = AdapterRequest(asked, settings_of(options, asked.rendering), _work(options))
    done = fit_from_frozen(request, say, progress)
    if done is None:
        return None
    report = write_frozen(done, say)
    clear_work(request.work)
    return text_of(report), report


def _from_last_layer(options: dict[str, Any]) -> Told | None:
    from training.export.outcome import look_at
    from training.export.report import text_of
    from training.export.writing import clear_work, write_fitted
    from training.fit.dataset import fit_dataset

    request = _request(options)
    done = fit_dataset(request, say, progress("fit: prompts"))
    if not done.accelerator.is_main_process:
        return None
    report = write_fitted(look_at(done), say)
    clear_work(request.work)
    return text_of(report), report


def _frozen_request(options: dict[str, Any], n_threads: int) -> FrozenRequest:
    from training.baselines.baseline import Budget
    from training.frozen.fit import FrozenRequest

    out: Path = options["out"]
    return FrozenRequest(
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


def _work(options: dict[str, Any]) -> Path:
    out: Path = options["out"]
    work: Path | None = options["work"]
    return work or out.with_name(f"{out.name}.work")


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

    rendering = newest_rendering(domain_named(options["domain"]))
    return FitRequest(
        dataset=options["dataset"],
        hub=_hub(options),
        out=options["out"],
        work=_work(options),
        settings=settings_of(options, rendering),
        rendering=rendering,
        token_budget=options["token_budget"],
        min_positives=options["min_positives"],
        n_processes=options["processes"],
        held_out=options["held_out"],
    )

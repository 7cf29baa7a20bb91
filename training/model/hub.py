"""Opens a Hugging Face causal language model, by folder or by id, and checks what asllr needs of
it.

Weights come as safetensors only, no code of the model's authors is run, and a model that could look
past the answer marker is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from scoring.prompt.prompt import ANSWER_NO, ANSWER_YES
from scoring.prompt.turns import Turns
from training.model.base_record import BaseRecord, load_record
from training.model.chat import check_turns, turns_of
from training.model.errors import FitError
from training.model.four_bit import check_package, four_bit_config, keep_gradients
from training.model.heads import vocabulary_of
from training.model.losses import final_states

LOCAL_REVISION_CHARS = 16
UNBOUNDED_TOKENS = 1 << 30


@dataclass(frozen=True, slots=True)
class Hub:
    """Which base: a folder, or an id with the revision that pins it. `pad_token` and
    `chat_template` are used where the tokenizer has none. `called`: by its name, where the folder
    is not where the user knows it."""

    name: str
    revision: str | None = None
    pad_token: str | None = None
    chat_template: str | None = None
    called: str | None = None

    @property
    def shown(self) -> str:
        """What messages call it."""
        return self.called or self.name


@dataclass(frozen=True, slots=True)
class Opened:
    """A base before its weights are read, checked for all that can be checked in seconds.
    `turns`: its own. `record`: what its import found, where it was imported. `answers`: the first
    tokens of Yes and No, in each form in which the two differ."""

    hub: Hub
    config: PreTrainedConfig
    tokenizer: Tokenizer
    reading: PreTrainedTokenizerBase
    turns: Turns
    record: BaseRecord | None
    pad_id: int
    answers: tuple[tuple[int, int], ...]
    max_tokens: int


@dataclass(frozen=True, slots=True)
class LoadedBase:
    """A base with its weights. `revision` names exactly these weights: a commit of the hub, or a
    digest of a folder's files. `turns`, `record` and `answers` as in Opened. `dtype` is the type
    in which the weights are stored."""

    model: PreTrainedModel
    tokenizer: Tokenizer
    reading: PreTrainedTokenizerBase
    turns: Turns
    record: BaseRecord | None
    name: str
    revision: str
    pad_id: int
    answers: tuple[tuple[int, int], ...]
    dtype: torch.dtype


def open_base(hub: Hub) -> Opened:
    """Reads configuration and tokenizer. Raises FitError, which says what the base lacks and what
    to do."""
    reading = read_tokenizer(hub)
    pad_id = _pad_id(hub, reading)
    tokenizer = Tokenizer.from_str(reading.backend_tokenizer.to_str())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    turns = _turns(hub, reading, tokenizer)
    config = read_config(hub)
    return Opened(
        hub=hub,
        config=config,
        tokenizer=tokenizer,
        reading=reading,
        turns=turns,
        record=load_record(Path(hub.name)),
        pad_id=pad_id,
        answers=_answers(hub, tokenizer),
        max_tokens=int(config.to_dict().get("max_position_embeddings") or UNBOUNDED_TOKENS),
    )


def load_base(
    opened: Opened, dtype: torch.dtype, in_four_bits_on: torch.device | None = None
) -> LoadedBase:
    """Reads the weights. With `in_four_bits_on` they are held there in 4 bits, and `dtype` is that
    of the products. Raises FitError."""
    stored = stored_dtype(opened.config)
    model = read_model(opened.hub, opened.config, dtype, in_four_bits_on)
    _check_causal(opened.hub, model, len(opened.reading))
    return LoadedBase(
        model=model,
        tokenizer=opened.tokenizer,
        reading=opened.reading,
        turns=opened.turns,
        record=opened.record,
        name=opened.record.name if opened.record else opened.hub.shown,
        revision=_revision(opened),
        pad_id=opened.pad_id,
        answers=opened.answers,
        dtype=stored,
    )


def read_tokenizer(hub: Hub) -> PreTrainedTokenizerBase:
    """The base's own tokenizer.json, which serving reads. `AutoTokenizer` would choose a class by
    the model's architecture, and that of Qwen2 splits text in its own way whatever the file
    says. Raises FitError."""
    try:
        tokenizer: PreTrainedTokenizerBase = PreTrainedTokenizerFast.from_pretrained(
            hub.name, revision=hub.revision or "main"
        )
    except (OSError, ValueError, KeyError) as error:
        raise FitError(_not_found(hub, "tokenizer.json", error)) from error
    return tokenizer


def _not_found(hub: Hub, what: str, error: Exception) -> str:
    first_line = str(error).split("\n", 1)[0].rstrip(": ")
    folder = Path(hub.name)
    if (folder / what).is_file():
        return f"{what} of {hub.shown} cannot be read: {first_line}; copy or download it again"
    where = "is a folder" if folder.is_dir() else "is neither a folder nor an id in reach"
    return f"no {what} at {hub.shown} ({where}): {first_line}; give a base's folder or a hub id"


def _pad_id(hub: Hub, reading: PreTrainedTokenizerBase) -> int:
    if hub.pad_token is not None:
        token_id = reading.get_vocab().get(hub.pad_token)
        if token_id is None:
            raise FitError(
                f"--pad-token {hub.pad_token!r} is not in the vocabulary of {hub.shown}; choose "
                "one of its own special tokens, a new one would need new weights"
            )
        return int(token_id)
    if reading.pad_token_id is None:
        special = ", ".join(sorted(set(map(str, reading.all_special_tokens)))[:6]) or "none"
        raise FitError(
            f"the tokenizer of {hub.shown} has no pad token; name one that it knows with "
            f"--pad-token (its special tokens: {special})"
        )
    return int(reading.pad_token_id)


def _turns(hub: Hub, reading: PreTrainedTokenizerBase, tokenizer: Tokenizer) -> Turns:
    if hub.chat_template is not None:
        reading.chat_template = hub.chat_template
    turns = turns_of(hub.shown, reading)
    check_turns(hub.shown, tokenizer, turns)
    return turns


def _answers(hub: Hub, tokenizer: Tokenizer) -> tuple[tuple[int, int], ...]:
    pairs = []
    for answers in ((ANSWER_YES, ANSWER_NO), (ANSWER_YES.strip(), ANSWER_NO.strip())):
        yes, no = (
            int(tokenizer.encode(answer, add_special_tokens=False).ids[0]) for answer in answers
        )
        if yes != no:
            pairs.append((yes, no))
    if not pairs:
        raise FitError(
            f"the tokenizer of {hub.shown} begins Yes and No with the same token: the answers "
            "cannot be told apart; take another base"
        )
    return tuple(pairs)


def read_config(hub: Hub) -> PreTrainedConfig:
    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(hub.name, revision=hub.revision)
    except (OSError, ValueError, KeyError) as error:
        raise FitError(_not_found(hub, "causal language model", error)) from error
    return config


def stored_dtype(config: PreTrainedConfig) -> torch.dtype:
    """The type in which the weights are stored."""
    return config.dtype if isinstance(config.dtype, torch.dtype) else torch.float32


def read_model(
    hub: Hub,
    config: PreTrainedConfig,
    dtype: torch.dtype,
    in_four_bits_on: torch.device | None = None,
) -> PreTrainedModel:
    """Reads the weights as `dtype`, or in 4 bits onto a device. Raises FitError."""
    more: dict[str, Any] = {}
    if in_four_bits_on is not None:
        check_package()
        # A copy: transformers writes the quantisation into it, and the base itself has none.
        config = deepcopy(config)
        more = {
            "quantization_config": four_bit_config(dtype),
            "device_map": {"": in_four_bits_on},
        }
    try:
        read: Any = AutoModelForCausalLM.from_pretrained(
            hub.name,
            revision=hub.revision,
            config=config,
            dtype=dtype,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # or an exception for developers says it
            **more,
        )
    except SafetensorError as error:
        raise FitError(
            f"a safetensors file of {hub.shown} is damaged or cut short ({error}); copy it again"
        ) from error
    except (OSError, ValueError, KeyError) as error:
        raise FitError(_not_found(hub, "causal language model", error)) from error
    model: PreTrainedModel
    model, found = read
    check_whole(hub.shown, found)
    return keep_gradients(model) if in_four_bits_on is not None else model


def check_whole(name: str, found: Mapping[str, Any]) -> None:
    """Raises FitError for weights that were not in the files, or not of the size that the
    configuration says: transformers fills them with random numbers. `found`: its loading info."""
    if sizes := sorted(found["mismatched_keys"]):
        weight, stored, expected = sizes[0]
        raise FitError(
            f"{len(sizes)} weights of {name} have another size than its config.json says: {weight} "
            f"is {tuple(stored)}, expected {tuple(expected)}; take weights and config.json of one "
            "model"
        )
    if missing := sorted(found["missing_keys"]):
        raise FitError(
            f"{len(missing)} weights of {name} are missing, {missing[0]} first; copy all its "
            "safetensors files, or take those of the model that its config.json describes"
        )


def _revision(opened: Opened) -> str:
    hub, folder = opened.hub, Path(opened.hub.name)
    if folder.is_dir():
        return f"sha256-{_digest(folder)}"
    return str(getattr(opened.config, "_commit_hash", None) or hub.revision or "main")


def _digest(folder: Path) -> str:
    """The digest of the configuration and the weights, by file name."""
    digest = sha256()
    for path in sorted([folder / "config.json", *folder.glob("*.safetensors")]):
        digest.update(f"{path.name} {path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            while chunk := file.read(1 << 22):
                digest.update(chunk)
    return digest.hexdigest()[:LOCAL_REVISION_CHARS]


def _check_causal(hub: Hub, model: PreTrainedModel, n_tokens: int) -> None:
    """Raises FitError for a model in which a token's state depends on later tokens: padding and
    answers stand there; and for weights that give no numbers."""
    rows = vocabulary_of(model).weight.shape[0]
    if n_tokens > rows:
        raise FitError(
            f"the tokenizer of {hub.shown} has {n_tokens} tokens, its model {rows}; take the "
            "tokenizer that the model was trained with"
        )
    model.eval()  # type: ignore[no-untyped-call]
    with torch.inference_mode():
        # One at a time: one shape rounds in one way, so that equal states are equal bit by bit.
        first, second = (
            final_states(model, torch.tensor([[1, 2, 3, last]], device=model.device) % rows)[0]
            for last in (4, 5)
        )
    if not (first.isfinite().all() and second.isfinite().all()):
        raise FitError(
            f"{hub.shown} gives numbers that are not finite: its weights are damaged; copy them "
            "again"
        )
    if not torch.equal(first[:3], second[:3]):
        raise FitError(
            f"{hub.shown} ({type(model).__name__}) lets a token see what follows it; a score would "
            "read the answer: take a causal language model"
        )

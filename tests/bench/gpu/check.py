"""The order of `make gpu-check`: what is measured, what is said, and with which code it ends."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import torch

from streams.exit_codes import AWAY, NO, OK
from tests.bench.gpu.bases import Prompts, build_prompts, find_base
from tests.bench.gpu.fitting import fit_speed, whole_fit
from tests.bench.gpu.serving import (
    NOT_INSTALLED,
    batch_mate_difference,
    naive_speed,
    open_served,
    peak_flops,
    save_served,
    serve_speed,
    vllm_speed,
    without_tokenizer,
)
from tests.support.command_line import say
from tests.support.machine import this_machine
from training.model.errors import FitError
from training.model.four_bit import PACKAGE
from training.model.settings import FitSettings, Precision, device_of_this_machine

Found = TypeVar("Found")

NOT_MEASURED = AWAY

BATCH_MATE_BOUND = 0.25
"""Of the prompts' own spread. A product of another height is summed in another order, and bf16
keeps 8 bits of each sum: mates do no more than bf16 itself does. Seen with SmolLM2 under bf16 on a
CPU, 24 prompts and 8 random heads: at most .18 by mates, .26 between bf16 and float32."""

LOG_LOSS_BOUND = 0.02
"""Between the model in memory and the artifact's on this device, both in bf16."""

VLLM_LEAST_S = 60.0


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    n_tokens: int
    n_prompts: int
    batch_size: int
    batch_tokens: int
    gemm: int
    seconds: float


WHOLE = Extent(512, 256, 64, 16_384, 8_192, 15.0)
TINY_EXTENT = Extent(96, 12, 4, 384, 128, 0.0)


def check(asked: argparse.Namespace) -> int:
    """Measures what was asked for and prints it; returns the exit code."""
    if asked.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    device = device_of_this_machine()
    if device.type == "cpu" and not (asked.device == "cpu" and asked.tiny):
        say("not measured: torch sees no GPU here (a test of this command: --device cpu --tiny)")
        return NOT_MEASURED
    extent = TINY_EXTENT if asked.tiny else WHOLE
    with tempfile.TemporaryDirectory(prefix="asllr-gpu-") as temporary:
        try:
            found = _measure(asked, device, extent, Path(temporary))
        except FitError as error:
            say(f"not measured: {error}")
            return NOT_MEASURED
    sys.stdout.write(json.dumps(found, indent=None if asked.json else 2) + "\n")
    return OK if _is_as_promised(found) else NO


def _measure(
    asked: argparse.Namespace, device: torch.device, extent: Extent, place: Path
) -> dict[str, Any]:
    ends_s = time.monotonic() + 60 * asked.minutes
    said = _told("the base", find_base(asked.base, asked.tiny, place, say))
    prompts = build_prompts(said, extent.n_tokens, extent.n_prompts)
    precision = Precision.BF16 if device.type != "cpu" else Precision.FP32
    settings = FitSettings(precision=precision, batch_tokens=extent.batch_tokens)
    found: dict[str, Any] = {
        "device": _name(device),
        "base": said.called,
        "torch": torch.__version__,
        "n_tokens": extent.n_tokens,
        **_fitted(settings, prompts, extent),
    }
    found["whole_fit"] = _told("a whole fit", whole_fit(place / "whole", settings, _silently))
    found["four_bits"] = _told("in 4 bits", _in_four_bits(settings, prompts, extent, place))
    peak = _told("the peak", peak_flops(device, extent.gemm))
    folder = save_served(place, prompts, settings)
    engine = open_served(folder, prompts)
    mates = batch_mate_difference(engine, prompts.mixed, extent.batch_size)
    served = _told(
        "served",
        serve_speed(engine, prompts, peak, extent.batch_size, extent.seconds),
    )
    forward = _told(
        "served, without the tokenizer",
        serve_speed(
            without_tokenizer(engine, prompts), prompts, peak, extent.batch_size, extent.seconds
        ),
    )
    naive = _told("naive", naive_speed(folder, prompts, device, extent.seconds))
    del engine
    found |= {
        "leads_per_s_512": served.leads_per_s,
        "naive_leads_per_s_512": naive.leads_per_s,
        "ratio_to_naive": served.leads_per_s / naive.leads_per_s,
        "measured_peak_tflops": peak / 1e12,
        "share_of_measured_peak": served.share_of_peak,
        "without_tokenizer": asdict(forward),
        "max_batch_mate_difference": mates.max,
        "mean_batch_mate_difference": mates.mean,
        "batch_mate_bound": BATCH_MATE_BOUND,
    }
    left_s = ends_s - time.monotonic()
    found["vllm"] = (
        vllm_speed(folder, prompts, left_s) if left_s > VLLM_LEAST_S else "no time was left"
    )
    found["machine"] = this_machine().described()
    return found


def _fitted(settings: FitSettings, prompts: Prompts, extent: Extent) -> dict[str, Any]:
    plain, saving = settings, replace(settings, gradient_checkpointing=True)
    ways = {"fit": plain, "fit_checkpointed": saving}
    speeds = {
        name: _told(name, fit_speed(prompts, way, extent.seconds)) for name, way in ways.items()
    }
    first = speeds["fit"]
    return {
        "fit_steps_per_s": first.steps_per_s,
        "fit_tokens_per_s": first.tokens_per_s,
        "fit_peak_gib": first.peak_gib,
        "fit_checkpointed": asdict(speeds["fit_checkpointed"]),
    }


def _in_four_bits(
    settings: FitSettings, prompts: Prompts, extent: Extent, place: Path
) -> dict[str, Any] | str:
    """The same on a base in 4 bits, or a word why not: the rest is worth having without it."""
    if find_spec(PACKAGE) is None:
        return NOT_INSTALLED
    saving = replace(settings, gradient_checkpointing=True, base_bits=4)
    try:
        speed = fit_speed(prompts, saving, extent.seconds)
        return {**asdict(speed), "whole_fit": whole_fit(place / "four", saving, _silently)}
    except Exception as error:  # bitsandbytes fails in many ways on a device that it does not know
        said = (str(error) or "no word").splitlines()[0]
        return f"failed: {type(error).__name__}: {said[:300]}"


def _told(what: str, found: Found) -> Found:
    """Says at once what was found: a later part may not come to its end."""
    say(f"{what}: {found}")
    return found


def _silently(line: str) -> None:
    """The whole fit's own lines are not of interest."""


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


def _is_as_promised(found: dict[str, Any]) -> bool:
    wholes = [part["whole_fit"] for part in (found, found["four_bits"]) if isinstance(part, dict)]
    kept = all(
        abs(each["log_loss_reported"] - each["log_loss_served"]) <= LOG_LOSS_BOUND
        for each in wholes
    )
    mates = bool(found["max_batch_mate_difference"] <= BATCH_MATE_BOUND)
    if not kept:
        say(f"the artifact is not what was fitted: {wholes}")
    if not mates:
        say(
            f"batch mates move a logit by {found['max_batch_mate_difference']:.3f} of its spread, "
            f"the bound is {BATCH_MATE_BOUND}"
        )
    return kept and mates

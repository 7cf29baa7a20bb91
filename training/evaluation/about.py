"""What a reader needs beside the numbers of a report: where its rows come from and how it was
made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from schemas.timestamps import from_ms
from training.dataset.example import Examples
from training.dataset.manifest import DatasetManifest


@dataclass(frozen=True, slots=True)
class About:
    """The facts of a report. `command` repeats it. `findings`: what the data check said when the
    dataset was built. `split`: which rows of it were judged."""

    title: str
    command: str
    dataset: str
    dataset_sha256: str | None
    split: str
    label: str
    first: datetime
    last: datetime
    findings: tuple[str, ...]
    price_per_cpu_hour: float


def trained_too_late(name: str, trained_until: datetime, about: About) -> str | None:
    """A warning when a model may have been trained on the rows that judge it, or on their time;
    None otherwise."""
    if trained_until <= about.first:
        return None
    return (
        f"warning: {name} was trained on data until {trained_until:%Y-%m-%d}, these rows begin at "
        f"{about.first:%Y-%m-%d}; its figures are too good if these leads or this time were in it"
    )


def about_of(
    examples: Examples,
    manifest: DatasetManifest,
    *,
    title: str,
    command: str,
    split: str,
    price_per_cpu_hour: float,
) -> About:
    """The facts of a report on `examples`."""
    return About(
        title=title,
        command=command,
        dataset=manifest.name,
        dataset_sha256=manifest.sha256,
        split=split,
        label=manifest.label,
        first=from_ms(int(examples.as_of_ms.min())),
        last=from_ms(int(examples.as_of_ms.max())),
        findings=tuple(f"{each.severity} {each.named}" for each in manifest.findings),
        price_per_cpu_hour=price_per_cpu_hour,
    )

"""`asllr import transcript`: files of any vendor's transcripts in, one event a call out."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from schemas.events import Role, TranscriptReady
from streams import exit_codes
from streams.cli.front import Failure, current_settings, naming_files
from streams.cli.importing.sending import send_or_write
from streams.cli.importing.transcript_files import (
    NAMES_EXAMPLE,
    TranscriptOptions,
    event_of,
    names_pattern,
    read_file,
)
from streams.cli.option_types import MOMENT
from streams.importers.transcripts.normal import CallTranscript, TranscriptError
from streams.importers.transcripts.shapes.vcon import to_vcon, to_wtf
from streams.importers.transcripts.values import language as language_tag
from streams.whole_file import whole_file

Calls = Mapping[Path, CallTranscript]


class RoleOption(click.ParamType):
    """An option type for a speaker's role: `spk_0=agent`."""

    name = "label=role"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Role]:
        if isinstance(value, tuple):
            return value
        label, equals, word = str(value).rpartition("=")
        if not label or not equals or word.strip().lower() not in {role.value for role in Role}:
            allowed = ", ".join(role.value for role in Role)
            self.fail(f"{value!r} is not a label and a role ({allowed}) such as spk_0=agent")
        return label.strip(), Role(word.strip().lower())


class NamesOption(click.ParamType):
    name = "pattern"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> re.Pattern[str]:
        if isinstance(value, re.Pattern):
            return value
        try:
            return names_pattern(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
)
@click.option("--tenant", help="whose lead it is (default: ASLLR_TENANT).")
@click.option("--lead", help="whose call it is, of all files.")
@click.option(
    "--names",
    type=NamesOption(),
    help=f"where the files' names say it: '{NAMES_EXAMPLE}', * for any text.",
)
@click.option("--call-id", help="of one file (default: the file's own, else its name).")
@click.option("--started-at", type=MOMENT, help="when the call began, where the file does not say.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=RoleOption(),
    help="who a speaker is, by the file's own label: spk_0=agent. May be repeated.",
)
@click.option("--language", help="a tag such as de or en-US, instead of the file's.")
@click.option(
    "--revision",
    type=click.IntRange(0, 1_000_000),
    help="of two transcripts of a call the higher counts.",
)
@click.option(
    "--as",
    "form",
    type=click.Choice(["events", "wtf", "vcon"]),
    default="events",
    show_default=True,
    help="events, or documents of the IETF's drafts, one a line; these need no lead.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="write here instead of sending to Kafka (or printing documents).",
)
@click.option("--keep-going", is_flag=True, help="leave out the files that cannot be read.")
@click.option("--json", "as_json", is_flag=True, help="print what was read, one object a file.")
def transcript(
    files: tuple[Path, ...],
    *,
    tenant: str | None,
    lead: str | None,
    names: re.Pattern[str] | None,
    call_id: str | None,
    started_at: datetime | None,
    roles: tuple[tuple[str, Role], ...],
    language: str | None,
    revision: int | None,
    form: str,
    out: Path | None,
    keep_going: bool,
    as_json: bool,
) -> None:
    """Read transcripts as vendors write them, one call a file.

    The shape is recognised by what is in the file: Whisper, Deepgram, Amazon, Google, Azure,
    Genesys, AssemblyAI, Rev, FunASR, WebVTT, SRT, vCon, WTF, lines such as "Agent: ...". Units and
    clocks are mended, and said. Nothing is sent or written where one file cannot be read.

    \b
    Example:
      asllr import transcript call.json --lead 4711 --started-at 2026-03-05T10:00:00+01:00
      asllr import transcript *.json --names '{lead}_{call_id}.json' --role spk_0=agent
      asllr import transcript call.vtt --as wtf --out call.wtf.json
    """
    if len(files) > 1 and call_id is not None:
        raise click.UsageError("--call-id is of one file: use --names for several")
    if language is not None and language_tag(language) is None:
        raise click.BadParameter(f"{language[:40]!r} is not a tag such as de or en-US")
    options = TranscriptOptions(
        tenant or current_settings().tenant,
        lead,
        names,
        call_id,
        started_at,
        language_tag(language),
        revision,
        dict(roles),
    )
    calls, problems = _read(files, options)
    _tell(calls, options)
    if form == "events":
        made: Mapping[Path, Any] = _events(calls, options, problems)
    else:
        made = _documents(calls, form, problems)
    _refuse(problems, len(files), keep_going)
    kept = {path: each for path, each in made.items() if path not in problems}
    if form != "events" and out is None:
        click.echo("".join(kept.values()), nl=False)
        return
    with naming_files():
        n = send_or_write(kept.values(), out) if form == "events" else _write(kept.values(), out)
    if as_json:
        click.echo("\n".join(json.dumps(_summary(path, calls[path])) for path in kept))
    else:
        what = "event" if form == "events" else "document"
        done = "sent" if out is None else f"written to {out}"
        click.echo(f"{n} {what}{'' if n == 1 else 's'} {done}")


def _read(
    files: Iterable[Path], options: TranscriptOptions
) -> tuple[dict[Path, CallTranscript], dict[Path, str]]:
    calls: dict[Path, CallTranscript] = {}
    problems: dict[Path, str] = {}
    for path in files:
        try:
            calls[path] = read_file(path, options)
        except TranscriptError as error:
            problems[path] = str(error)
        except OSError as error:
            problems[path] = error.strerror or str(error)
    return calls, problems


def _tell(calls: Calls, options: TranscriptOptions) -> None:
    """Says what was mended or doubted, each once however many files have it."""
    files: dict[str, list[Path]] = defaultdict(list)
    first: dict[str, str] = {}
    for path, call in calls.items():
        for remark in call.remarks:
            files[remark.what].append(path)
            first.setdefault(remark.what, str(remark))
    for what, paths in files.items():
        n_more = len(paths) - 1
        others = f" and {n_more:,} more file{'' if n_more == 1 else 's'}" if n_more else ""
        click.echo(f"{paths[0]}{others}: {first[what]}", err=True)
    labels = {str(one).casefold() for call in calls.values() for one in call.speakers}
    for label in options.roles:
        if calls and label.casefold() not in labels:
            shown = ", ".join(sorted({str(s) for c in calls.values() for s in c.speakers if s})[:8])
            click.echo(f"--role {label}: no speaker has this label; there are {shown}", err=True)


def _refuse(problems: Mapping[Path, str], n_files: int, keep_going: bool) -> None:
    lines = [f"{path}: {problem}" for path, problem in problems.items()]
    if not lines or (keep_going and len(lines) < n_files):
        for line in lines:
            click.echo(f"left out: {line}", err=True)
        return
    if n_files == 1:
        raise Failure(lines[0], exit_codes.UNUSABLE)
    for line in lines:
        click.echo(line, err=True)
    raise Failure(
        f"{len(lines):,} of {n_files:,} files cannot be read, so nothing was sent or written; "
        "--keep-going takes the others",
        exit_codes.UNUSABLE,
    )


def _summary(path: Path, call: CallTranscript) -> dict[str, Any]:
    return {
        "file": str(path),
        "shape": call.shape,
        "call_id": call.call_id or path.stem,
        "started_at": None if call.started_at is None else call.started_at.isoformat(),
        "language": call.language,
        "duration_s": call.duration_s,
        "utterances": len(call.utterances),
        "has_times": call.has_times,
        "final": call.is_final,
        "revision": call.revision,
        "speakers": {
            str(one.speaker): one.role.value for one in call.utterances if one.role is not None
        },
        "remarks": [str(remark) for remark in call.remarks],
    }


def _events(
    calls: Calls, options: TranscriptOptions, problems: dict[Path, str]
) -> dict[Path, TranscriptReady]:
    """The event of each file; adds the files that have none to `problems`. Of two files of one call
    and revision nobody could tell which counts; the same one twice is one event."""
    events: dict[Path, TranscriptReady] = {}
    seen: dict[tuple[Any, ...], Path] = {}
    for path, call in calls.items():
        try:
            event = event_of(path, call, options)
        except TranscriptError as error:
            problems[path] = str(error)
            continue
        first = seen.setdefault(
            (event.lead, event.call_id, event.revision, event.final, event.started_at), path
        )
        if first is path:
            events[path] = event
        elif events[first].id != event.id:
            problems[path] = (
                f"is call {event.call_id} as {first} is: --names, or --revision, one import each"
            )
    return events


def _documents(calls: Calls, form: str, problems: dict[Path, str]) -> dict[Path, str]:
    """The document of each file as a line; adds the files that have none to `problems`."""
    now = datetime.now(UTC).replace(microsecond=0)
    write = to_wtf if form == "wtf" else to_vcon
    lines: dict[Path, str] = {}
    for path, call in calls.items():
        named = replace(call, call_id=call.call_id or path.stem)
        try:
            lines[path] = json.dumps(write(named, now), ensure_ascii=False) + "\n"
        except TranscriptError as error:
            problems[path] = f"{error}: --started-at 2026-03-05T10:00:00+01:00"
    return lines


def _write(lines: Iterable[str], out: Path | None) -> int:
    """Writes documents to a file; returns how many."""
    written = list(lines)
    if out is not None:
        with whole_file(out) as part:
            part.write_text("".join(written), encoding="utf-8")
    return len(written)

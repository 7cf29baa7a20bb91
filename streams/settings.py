"""The settings of a deployment: one typed, frozen value read from the environment, once, at the
edge.

Only commands read it; everything below takes plain typed values. A variable that starts with
`ASLLR_` and is not known is an error, because a misspelt setting is a setting silently ignored.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from schemas.ids import id_of

PREFIX = "ASLLR_"
FILE_SUFFIX = "_FILE"
TESTS_ONLY = frozenset({"ASLLR_DATA", "ASLLR_REQUIRE_KAFKA"})
"""Variables that only the test suite reads: the data sets' folder, and CI's strictness."""

LOG_LEVELS = ("debug", "info", "warning", "error")


class BadSettings(Exception):
    """A setting is wrong; the message is one sentence that names the variable, its value and what
    is allowed."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A setting as the documentation shows it. A secret is masked when printed, and may come
    from the file that `<name>_FILE` names."""

    name: str
    default: str
    meaning: str
    secret: bool = False


VARIABLES = (
    Variable("ASLLR_BROKER", "localhost:9092", "Kafka bootstrap servers, comma-separated"),
    Variable(
        "ASLLR_REDIS",
        "redis://localhost:6379/0",
        "Redis URL; may hold a password",
        secret=True,
    ),
    Variable("ASLLR_PARTITIONS", "8", "partitions of each input topic; fixed at the first start"),
    Variable("ASLLR_TENANT", "demo", "tenant of a lead or queue named without one"),
    Variable(
        "ASLLR_ARTIFACTS",
        "",
        "folder that holds the model artifacts; empty: those that came with asllr",
    ),
    Variable("ASLLR_GROUP", "asllr-ingest", "Kafka consumer group of the ingest workers"),
    Variable(
        "ASLLR_MEMBER", "", "this machine in member ids and leases; stable; empty: the host name"
    ),
    Variable("ASLLR_SESSION_S", "10", "seconds after which Kafka gives up a silent ingest worker"),
    Variable(
        "ASLLR_PATIENCE_S", "30", "how long a role waits for Kafka or Redis; then it exits with 75"
    ),
    Variable(
        "ASLLR_BATCH_MIB",
        "32",
        "records in MiB, unpacked, that an ingest worker reads of a partition at once; what a "
        "compressed batch holds beyond it is a dead letter",
    ),
    Variable(
        "ASLLR_SNAPSHOT_S",
        "21600",
        "seconds between snapshots of all leads on leads.state, from which Redis can be rebuilt",
    ),
    Variable(
        "ASLLR_REASON_SHARE",
        "0.2",
        "of a busy score worker's time, how much may go to faithful reasons for the top of the "
        "boards, beside the time in which it has nothing to do; 0: none at all",
    ),
    Variable(
        "ASLLR_KEPT_MIB",
        "1024",
        "memory in MiB that a score worker may fill with what a language model made of prompts, so "
        "that what the next ones begin with is not read again; of each artifact (64 tokens of "
        "SmolLM2 take 1.4); 0: none",
    ),
    Variable("ASLLR_LOG_LEVEL", "info", "debug, info, warning or error"),
)
_BY_NAME = {variable.name: variable for variable in VARIABLES}


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a deployment. `member` and `artifacts` are None where the deployment leaves
    them to asllr."""

    broker: str
    redis: str
    partitions: int
    tenant: str
    artifacts: Path | None
    group: str
    member: str | None
    session_s: float
    patience_s: float
    batch_mib: int
    snapshot_s: float
    reason_share: float
    kept_mib: int
    log_level: str


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Reads the settings from the environment. Raises BadSettings for an unknown `ASLLR_` variable
    or a value out of its bounds."""
    texts = _read_texts(environ)
    return Settings(
        broker=_not_empty("ASLLR_BROKER", texts),
        redis=checked_redis_url(texts["ASLLR_REDIS"], "ASLLR_REDIS"),
        partitions=_whole("ASLLR_PARTITIONS", texts, low=1, high=10_000),
        tenant=_id("ASLLR_TENANT", texts),
        artifacts=Path(texts["ASLLR_ARTIFACTS"]) if texts["ASLLR_ARTIFACTS"] else None,
        group=_not_empty("ASLLR_GROUP", texts),
        member=_member("ASLLR_MEMBER", texts) if texts["ASLLR_MEMBER"] else None,
        session_s=_number("ASLLR_SESSION_S", texts, low=1, high=1_800),
        patience_s=_number("ASLLR_PATIENCE_S", texts, low=0, high=86_400),
        batch_mib=_whole("ASLLR_BATCH_MIB", texts, low=2, high=1_024),
        snapshot_s=_number("ASLLR_SNAPSHOT_S", texts, low=1, high=30 * 86_400),
        reason_share=_number("ASLLR_REASON_SHARE", texts, low=0, high=0.9),
        kept_mib=_whole("ASLLR_KEPT_MIB", texts, low=0, high=1_000_000),
        log_level=_one_of("ASLLR_LOG_LEVEL", texts, LOG_LEVELS),
    )


def environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Returns `environ` changed so that `read_settings` gives `settings` in a child process."""
    others = {name: text for name, text in environ.items() if not name.startswith(PREFIX)}
    return others | {name: text for name, text in _texts_of(settings).items() if text}


def printable(settings: Settings) -> dict[str, str]:
    """Each variable with its value as `asllr settings` prints it, secrets masked."""
    texts = _texts_of(settings)
    return {v.name: mask(texts[v.name]) if v.secret else texts[v.name] for v in VARIABLES}


def _texts_of(settings: Settings) -> dict[str, str]:
    texts = {}
    for variable in VARIABLES:
        value = getattr(settings, variable.name.removeprefix(PREFIX).lower())
        texts[variable.name] = "" if value is None else str(value)
    return texts


def mask(url: str) -> str:
    """Returns the URL without user, password and query, all of which may hold a secret."""
    parts = urlsplit(url)
    credentials, at, host = parts.netloc.rpartition("@")
    return urlunsplit(
        (
            parts.scheme,
            f"***@{host}" if credentials or at else host,
            parts.path,
            "***" if parts.query else "",
            "",
        )
    )


def markdown_table() -> str:
    """The table of docs/reference/settings.md, which `make docs` writes."""
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *map(_row, VARIABLES)])


def _row(variable: Variable) -> str:
    default = f"`{variable.default}`" if variable.default else ""
    file = f"; or in the file that `{variable.name}{FILE_SUFFIX}` names" if variable.secret else ""
    return f"| `{variable.name}` | {default} | {variable.meaning}{file} |"


def _read_texts(environ: Mapping[str, str]) -> dict[str, str]:
    texts = {variable.name: variable.default for variable in VARIABLES}
    files = {v.name + FILE_SUFFIX: v.name for v in VARIABLES if v.secret}
    for name, text in environ.items():
        if not name.startswith(PREFIX) or name in TESTS_ONLY:
            continue
        if name in _BY_NAME:
            texts[name] = text.strip() or _BY_NAME[name].default
        elif name not in files:
            raise BadSettings(_unknown(name, [*_BY_NAME, *files]))
    for name, target in files.items():
        if not environ.get(name):
            continue
        if environ.get(target):
            raise BadSettings(f"{target} and {name} are both set; keep one of them")
        texts[target] = _read_secret(name, environ[name])
    return texts


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0)[0]
    return f"unknown setting {name}; the nearest known one is {near} (asllr settings lists all)"


def _read_secret(name: str, path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"{name} names {path}, which cannot be read: {error}") from error
    if not text:
        raise BadSettings(f"{name} names {path}, which is empty")
    return text


def checked_redis_url(url: str, name: str) -> str:
    """Checks the URL of a Redis. `name` of the setting or option. Raises BadSettings, whose message
    never repeats the value: it may hold a password."""
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("redis", "rediss", "unix") and bool(parts.netloc or parts.path)
        if parts.scheme != "unix":
            # A port that is not a number raises; such a database redis-py takes for 0.
            is_url = is_url and parts.port != 0 and bool(re.fullmatch(r"/?\d*", parts.path))
    except ValueError:
        is_url = False
    if not is_url:
        raise BadSettings(
            f"{name} is not a Redis URL; write redis://host:6379/0, rediss://… or unix:///…"
        )
    return url


def _not_empty(name: str, texts: Mapping[str, str]) -> str:
    if not texts[name]:
        raise BadSettings(f"{name} is empty")
    return texts[name]


def _member(name: str, texts: Mapping[str, str]) -> str:
    """Kafka's group protocol and logs take no escape."""
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", texts[name]):
        raise BadSettings(f"{name} is {texts[name][:80]!r}, expected 1 to 128 of [A-Za-z0-9._:-]")
    return texts[name]


def tenant_id(name: str) -> str:
    """The id of a tenant of any name. Raises ValueError."""
    if "/" in name:
        raise ValueError("a slash divides tenant and lead")
    return id_of(name)


def _id(name: str, texts: Mapping[str, str]) -> str:
    try:
        return tenant_id(texts[name])
    except ValueError as why:
        raise BadSettings(f"{name} is {texts[name][:80]!r}: {why}") from None


def _number(name: str, texts: Mapping[str, str], *, low: float, high: float) -> float:
    try:
        value = float(texts[name])
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise BadSettings(
            f"{name} is {texts[name][:80]!r}, expected a number from {low:g} to {high:g}"
        )
    return value


def _whole(name: str, texts: Mapping[str, str], *, low: int, high: int) -> int:
    value = _number(name, texts, low=low, high=high)
    if value != int(value):
        raise BadSettings(f"{name} is {texts[name][:80]!r}, expected a whole number")
    return int(value)


def _one_of(name: str, texts: Mapping[str, str], allowed: tuple[str, ...]) -> str:
    if texts[name] not in allowed:
        raise BadSettings(f"{name} is {texts[name][:80]!r}, expected one of {', '.join(allowed)}")
    return texts[name]

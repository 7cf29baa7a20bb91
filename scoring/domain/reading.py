"""A domain from its file or from a pack, and the digest that names it."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from hashlib import blake2b
from pathlib import Path

from pydantic import ValidationError

from scoring.domain.mistakes import sentence_of
from scoring.domain.model import Domain

PACKS = Path(__file__).parent / "packs"
MAX_BYTES = 262_144
"""Some 10,000 phrases; Python's TOML parser reads it in under a second."""
MAX_DOTS = 10
"""In one line."""
MAX_MESSAGE = 200


class DomainError(ValueError):
    """A domain that cannot be used: one sentence that names the place and the fix."""


def read_domain(path: Path) -> Domain:
    """Raises DomainError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DomainError(
            f"{path} cannot be read: {error.strerror}; name a domain.toml, or a pack: "
            f"{', '.join(pack_names())}"
        ) from error
    return parse_domain(content, str(path))


def parse_domain(content: bytes, where: str) -> Domain:
    """`where`: how an error names it. Raises DomainError, whatever the bytes, in about a second."""
    try:
        raw = tomllib.loads(_text(content, where))
    except RecursionError as error:
        raise DomainError(f"{where} is nested too deeply for a domain; flatten it") from error
    except DomainError:
        raise
    except tomllib.TOMLDecodeError as error:
        raise DomainError(f"{where} is not TOML: {_clipped(str(error))}; mend it there") from error
    except ValueError as error:
        raise DomainError(f"{where} holds a number of thousands of digits; shorten it") from error
    try:
        return Domain.model_validate(raw)
    except ValidationError as error:
        raise DomainError(f"{where}: {sentence_of(error, raw)}") from error


def _text(content: bytes, where: str) -> str:
    """What may be given to a TOML parser: its time grows with the square of a key's parts."""
    if len(content) > MAX_BYTES:
        raise DomainError(
            f"{where} has more than {MAX_BYTES:,} bytes, the most of a domain; shorten it, or name "
            "the right file"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DomainError(
            f"{where} is not UTF-8 text at byte {error.start + 1}; save it as UTF-8"
        ) from error
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > MAX_DOTS and not line.lstrip().startswith("#"):
            raise DomainError(
                f"{where} has more than {MAX_DOTS} dots in line {number}; break the line in two, "
                "or mend the key that has them"
            )
    return text


def _clipped(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE else f"{message[:MAX_MESSAGE]}…"


@cache
def pack(name: str) -> Domain:
    """A domain that ships. Raises DomainError."""
    if name not in pack_names():
        raise DomainError(f"there is no pack {name!r}; there are {', '.join(pack_names())}")
    return read_domain(PACKS / f"{name}.toml")


def domain_named(name: str) -> Domain:
    """A pack, or else the domain in the file of this name. Raises DomainError."""
    return pack(name) if name in pack_names() else read_domain(Path(name))


def pack_names() -> list[str]:
    return sorted(path.stem for path in PACKS.glob("*.toml"))


def canonical_json(domain: Domain) -> str:
    """What a domain says, whatever the layout of its file. Keys that are left at their default are
    left out, so that a key which a later asllr adds changes no older domain."""
    said = domain.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def domain_digest(domain: Domain) -> str:
    """Of what it says: 128 bits, hex."""
    return blake2b(canonical_json(domain).encode(), digest_size=16).hexdigest()

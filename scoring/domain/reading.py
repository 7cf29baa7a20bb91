"""A domain from its file or from a pack, and the digest that names it."""

from __future__ import annotations

import tomllib
from functools import cache
from hashlib import blake2b
from pathlib import Path

from pydantic import ValidationError

from scoring.domain.model import Domain

DOMAIN = "domain.toml"
PACKS = Path(__file__).parent / "packs"
MAX_BYTES = 1_048_576


class DomainError(ValueError):
    """A domain that cannot be used: one sentence that names the place and the fix."""


def read_domain(path: Path) -> Domain:
    """Raises DomainError."""
    try:
        n_bytes = path.stat().st_size
        if n_bytes > MAX_BYTES:
            raise DomainError(
                f"{path} has {n_bytes:,} bytes, a domain at most {MAX_BYTES:,}: is it the right "
                "file?"
            )
        content = path.read_bytes()
    except OSError as error:
        raise DomainError(
            f"{path} cannot be read: {error.strerror}; name a domain.toml, or a pack: "
            f"{', '.join(pack_names())}"
        ) from error
    return parse_domain(content, str(path))


def parse_domain(content: bytes, where: str) -> Domain:
    """`where`: how an error names it. Raises DomainError."""
    try:
        return Domain.model_validate(tomllib.loads(content.decode("utf-8")))
    except UnicodeDecodeError as error:
        raise DomainError(f"{where} is not UTF-8 text at byte {error.start}; save it so") from error
    except tomllib.TOMLDecodeError as error:
        raise DomainError(f"{where} is not TOML: {error}") from error
    except RecursionError as error:
        raise DomainError(f"{where} is nested too deeply for a domain") from error
    except ValidationError as error:
        raise DomainError(f"{where}: {_sentence(error)}") from error


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part + 1) if isinstance(part, int) else str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


@cache
def pack(name: str) -> Domain:
    """A domain that ships. Raises DomainError."""
    if name not in pack_names():
        raise DomainError(f"there is no pack {name!r}; there are {', '.join(pack_names())}")
    return read_domain(PACKS / f"{name}.toml")


def pack_names() -> list[str]:
    return sorted(path.stem for path in PACKS.glob("*.toml"))


def domain_digest(domain: Domain) -> str:
    """Of what it says, not of how its file is laid out: 128 bits, hex."""
    return blake2b(domain.model_dump_json().encode(), digest_size=16).hexdigest()

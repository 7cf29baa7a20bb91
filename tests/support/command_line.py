"""What `make bench`, `make chaos` and `make fuzz` share as commands: help and words."""

from __future__ import annotations

import argparse
import sys


def parser_of(name: str, doc: str | None) -> argparse.ArgumentParser:
    """`doc`: the module's, whose first line says what the command does."""
    description, _, rest = (doc or "").partition("\n\n")
    return argparse.ArgumentParser(
        name,
        description=description,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")

"""Coverage-guided fuzzing of the codec, of the fold and of the readers of transcripts.

    make fuzz ARGS="--runs 1000000"

Starts from the corpus beside this file. An input that breaks a promise is written to the folder
given and the run ends with 1: give it a name and add it to the corpus. A fuzzer that cannot run
ends it with another code.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from streams import exit_codes
from tests.fuzz.targets import TARGETS
from tests.support.command_line import parser_of

CORPUS = Path(__file__).parent / "corpus"
MAX_BYTES = 4_096
INPUT_LIMIT_S = 20
INSTRUMENTED = ("schemas", "scoring", "streams.importers.transcripts")
"""Packages whose branches the fuzzer sees."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = parser_of("fuzz", __doc__)
    parser.add_argument("--target", choices=TARGETS, help="one of them (default: all, in turn)")
    parser.add_argument("--runs", type=int, default=20_000, help="inputs per target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--found", type=Path, help="folder for what is found (default: temporary)")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    found = asked.found or Path(tempfile.mkdtemp(prefix="asllr-fuzz-"))
    if asked.inside:
        _fuzz(asked.target, asked.runs, asked.seed, found)
    known = set(found.glob("*"))
    for target in [asked.target] if asked.target else TARGETS:
        command = [sys.executable, "-m", "tests.fuzz", "--inside", "--target", target]
        command += ["--runs", str(asked.runs), "--seed", str(asked.seed), "--found", str(found)]
        if code := subprocess.run(command, check=False).returncode:
            # libFuzzer writes an input that breaks a promise before it ends.
            if any(path.is_file() for path in set(found.glob("*")) - known):
                sys.stderr.write(f"{target}: an input broke its promise, see {found}\n")
                return 1
            sys.stderr.write(f"{target}: the fuzzer ended with {code} and found nothing\n")
            return exit_codes.CRASH
    if asked.found is None:
        shutil.rmtree(found)
    return 0


def _fuzz(target: str, runs: int, seed: int, found: Path) -> None:
    """Does not return: libFuzzer ends the process."""
    import atheris  # only here: the corpus is tested without it

    with atheris.instrument_imports(include=[*INSTRUMENTED]):
        for name in [n for n in sys.modules if n.startswith(INSTRUMENTED)]:
            del sys.modules[name]
        sys.modules.pop("tests.fuzz.targets")
        sys.modules.pop("tests.scoring.histories")
        from tests.fuzz.targets import TARGETS as WATCHED

    new = found / target
    new.mkdir(parents=True, exist_ok=True)
    options = [f"-runs={runs}", f"-seed={seed}", f"-max_len={MAX_BYTES}", "-print_final_stats=1"]
    options += [f"-timeout={INPUT_LIMIT_S}", f"-artifact_prefix={found}{os.sep}"]
    atheris.Setup([target, *options, str(new), str(CORPUS / target)], WATCHED[target])
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())

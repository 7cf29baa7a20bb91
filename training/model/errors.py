"""The errors of a fit, worded for the person who runs it.

FitError              a value, its limit and the fix
  TooFewPositives     not enough orders to learn from: the rule ranks until there are
  Diverged            the loss is not finite any more: the learning rates are too high
  OutOfMemory         a batch did not fit; the message says how to make it smaller
"""

from __future__ import annotations

from pathlib import Path


class FitError(ValueError):
    """A fit that cannot go on. The message names the value, the limit and the fix; nothing
    half-written is left."""


class TooFewPositives(FitError):
    """Fewer orders than a language model can learn from."""


class Diverged(FitError):
    """A loss, or a logit of the model after a step, is not finite; later steps cannot repair it."""


class OutOfMemory(FitError):
    """The device has no room for a batch of this size."""


def read_text(path: Path, option: str) -> str:
    """Reads the file that `option` names. Raises FitError for a file that is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FitError(
            f"{option} {path} is not UTF-8 (byte {error.start}); save it as UTF-8 text"
        ) from error

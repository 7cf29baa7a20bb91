"""Wrap-up codes of the quality sample as a multi-label target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.simulator.emit import SimulatedLead
from training.simulator.life import code_of
from training.simulator.phrases import Stance, TalkTopic
from training.simulator.talk import SpokenLine

CODES = tuple((topic, stance) for topic in TalkTopic for stance in Stance)
N_CODES = len(CODES)
CODE_INDEX = {code: index for index, code in enumerate(CODES)}
CODE_NAMES = tuple(code_of(*code) for code in CODES)
_BY_NAME = dict(zip(CODE_NAMES, CODES, strict=True))


def code_set(line: SpokenLine) -> int | None:
    """The index of the code that the line sets, None where it sets none."""
    if line.topic is None or line.stance is None:
        return None
    return CODE_INDEX[line.topic, line.stance]


def multi_hot(codes: Sequence[tuple[TalkTopic, Stance]]) -> NDArray[np.float32]:
    """(codes,) float32: 1 for each of `codes`."""
    target = np.zeros(N_CODES, dtype=np.float32)
    target[[CODE_INDEX[code] for code in codes]] = 1.0
    return target


def final_codes(lead: SimulatedLead) -> NDArray[np.float32]:
    """The codes that hold after the last call, from the quality sample: for a topic in two calls,
    the later one. All NaN when a call was outside the sample."""
    held: dict[TalkTopic, Stance] = {}
    for call in lead.calls:
        if call.stances and not call.codes:
            return np.full(N_CODES, np.nan, dtype=np.float32)
        held |= dict(_BY_NAME[name] for name in call.codes)
    return multi_hot(tuple(held.items()))

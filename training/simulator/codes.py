"""Wrap-up codes of the quality sample as a multi-label target.

Without a business they are those of the world `auto`, in whose talk the demo's base and the tagger
practise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.simulator.business import Business
from training.simulator.emit import SimulatedLead
from training.simulator.life import code_of
from training.simulator.phrases import Stance
from training.simulator.talk import SpokenLine

Code = tuple[str, Stance]

PRACTISED_TOPICS = ("timing", "price", "family", "rival", "finance", "trade_in")
"""The topics of the world `auto`; a test holds them to its file."""

CODES: tuple[Code, ...] = tuple((topic, stance) for topic in PRACTISED_TOPICS for stance in Stance)
N_CODES = len(CODES)
CODE_INDEX = {code: index for index, code in enumerate(CODES)}


def code_names(business: Business) -> tuple[str, ...]:
    """The codes of a world in the order of `final_codes`."""
    return tuple(code_of(topic, stance) for topic in business.topic_names for stance in Stance)


def code_set(line: SpokenLine) -> int | None:
    """The index of the code that the line sets, None where it sets none."""
    if line.topic is None or line.stance is None:
        return None
    return CODE_INDEX[line.topic, line.stance]


def multi_hot(codes: Sequence[Code]) -> NDArray[np.float32]:
    """(codes,) float32: 1 for each of `codes`."""
    target = np.zeros(N_CODES, dtype=np.float32)
    target[[CODE_INDEX[code] for code in codes]] = 1.0
    return target


def final_codes(lead: SimulatedLead, business: Business) -> NDArray[np.float32]:
    """The codes that hold after the last call, from the quality sample: for a topic in two calls,
    the later one. All NaN when a call was outside the sample."""
    names = code_names(business)
    held: dict[str, str] = {}
    for call in lead.calls:
        if call.stances and not call.codes:
            return np.full(len(names), np.nan, dtype=np.float32)
        held |= {code.partition(".")[0]: code for code in call.codes}
    return np.array([name in held.values() for name in names], dtype=np.float32)

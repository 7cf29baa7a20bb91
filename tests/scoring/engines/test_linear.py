"""The regression's plain numbers: added as they are, after what is encoded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from scoring.columns.encoding import Encoding
from scoring.engines.linear import LinearModel
from scoring.prompt.declaration import Kind

ENCODING = Encoding(kinds=((Kind.NUMBER, ()),), centres=(0.0,), spreads=(1.0,))
ENCODED = (0.5, -0.25, 2.0)
"""Zero, unknown, and the number itself."""

numbers = st.floats(-1e6, 1e6, width=32)


@given(
    field=st.one_of(numbers, st.just(float("nan"))),
    plain=st.lists(numbers, max_size=3),
    data=st.data(),
)
def test_a_plain_number_adds_its_weight_times_itself(
    field: float, plain: list[float], data: st.DataObject
) -> None:
    weights = data.draw(st.lists(numbers, min_size=len(plain), max_size=len(plain)))
    model = LinearModel(
        encoding=ENCODING, n_plain=len(plain), weights=(*ENCODED, *weights), intercept=1.0
    )
    without = LinearModel(encoding=ENCODING, weights=ENCODED, intercept=1.0)
    row = np.array([[field, *plain]], dtype=np.float32)
    [whole], [fields] = model.logits(row), without.logits(row[:, :1])
    added = sum(w * float(np.float32(x)) for w, x in zip(weights, plain, strict=True))
    assert whole == pytest.approx(fields + added, rel=1e-9, abs=1e-3)


def test_weights_are_one_for_each_encoded_and_each_plain_number() -> None:
    with pytest.raises(ValidationError, match="3 weights for 4 encoded columns"):
        LinearModel(encoding=ENCODING, n_plain=1, weights=ENCODED, intercept=0.0)

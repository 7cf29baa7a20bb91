"""The table of a lead: the features that a domain declares, as numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.lead.history import LeadHistory
from scoring.prompt.declaration import encode
from scoring.prompt.rendering import Rendering


def feature_vector(
    history: LeadHistory, as_of_ms: int, rendering: Rendering
) -> NDArray[np.float32]:
    """Returns the features of a lead as numbers: float32 (n_features,), NaN = unknown, in the order
    of `rendering.features`. Constant between two edges of the lead.

    >>> from schemas.events import InteractionLogged
    >>> from schemas.timestamps import DAY_MS, to_ms
    >>> from scoring.lead.fold import fold
    >>> from scoring.lead.history import history_of
    >>> from scoring.prompt.rendering import first_rendering
    >>> visit = InteractionLogged(
    ...     id="e-1", source="crm", tenant="acme", lead="l-1", channel="visit",
    ...     direction="inbound", occurred_at="2026-03-01T09:30:00Z",
    ... )
    >>> auto = first_rendering()
    >>> three_days_later_ms = to_ms(visit.occurred_at) + 3 * DAY_MS
    >>> vector = feature_vector(history_of(fold([visit])), three_days_later_ms, auto)
    >>> numbers = dict(zip((feature.name for feature in auto.features), vector.tolist()))
    >>> numbers["visits_90d"], numbers["days_since_last_inbound"], numbers["age_band"]
    (1.0, 2.0, nan)
    """
    return np.array(
        [
            encode(feature, feature.source.value(history, as_of_ms))
            for feature in rendering.features
        ],
        dtype=np.float32,
    )

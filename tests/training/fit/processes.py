"""Two processes of one fit on a CPU."""

from __future__ import annotations

import os

PATIENCE_S = 600.0
"""Two torch processes take long to start on a machine that does other work."""


def process_of(rank: int, port: int) -> dict[str, str]:
    """As `accelerate launch --cpu` starts it."""
    return {
        **os.environ,
        "ACCELERATE_USE_CPU": "true",
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
    }

"""Each rule that Lua and the consumer hold switched off in turn: a test of its own must notice.

Few tests run them, and only those are run here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.mutants import Mutant, assert_noticed, plant, run_there

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(600)]

LUA_COMMIT, LUA_COMPLETE, LUA_PRELUDE, LUA_SNAPSHOT, LUA_MOVE, LUA_CLAIM = (
    f"streams/store/lua/{name}.lua"
    for name in ("commit", "complete", "prelude", "snapshot", "move", "claim")
)
CONSUMER = "streams/ingest/faust_consumer.py"
(
    INGEST_ON_REDIS,
    RESULTS_ON_REDIS,
    CLAIMS_ON_REDIS,
    SNAPSHOTS_ON_REDIS,
    BOARDS_ON_REDIS,
    FLIPS_ON_REDIS,
) = (
    (f"tests/streams/store/test_store_{name}.py", "-k", "redis")
    for name in ("ingest", "results", "claims", "snapshots", "publishing", "flips")
)
FLEET_ON_REDIS = ("tests/streams/store/test_fleet.py", "-k", "redis")
CONSUMING = ("tests/streams/ingest/test_faust_consumer.py",)
ORDER_FENCE = Mutant(
    "orders only grow in Redis",
    LUA_COMPLETE,
    "elseif last and not is_greater(scored, last) then",
    "elseif false then",
)
WHERE_NOTICED = (
    (
        Mutant(
            "Redis compares the frontier",
            LUA_COMMIT,
            "if frontier ~= prev then",
            "if false then",
        ),
        INGEST_ON_REDIS,
    ),
    (
        Mutant(
            "Redis compares the cursor",
            LUA_COMMIT,
            "(stored[1] or '') ~= write.expected_cursor or ",
            "",
        ),
        INGEST_ON_REDIS,
    ),
    (
        Mutant(
            "Redis compares whether erased",
            LUA_COMMIT,
            " or write.is_erased ~= write.expected_erased",
            "",
        ),
        INGEST_ON_REDIS,
    ),
    (ORDER_FENCE, RESULTS_ON_REDIS),
    (
        Mutant(
            "a lease is its holder's",
            LUA_PRELUDE,
            "return redis.call('HGET', lead_key(lead), 'holder') == worker",
            "return true",
        ),
        CLAIMS_ON_REDIS,
    ),
    (
        Mutant(
            "a board that Redis lost hands out no version again",
            LUA_PRELUDE,
            "math.max(last + 1, now_ms())",
            "last + 1",
        ),
        BOARDS_ON_REDIS,
    ),
    (
        Mutant(
            "news does not wait for the flip in Redis",
            LUA_MOVE,
            "\n    and order[3] <= row.order[3] then",
            " then",
        ),
        FLIPS_ON_REDIS,
    ),
    (
        Mutant(
            "what waits for the flip keeps the greatest order",
            LUA_MOVE,
            "if not row.held or not is_greater(row.held.order, order) then",
            "if true then",
        ),
        FLIPS_ON_REDIS,
    ),
    (
        Mutant(
            "who leaves is not flipped back",
            LUA_MOVE,
            "redis.call('ZREM', key('held'), lead)",
            "",
        ),
        FLIPS_ON_REDIS,
    ),
    (
        Mutant(
            "an erased lead's snapshot is told at once",
            LUA_COMMIT,
            "if write.departure == 'erase' then\n    append_snapshot(write.lead)",
            "if false then\n    append_snapshot(write.lead)",
        ),
        SNAPSHOTS_ON_REDIS,
    ),
    (
        Mutant(
            "a repeated step of a snapshot pass tells nothing again",
            LUA_SNAPSHOT,
            "if taken == step then",
            "if false then",
        ),
        SNAPSHOTS_ON_REDIS,
    ),
    (
        Mutant(
            "a snapshot pass that lacks a step is broken off",
            LUA_SNAPSHOT,
            "elseif taken ~= step - 1 then",
            "elseif false then",
        ),
        SNAPSHOTS_ON_REDIS,
    ),
    (
        Mutant(
            "a snapshot pass knows another from itself",
            LUA_SNAPSHOT,
            "known[1] == pass_id and tonumber(known[2])",
            "tonumber(known[2] or -9)",
        ),
        SNAPSHOTS_ON_REDIS,
    ),
    (
        Mutant(
            "snapshots wait for room in the outbox",
            LUA_SNAPSHOT,
            "elseif is_full(ARGV[1]) then",
            "elseif false then",
        ),
        SNAPSHOTS_ON_REDIS,
    ),
    (
        Mutant(
            "a snapshot pass ends with the frontier at which it began",
            LUA_SNAPSHOT,
            "{frontier = known[3]}",
            "{frontier = frontier_text()}",
        ),
        SNAPSHOTS_ON_REDIS,
    ),
    (
        Mutant(
            "a gap is looked at twice",
            CONSUMER,
            "if fresh[0].offset > prev + 1 and not await self._believes_gap(tp, prev, fresh):",
            "if False:",
        ),
        CONSUMING,
    ),
    (
        Mutant(
            "a seek counts when it ends",
            CONSUMER,
            "await self._seek_to_frontiers()\n            self.n_seeks += 1",
            "await self._seek_to_frontiers()",
        ),
        CONSUMING,
    ),
    (
        Mutant(
            "a claim in Redis is of what the worker serves",
            LUA_CLAIM,
            "or (n_served and not served[promotion.artifact])",
            "",
        ),
        FLEET_ON_REDIS,
    ),
    (
        Mutant(
            "what nobody can score goes last in Redis",
            LUA_CLAIM,
            "if not promotion or not served_elsewhere[promotion.artifact] then",
            "if false then",
        ),
        FLEET_ON_REDIS,
    ),
    (
        Mutant(
            "what others serve keeps its place in Redis",
            LUA_CLAIM,
            "if not promotion or not served_elsewhere[promotion.artifact] then",
            "if true then",
        ),
        FLEET_ON_REDIS,
    ),
    (
        Mutant(
            "a fetch is of one generation",
            CONSUMER,
            "and generation == self.app.consumer_generation_id",
            "",
        ),
        CONSUMING,
    ),
)


@pytest.mark.parametrize(
    ("rule", "where"), WHERE_NOTICED, ids=[str(rule) for rule, _ in WHERE_NOTICED]
)
def test_without_it_a_test_of_its_own_fails(
    rule: Mutant, where: tuple[str, ...], tmp_path: Path
) -> None:
    assert_noticed(rule, tmp_path, where)


def test_without_the_order_fence_a_burst_accepts_older_results(tmp_path: Path) -> None:
    """Else the bench's `older_accepted` would be 0 whatever the store did."""
    ask = "from tests.bench.burst import burst; print(burst(4, 0.05)['older_accepted'])"
    done = run_there(plant([ORDER_FENCE], tmp_path), "-c", ask)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 0

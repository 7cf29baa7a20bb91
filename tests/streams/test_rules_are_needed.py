"""Each rule of the protocol switched off in turn: a deterministic test must notice.

A rule whose absence nobody notices is either not needed or not tested. The model of all roles
(`test_roles_model.py`) searches for what nobody thought of; its luck is not relied on here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.mutants import Mutant, plant, run_there

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NOTICING = [
    f"tests/streams/{name}.py"
    for name in (
        "score/test_protocol_scoring",
        "publish/test_protocol_publishing",
        "publish/test_sweep",
        "score/test_score_worker",
        "ingest/test_ingest_batch",
        "store/test_store_ingest",
        "store/test_store_results",
        "store/test_store_publishing",
        "store/test_store_flips",
        "publish/test_board_flips",
    )
]
COMMIT, SCORING, BOARD, FLIPS, SWEEP, SNAPSHOTS = (
    f"streams/{name}.py"
    for name in (
        "store/memory_commit",
        "store/memory_scoring",
        "store/memory_board",
        "publish/board_flips",
        "publish/sweep",
        "publish/board_snapshots",
    )
)

RULES = (
    Mutant("the frontier is compared", COMMIT, "if frontier != commit.prev:", "if False:"),
    Mutant(
        "the cursor is compared",
        COMMIT,
        "(stored.cursor, stored.erased) != (expected.cursor, expected.erased)",
        "stored.erased != expected.erased",
    ),
    Mutant(
        "every lead that was read is compared, written or not",
        COMMIT,
        "if any(_has_moved(shard, write) for write in commit.leads):",
        "if any(_has_moved(shard, write) for write in commit.leads if write.state):",
    ),
    Mutant(
        "a lead that leaves is told of in the commit",
        COMMIT,
        "listed_in is not None and listed_in != write.queue",
        "False",
    ),
    Mutant("a result of an erased lead is dropped", SCORING, "or done.lead in shard.erased", ""),
    Mutant("only results of the live artifact count", SCORING, "live[1] != done.artifact", "False"),
    Mutant("orders only grow", SCORING, "done.order <= known.order:", "False:"),
    Mutant(
        "dirty is cleared by the current state only", SCORING, "    if settles:", "    if True:"
    ),
    Mutant(
        "a refused result settles its edge",
        SCORING,
        "if accepted or (settles and known.order is not None and done.order[2] <= known.order[2]):",
        "if accepted:",
    ),
    Mutant(
        "an older promotion's result is not final",
        SCORING,
        "live[1] == done.artifact and done.order[0] >= live[0]",
        "live[1] == done.artifact",
    ),
    Mutant("boards compare orders", BOARD, "if order < row.order:", "if False:"),
    Mutant(
        "a removal leaves a marker",
        BOARD,
        "self.rows[lead] = Row(order, None, move)",
        "self.rows.pop(lead, None)",
    ),
    Mutant(
        "a lost board hands out no version again",
        BOARD,
        "max(self.version + 1, self.now_ms())",
        "self.version + 1",
    ),
    Mutant(
        "a promotion's view waits for the flip",
        BOARD,
        "if not self.holds or row is None",
        "if True",
    ),
    Mutant(
        "news does not wait for the flip",
        "streams/store/board.py",
        "and newcomer.order[1] <= row.order[1]",
        "",
    ),
    Mutant(
        "the flip waits for all",
        FLIPS,
        "if any(_is_awaited(view, queue) for view in views):",
        "if False:",
    ),
    Mutant("the flip waits for no parked lead", FLIPS, " and not view.parked", ""),
    Mutant("a flip is told", FLIPS, "self._untold[_shard_of(lead, n_shards)].append(lead)", "pass"),
    Mutant("snapshots are restated", SNAPSHOTS, " or (all_of_them and last is not NEVER)", ""),
    Mutant("who ends looks at its boards twice", SNAPSHOTS, "range(2)", "range(1)"),
    Mutant(
        "the sweep finds rows no shard lists",
        SWEEP,
        "return view.board != queue and view.version > row.version",
        "return False",
    ),
    Mutant(
        "a rollback begins a sweep",
        SWEEP,
        "due |= {shard for shard in held if self._went_back(shard)}",
        "_ = [self._went_back(shard) for shard in held]",
    ),
    Mutant(
        "the sweep asks for scores of leads that have passed theirs",
        SWEEP,
        "return view.order is not None and view.order[1] < view.version and not view.dirty",
        "return False",
    ),
    Mutant(
        "the sweep says that unlisted leads stand nowhere",
        SCORING,
        "if known.was_in is None and known.queue is not None:",
        "if known.was_in is None:",
    ),
)


LUA_COMMIT, LUA_COMPLETE, LUA_PRELUDE, LUA_SNAPSHOT, LUA_MOVE = (
    f"streams/store/lua/{name}.lua"
    for name in ("commit", "complete", "prelude", "snapshot", "move")
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
            "a fetch is of one generation",
            CONSUMER,
            "and generation == self.app.consumer_generation_id",
            "",
        ),
        CONSUMING,
    ),
)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_without_it_a_test_fails(rule: Mutant, tmp_path: Path) -> None:
    pytest_there = ("-m", "pytest", "-q", "-x", "--tb=line", "-p", "no:cacheprovider")
    done = run_there(plant([rule], tmp_path), *pytest_there, *NOTICING)
    assert done.returncode == 1, done.stdout[-2000:]
    assert "1 failed" in done.stdout


@pytest.mark.service
@pytest.mark.parametrize(
    ("rule", "where"), WHERE_NOTICED, ids=[str(rule) for rule, _ in WHERE_NOTICED]
)
def test_without_it_a_test_of_its_own_fails(
    rule: Mutant, where: tuple[str, ...], tmp_path: Path
) -> None:
    """Lua and the consumer: few tests run them, and only those are run here."""
    pytest_there = ("-m", "pytest", "-q", "-x", "--tb=line", "-p", "no:cacheprovider")
    done = run_there(plant([rule], tmp_path), *pytest_there, *where)
    assert done.returncode == 1, done.stdout[-2000:]
    assert "1 failed" in done.stdout


@pytest.mark.service
def test_without_the_order_fence_a_burst_accepts_older_results(tmp_path: Path) -> None:
    """Else the bench's `older_accepted` would be 0 whatever the store did."""
    ask = "from tests.bench.burst import burst; print(burst(4, 0.05)['older_accepted'])"
    done = run_there(plant([ORDER_FENCE], tmp_path), "-c", ask)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 0


def test_with_all_rules_they_pass(tmp_path: Path) -> None:
    """Else the failures above would prove nothing."""
    done = run_there(plant([], tmp_path), "-m", "pytest", "-q", "-x", "--tb=line", *NOTICING)
    assert done.returncode == 0, done.stdout[-2000:]

"""Each rule of the protocol switched off in turn: a deterministic test must notice.

A rule whose absence nobody notices is either not needed or not tested. The model of all roles
(`test_roles_model.py`) searches for what nobody thought of; its luck is not relied on here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.mutants import Mutant, assert_noticed, assert_unmutated_pass

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
        "publish/test_bad_promotion",
        "store/test_fleet",
    )
]
COMMIT, SCORING, BOARD, FLIPS, SWEEP, SNAPSHOTS, PROMOTIONS = (
    f"streams/{name}.py"
    for name in (
        "store/memory_commit",
        "store/memory_scoring",
        "store/memory_board",
        "publish/board_flips",
        "publish/sweep",
        "publish/board_snapshots",
        "publish/promotions",
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
    Mutant("orders only grow", SCORING, "done.order <= stored.order:", "False:"),
    Mutant(
        "dirty is cleared by the current state only", SCORING, "    if settles:", "    if True:"
    ),
    Mutant(
        "a refused result settles its edge",
        SCORING,
        " or (settles and stored.order is not None and done.order[2] <= stored.order[2])",
        "",
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
        "self.rows[lead] = MemoryRow(order, None, move)",
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
    Mutant("a flip is told", FLIPS, "self._untold[shard_of(lead, n_shards)].append(lead)", "pass"),
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
        "if stored.was_in is None and stored.queue is not None:",
        "if stored.was_in is None:",
    ),
    Mutant(
        "a promotion waits until a worker has loaded it",
        PROMOTIONS,
        "if p.promotion.artifact in loaded or p.offset <= live",
        "if True",
    ),
    Mutant("no shard stays behind", PROMOTIONS, " or p.offset <= live", ""),
    Mutant(
        "a worker claims only what it serves",
        SCORING,
        "if live is None or not asked.serves.has(live[1]):",
        "if live is None:",
    ),
    Mutant(
        "what nobody can score goes last",
        SCORING,
        "if live is None or live[1] not in asked.serves.elsewhere:",
        "if False:",
    ),
    Mutant(
        "what others serve keeps its place",
        SCORING,
        "if live is None or live[1] not in asked.serves.elsewhere:",
        "if True:",
    ),
)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_without_it_a_test_fails(rule: Mutant, tmp_path: Path) -> None:
    assert_noticed(rule, tmp_path, NOTICING)


def test_with_all_rules_they_pass(tmp_path: Path) -> None:
    assert_unmutated_pass(tmp_path, NOTICING)

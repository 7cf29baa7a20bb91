"""`asllr queue show` and `asllr lead show`: who to call first, and what is known of a lead."""

from __future__ import annotations

import json
import shlex

import click
from confluent_kafka import KafkaException

from schemas.dead_letter import MENDED
from schemas.ids import name_of
from schemas.outputs import Score
from schemas.partitioner import shard_of
from schemas.timestamps import to_text
from scoring.lead.fold import listing
from scoring.lead.join import left_out
from scoring.lead.state import ERASED, PROFILE, LeadState
from scoring.lead.state_bytes import from_bytes
from streams import exit_codes
from streams.cli.front import Failure, current_settings, lead_key, look_at_store, queue_name
from streams.kafka.topic_admin import TopicsUnusable
from streams.operate.lead_letters import LettersOfLead, letters_of_lead
from streams.reports.lead_text import left_out_words
from streams.store.contract import LeadView


@click.group()
def queue() -> None:
    """Look at a queue.

    \b
    Example:
      asllr queue show
    """


@queue.command(name="show")
@click.argument("queue", required=False)
@click.option(
    "--top",
    default=20,
    show_default=True,
    type=click.IntRange(min=1),
    help="how many leads to print.",
)
@click.option("--json", "as_json", is_flag=True, help="for machines.")
def show_queue(queue: str | None, *, top: int, as_json: bool) -> None:
    """Who to call first in QUEUE, and why. Without QUEUE: which queues there are.

    \b
    Example:
      asllr queue show
      asllr queue show demo/default --top 5
    """
    settings = current_settings()
    store = look_at_store(settings)
    if queue is None:
        sizes = {name: store.board(name, 0).size for name in sorted(store.queues())}
        click.echo(json.dumps(sizes) if as_json else _lines(sizes) or "no queue has a lead yet")
        return
    name = queue_name(queue, settings.tenant)
    board = store.board(name, top)
    rows = [
        {
            "rank": rank,
            "lead": row.lead,
            "probability": row.probability,
            "reason": row.reason,
            "reason_kind": row.reason_kind.value,
        }
        for rank, row in enumerate(board.rows, start=1)
    ]
    if as_json:
        view = {
            "queue": name,
            "board_version": board.board_version,
            "size": board.size,
            "held": board.n_held,
        }
        click.echo(json.dumps(view | {"top": rows}))
        return
    click.echo(f"{name}: {board.size} leads, board version {board.board_version}")
    if board.n_held:
        click.echo(
            f"a promotion is under way: {board.n_held} of them are scored with the new artifact; "
            "the board shows it when all are"
        )
    for row in rows:
        click.echo(
            f"{row['rank']:>4}  {row['probability']:6.1%}  {row['lead']:<24} {row['reason']}"
        )


def _lines(sizes: dict[str, int]) -> str:
    return "\n".join(f"{name}: {size} leads" for name, size in sizes.items())


@click.group()
def lead() -> None:
    """Look at a lead.

    \b
    Example:
      asllr lead show demo/4711
    """


@lead.command(name="show")
@click.argument("lead")
@click.option("--json", "as_json", is_flag=True, help="for machines.")
def show_lead(lead: str, *, as_json: bool) -> None:
    """All that is known of LEAD, and why it is listed or is not. Exits with 1 for an unknown one.

    LEAD is an id, or the lead's name as the CRM has it. Of its records among the newest dead
    letters it says how many there are, and why.

    \b
    Example:
      asllr lead show demo/4711
      asllr lead show demo/jane@example.com
    """
    settings = current_settings()
    key = str(lead_key(lead, settings.tenant))
    store = look_at_store(settings)
    n_partitions = store.recorded_partitions() or settings.partitions
    shard = shard_of(key, n_partitions)
    view = store.lead(shard, key)
    shown = describe(view, shard)
    letters = _letters(settings.broker, key)
    if isinstance(letters, LettersOfLead):
        words = f"{letters}: {_list_them(key)}"
        shown["dead_letters"] = dict(letters.by_reason) if as_json else words
    elif letters is not None:
        shown["dead_letters"] = None if as_json else letters
    if as_json:
        click.echo(json.dumps(shown))
    else:
        for name, value in shown.items():
            click.echo(f"{name:<14} {value}")
    if view.stored.state is None and not view.stored.erased:
        raise Failure(_unknown(key, letters), exit_codes.NO)


def _letters(broker: str, key: str) -> LettersOfLead | str | None:
    """The dead letters about a lead; None for none, a sentence where Kafka does not tell."""
    try:
        found = letters_of_lead(broker, key)
    except (TopicsUnusable, KafkaException) as error:
        what = error.args[0].str() if isinstance(error, KafkaException) else str(error)
        return f"cannot tell: {what}"
    return found if found.by_reason else None


def _list_them(key: str) -> str:
    return f"`asllr dead-letters list --lead {shlex.quote(key)}`"


def _unknown(key: str, letters: LettersOfLead | str | None) -> str:
    if not isinstance(letters, LettersOfLead):
        return f"no event of {key} has arrived"
    refused = sum(n for reason, n in letters.by_reason.items() if reason != MENDED)
    return (
        f"no event of {key} has arrived that could be used: {refused} lie among the dead letters; "
        f"{_list_them(key)} says why"
    )


def describe(view: LeadView, shard: int) -> dict[str, object]:
    """What `lead show` prints: one short value per line."""
    shown: dict[str, object] = {"lead": view.lead, "shard": shard}
    if (name := name_of(view.lead)) != view.lead:
        shown["name"] = name
    if view.stored.erased:
        return shown | {"listed": listing(ERASED).why}
    if view.stored.state is None:
        return shown
    state = from_bytes(view.stored.state)
    shown |= {
        "listed": listing(state).why,
        "stage": state.value("stage"),
        "version": view.version,
        "cursor": dict(view.stored.cursor or {}),
        "state_bytes": len(view.stored.state),
        **_profile(state),
        "contacts": len(state.facts),
        "transcripts": len(state.transcripts),
        "writings": len(state.writings),
        "scoring": _scoring(view),
    }
    if view.score is None:
        return shown
    score = Score.model_validate_json(view.score)
    return shown | {
        "probability": score.probability,
        "reason": score.reason,
        "reason_kind": score.reason_kind.value,
        "evidence": score.evidence.value,
        "cause": f"{score.cause.kind} {score.cause.type} {score.cause.id}",
        "scored_at": score.scored_at.isoformat(),
        "artifact": score.artifact,
    }


def _profile(state: LeadState) -> dict[str, object]:
    n_names = sum(name.startswith(PROFILE) for name in state.register_names())
    names = left_out(state)
    shown: dict[str, object] = {"profile_fields": n_names - len(names)}
    return shown | {"left_out": left_out_words(names)} if names else shown


def _scoring(view: LeadView) -> str:
    if view.parked:
        return f"parked after {view.attempts} failures: see `asllr dead-letters list`"
    if view.leased_until_ms is not None:
        return f"being scored, until {to_text(view.leased_until_ms)} at most"
    if view.dirty:
        return "waiting to be scored"
    if view.due_ms is not None:
        return f"up to date; time alone moves it at {to_text(view.due_ms)}"
    return "up to date"

"""Leads named as CRMs name them, all roles running: their records are keyed by the name, and every
command takes it. Records that were refused or mended are found from the lead."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from schemas.codec import encode
from schemas.dead_letter import MENDED
from schemas.events import EventBase, InteractionLogged, LeadErased, TranscriptReady
from schemas.ids import id_of, record_key
from schemas.topics import CRM_EVENTS, ERASED, RANKED, SCORES
from streams.oracle.folded_log import fold_log
from streams.oracle.oracle import differences, state_differences
from tests.support.brokers import N_PARTITIONS
from tests.support.commands import run
from tests.support.engines.engines import rule_scorer_of
from tests.support.live import live_deployment

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(240)]

MAIL, GUID, GONE = "jane@example.com", "{8f14e45f-ceea}", "gone@example.com"
NAMES = (MAIL, GUID, "Jörg Müller", "李雷", "a/b", "100%", GONE)
NOW = datetime.now(UTC) - timedelta(hours=1)


def events() -> list[EventBase]:
    found: list[EventBase] = []
    for name in NAMES:
        base = {"source": "crm", "tenant": "north", "lead": id_of(name), "occurred_at": NOW}
        segment = {"role": "customer", "start_s": 0.0, "end_s": 2.0, "text": "a test drive"}
        found.append(InteractionLogged(id="1", channel="visit", **base))
        found.append(
            TranscriptReady(id="2", call_id="c", started_at=NOW, segments=[segment], **base)
        )
    found.append(
        LeadErased(id="3", source="crm", tenant="north", lead=id_of(GONE), occurred_at=NOW)
    )
    return found


def settings_of(broker: str, redis_url: str) -> dict[str, str]:
    return {
        "ASLLR_BROKER": broker,
        "ASLLR_REDIS": redis_url,
        "ASLLR_PARTITIONS": str(N_PARTITIONS),
    }


def test_leads_of_any_name_are_ranked_shown_rebuilt_and_found_among_dead_letters(
    broker: str, redis_url: str, tmp_path: Path
) -> None:
    environ = {**settings_of(broker, redis_url), "ASLLR_TENANT": "north"}
    with live_deployment(broker, redis_url, tmp_path, state_every_s=1.0) as live:
        sent = events()
        for event in sent:
            assert encode(event)[0] == record_key(f"north/{event.lead}")
        live.send(sent)
        key, _, headers = encode(sent[0])
        headers = [(n, b"bad" if n == "ce_id" else v) for n, v in headers]
        for value in (b'{"channel": "visit", "duration_s": -1}', b"{nonsense"):
            live.journal.send_raw(CRM_EVENTS.name, key, value, headers)
        live.until_applied()
        live.until_quiet()
        shown = json.loads(run(environ, "lead", "show", MAIL, "--json").stdout)
        assert (shown["lead"], shown["name"]) == ("north/jane%40example.com", f"north/{MAIL}")
        assert shown["dead_letters"] == {MENDED: 1, "not-json": 1}
        text = run(environ, "lead", "show", f"north/{MAIL}").stdout
        assert "2 (mended 1, not-json 1): `asllr dead-letters list --lead north/jane%40" in text
        assert "dead_letters" not in run(environ, "lead", "show", GUID).stdout
        assert "erased" in run(environ, "lead", "show", GONE).stdout
        listed = run(environ, "dead-letters", "list", "--lead", MAIL, "--json").stdout
        letters = [json.loads(line) for line in listed.splitlines()]
        assert {letter["reason"] for letter in letters} == {MENDED, "not-json"}
        (warning,) = [letter for letter in letters if letter["reason"] == MENDED]
        assert warning["mended"] == [{"path": "$.duration_s", "what": "negative: left out"}]
        retried = run(environ, "dead-letters", "retry", warning["id"])
        assert (retried.exit_code, "nothing to send again" in retried.stderr) == (1, True)
        assert live.stop() == [0, 0, 0]
        assert differences(live.evidence, live.store, N_PARTITIONS, rule_scorer_of) == []
        keys = {record_key(f"north/{id_of(name)}") for name in NAMES}
        for topic in (SCORES.name, RANKED.name):
            assert keys - {b"north/" + GONE.encode()} <= {
                record.key for record in live.outputs if record.topic == topic
            }
        assert [r.key for r in live.outputs if r.topic == ERASED.name] == [f"north/{GONE}".encode()]
        with redis.Redis.from_url(redis_url) as client:
            client.flushall()
        done = run(environ, "rebuild", "--yes", "--json")
        assert done.exit_code == 0, done.output
        folded = fold_log(live.journal.records, N_PARTITIONS)
        assert list(state_differences(folded, live.store, N_PARTITIONS)) == []


def test_unknown_lead_whose_records_were_refused_is_told_so(
    broker: str, redis_url: str, tmp_path: Path
) -> None:
    environ = settings_of(broker, redis_url)
    with live_deployment(broker, redis_url, tmp_path) as live:
        for key in (b"north/l-1", b'"north/l-1"'):
            live.journal.send_raw(CRM_EVENTS.name, key, b"{nonsense")
        live.until_applied()
        live.until_quiet()
        found = run(environ, "lead", "show", "north/l-1")
        assert found.exit_code == 1
        assert "no event of north/l-1 has arrived that could be used: 2 lie among" in found.stderr
        assert live.stop() == [0, 0, 0]

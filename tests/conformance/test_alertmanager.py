"""An unmodified Debian Alertmanager that calls the webhook, and Prometheus' own way of sending alerts."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.conformance.test_remote_write import free_port, running
from tests.edge_server import Stores, serving, until
from triops.edges.alertmanager.handlers import routes
from triops.edges.alertmanager.wire import fingerprint_of
from triops.kernel.anomaly import Severity
from triops.kernel.limits import Limits
from triops.ports.clock import SystemClock
from triops.web.body import Bodies

LIMITS = Limits()
ALERTMANAGER = shutil.which("prometheus-alertmanager")
LABELS = {"alertname": "SlowPricing", "service": "pricing", "severity": "critical", "ä": "ö"}


def stamp(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


@pytest.fixture
async def stores() -> Stores:
    return Stores()


@pytest.fixture
async def url(stores: Stores) -> AsyncIterator[str]:
    served = routes(stores.take_alerts, Bodies(LIMITS), stores.authenticate, SystemClock(), LIMITS)
    async with serving(served) as port:
        yield f"http://127.0.0.1:{port}"


async def post(url: str, tree: Any, kind: str = "application/json") -> tuple[int, str]:
    body = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    async with aiohttp.ClientSession() as session:
        async with session.post(url, data=body, headers={"content-type": kind}) as answer:
            return answer.status, await answer.text()


@pytest.mark.skipif(not ALERTMANAGER, reason="no prometheus-alertmanager binary on this machine")
async def test_debian_alertmanager_fires_and_resolves(url: str, stores: Stores, tmp_path: Path) -> None:
    own = free_port()
    config = tmp_path / "alertmanager.yml"
    config.write_text(
        "route: {receiver: triops, group_wait: 0s, group_interval: 1s, repeat_interval: 1s}\n"
        f"receivers: [{{name: triops, webhook_configs: [{{url: '{url}/webhooks/alertmanager'}}]}}]\n"
    )
    command = [
        str(ALERTMANAGER), f"--config.file={config}", f"--storage.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{own}", "--cluster.listen-address=",
    ]  # fmt: skip
    alert: dict[str, Any] = {"labels": LABELS, "annotations": {"summary": "pricing is slow"}, "startsAt": stamp(-60)}
    labels = {k: v for k, v in LABELS.items() if k != "ä"}  # Alertmanager 0.25 takes ASCII label names only
    alert["labels"] = labels
    with running(command, tmp_path / "log"):

        async def fire() -> bool:
            try:
                return (await post(f"http://127.0.0.1:{own}/api/v2/alerts", [alert]))[0] == 200
            except aiohttp.ClientError:
                return False

        async with asyncio.timeout(20):
            while not await fire():
                await asyncio.sleep(0.05)
        await until(lambda: len(stores.alerts) >= 2, 30)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{own}/api/v2/alerts") as answer:
                (listed,) = await answer.json()
        assert listed["fingerprint"] == fingerprint_of(labels)
        alert["endsAt"] = stamp(-1)
        assert await fire()
        await until(lambda: stores.alerts[-1].ended_at, 30)
    first, last = stores.alerts[0], stores.alerts[-1]
    assert {claim.key for claim in stores.alerts} == {first.key}
    assert first.signal == f"SlowPricing/{fingerprint_of(labels)}"
    assert (first.entity, first.severity, first.title) == ("service:pricing", Severity.CRITICAL, "pricing is slow")
    assert first.symptom
    assert first.ended_at is None
    assert first.started_at < last.detected_at - 50
    assert last.ended_at
    assert last.ended_at < last.detected_at


async def test_alerts_as_prometheus_sends_them(url: str, stores: Stores) -> None:
    alerts = [
        {"labels": {"alertname": "A", "instance": "db1:9100"}, "endsAt": stamp(240), "generatorURL": "http://p/g"},
        {"labels": {"alertname": "B", "instance": "[::1]:80", "severity": "none"}, "endsAt": "0001-01-01T00:00:00Z"},
        {"labels": {"alertname": "C"}, "startsAt": "2026-11-20T01:02:03.123456789Z", "endsAt": stamp(-5)},
    ]
    assert (await post(f"{url}/api/v2/alerts", alerts))[0] == 200
    a, b, c = stores.alerts
    assert [claim.entity for claim in stores.alerts] == ["host:db1", "host:::1", "alert:C"]
    assert (a.ended_at, b.ended_at, a.symptom, b.symptom) == (None, None, True, False)
    assert c.ended_at
    assert a.evidence["url"] == "http://p/g"


@pytest.mark.parametrize(
    ("tree", "status", "word"),
    [
        (b"{", 400, "not JSON"),
        ({}, 400, "a list of alerts"),
        ({"alerts": [1]}, 400, "not an object"),
        ({"alerts": [{"labels": {"a": 1}}]}, 400, "not text"),
        ({"alerts": [{"labels": {"a": "b"}, "startsAt": "yesterday"}]}, 400, "not a time"),
        ({"alerts": [{"labels": {f"l{i}": "v" for i in range(1000)}}]}, 400, "more than 128"),
        ({"alerts": [{}] * 10_001}, 413, "more than 10000"),
    ],
)
async def test_what_is_not_right_is_answered_clearly(
    url: str, stores: Stores, tree: Any, status: int, word: str
) -> None:
    got, text = await post(f"{url}/webhooks/alertmanager", tree)
    assert (got, word in text) == (status, True), text
    assert (await post(f"{url}/webhooks/alertmanager", b"{}", "text/plain"))[0] == 415


async def test_good_alerts_are_taken_beside_bad_ones(url: str, stores: Stores) -> None:
    status, text = await post(f"{url}/webhooks/alertmanager", {"alerts": [{"labels": LABELS}, {"labels": 3}]})
    assert status == 400
    assert "1 alerts are taken" in text
    assert len(stores.alerts) == 1

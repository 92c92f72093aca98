import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from yarl import URL

from triops.adapters import http_exchange
from triops.adapters.notifiers import post
from triops.adapters.notifiers.slack import Slack, message
from triops.adapters.notifiers.webhook import Webhook
from triops.kernel.errors import Invalid
from triops.ports.clock import SystemClock
from triops.ports.notifiers import Notice
from triops.testing.receiver import Receiver, receiver

SECRETS = {"TEAM_SECRET": "s3cr3t", "EMPTY": ""}


class At(SystemClock):
    def now(self) -> float:
        return 1_800_000_000.9


NOTICE = Notice(
    "inc_1:opened:1",
    "opened",
    1_800_000_000.0,
    {
        "id": "inc_1",
        "title": "pricing is slow <!channel> & co",
        "severity": "critical",
        "status": "open",
        "hypotheses": [
            {"rank": 2, "entity": None, "title": "unknown", "probability": 0.2},
            {"rank": 1, "entity": "service:pricing", "title": "deploy <v7>", "probability": 0.8},
        ],
    },
    "http://127.0.0.1:7333/ui/incidents/inc_1",
)


@pytest.fixture
async def there() -> AsyncIterator[Receiver]:
    async with receiver() as listening:
        yield listening


def webhook(allow_private: bool = True) -> Webhook:
    return Webhook(SECRETS.get, At(), allow_private=allow_private)


async def test_a_webhook_is_signed_so_that_the_receiver_can_tell(there: Receiver) -> None:
    assert await webhook().send({"url": there.url + "/hook?x=1", "secret_env": "TEAM_SECRET"}, NOTICE) is None
    (got,) = there.received
    assert (got.method, got.path, got.headers["Content-Type"]) == ("POST", "/hook?x=1", "application/json")
    assert got.headers["X-Triops-Delivery"] == "inc_1:opened:1"
    expected = hmac.new(b"s3cr3t", b"1800000000." + got.body, hashlib.sha256).hexdigest()
    assert got.headers["X-Triops-Signature"] == f"t=1800000000,v1={expected}"
    body = orjson.loads(got.body)
    assert body["incident"] == NOTICE.incident
    assert {k: v for k, v in body.items() if k != "incident"} == {
        "id": NOTICE.id, "transition": "opened", "at": NOTICE.at, "link": NOTICE.link,
    }  # fmt: skip


async def test_without_a_secret_it_is_not_signed(there: Receiver) -> None:
    assert await webhook().send({"url": there.url}, NOTICE) is None
    assert "X-Triops-Signature" not in there.received[0].headers


@pytest.mark.parametrize("status", [199 + 200, 302, 404, 500])
async def test_another_answer_is_said_in_one_line(there: Receiver, status: int) -> None:
    there.status = status
    there.headers = {"Location": there.url + "/elsewhere"}
    there.body = b"secret details\n" * 100
    assert await webhook().send({"url": there.url}, NOTICE) == f"the receiver answered {status}"
    assert len(there.received) == 1


async def test_a_receiver_that_does_not_answer_is_given_up(there: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post, "_LIMIT_S", 0.2)
    there.hold = asyncio.Event()
    assert await webhook().send({"url": there.url}, NOTICE) == "no answer within 0.2 s"


async def test_only_the_head_of_an_answer_is_read(there: Receiver) -> None:
    there.body = b"x" * (8 << 20)
    url = http_exchange.checked_url(there.url, "url")
    reply = await http_exchange.exchange("GET", url, headers={}, timeout_s=5, allow_private=True)
    assert reply.text == "x" * 4096


async def test_nobody_there_is_said_without_the_path() -> None:
    async with receiver() as gone:
        url = gone.url
    said = await webhook().send({"url": url + "/token-in-path"}, NOTICE)
    assert said
    assert said.startswith("cannot connect to 127.0.0.1:")
    assert "token-in-path" not in said


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254"]
)
async def test_private_addresses_only_where_they_are_allowed(there: Receiver, host: str) -> None:
    port = there.url.rpartition(":")[2]
    for voice in (webhook(allow_private=False), Slack(SECRETS.get, allow_private=False)):
        said = await voice.send({"url": f"http://{host}:{port}"}, NOTICE)
        assert said
        assert "cannot connect" in said
    assert there.received == []


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({}, "url"),
        ({"url": 7}, "url"),
        ({"url": "ftp://x/"}, "url"),
        ({"url": "http:///x"}, "url"),
        ({"url": "http://u:p@x/"}, "url"),
        ({"url": "http://x:99999/"}, "url"),
        ({"url": "http://" + "x" * 3000}, "url"),
        ({"url": "http://x", "secret_env": "a b"}, "secret_env"),
        ({"url": "http://x", "secret_env": "MISSING"}, "secret_env"),
        ({"url": "http://x", "secret_env": "EMPTY"}, "secret_env"),
    ],
)
async def test_a_spec_it_cannot_use_is_named(spec: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as raised:
        webhook().check(spec)
    assert raised.value.details["field"] == field
    said = await webhook().send(spec, NOTICE)
    assert said
    assert said.startswith(field)


async def test_slack_gets_title_severity_cause_and_link(there: Receiver) -> None:
    there.body = b"ok"
    assert await Slack(SECRETS.get, allow_private=True).send({"url": there.url + "/services/T/B/x"}, NOTICE) is None
    body = orjson.loads(there.received[0].body)
    assert body["blocks"][0]["text"]["text"] == "🔴 Opened: pricing is slow <!channel> & co"
    drawn = orjson.dumps(body["blocks"][1:]).decode()
    for part in ("critical", "open", "deploy &lt;v7&gt; (80%)", f"<{NOTICE.link}|Open the incident>"):
        assert part in drawn
    assert "<!channel>" not in body["text"]
    assert "deploy &lt;v7&gt;" in body["text"]


def test_slacks_bounds_hold_and_an_unknown_cause_is_said() -> None:
    long = replace(NOTICE, incident={"title": "x" * 5000, "hypotheses": []}, link="javascript:alert(1)")
    said = message(long)
    assert len(said["blocks"][0]["text"]["text"]) == 150
    assert "not known yet" in said["text"]
    assert "javascript" not in orjson.dumps(said).decode()


async def test_slacks_url_may_be_a_secret_of_the_environment(there: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    voice = Slack({"SLACK_URL": there.url + "/secret"}.get, allow_private=True)
    assert await voice.send({"url_env": "SLACK_URL"}, NOTICE) is None
    assert there.received[0].path == "/secret"
    with pytest.raises(Invalid):
        voice.check({"url_env": "OTHER"})
    there.hold = asyncio.Event()
    monkeypatch.setattr(post, "_LIMIT_S", 0.2)
    assert await voice.send({"url_env": "SLACK_URL"}, NOTICE) == "no answer within 0.2 s"


async def test_a_link_local_address_is_never_connected_to() -> None:
    for url in ("http://169.254.169.254/latest", "http://[fe80::1]/", "http://[::ffff:169.254.169.254]/"):
        with pytest.raises(http_exchange.ExchangeFailed, match="link-local"):
            await http_exchange.exchange("POST", URL(url), headers={}, timeout_s=5.0, allow_private=True)

"""CloudEvents in its three modes, as the specification's examples have them."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.edge_server import Stores, serving
from triops.edges.cloudevents.handlers import routes
from triops.kernel.change import Change
from triops.kernel.ids import ProjectId
from triops.kernel.limits import Limits
from triops.loop.bus import Bus
from triops.loop.events import ChangeRecorded
from triops.ports.clock import SystemClock
from triops.web.body import Bodies

DEPLOY = {
    "specversion": "1.0", "id": "42", "source": "https://ci.example/shop", "type": "com.example.deployment.finished",
    "subject": "pricing", "time": "2026-11-20T10:00:00.5Z", "data": {"from": "v1", "to": "v2", "author": "kim"},
}  # fmt: skip


class Book:
    """The part of the book of changes that the edge calls."""

    def __init__(self) -> None:
        self.rows: dict[str, Change] = {}

    async def record(self, project: ProjectId, change: Change, idempotency_key: str = "") -> Change:
        return self.rows.setdefault(idempotency_key, change)


class Place:
    def __init__(self, url: str, book: Book, heard: list[Change]) -> None:
        self.url, self.book, self.heard = url, book, heard

    async def post(self, tree: Any, kind: str = "application/cloudevents+json", **headers: str) -> tuple[int, Any]:
        body = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
        headers = {"content-type": kind} | {k.replace("_", "-"): v for k, v in headers.items()}
        async with aiohttp.ClientSession() as session, session.post(self.url, data=body, headers=headers) as answer:
            return answer.status, json.loads(await answer.read())


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    stores, limits, book, bus = Stores(), Limits(), Book(), Bus()
    heard: list[Change] = []

    async def hear(event: ChangeRecorded) -> None:
        heard.append(event.change)

    bus.subscribe(ChangeRecorded, hear, name="test")
    await bus.start()
    served = routes(book, bus, Bodies(limits), stores.authenticate, SystemClock(), limits)  # type: ignore[arg-type]
    async with serving(served) as port:
        yield Place(f"http://127.0.0.1:{port}/events", book, heard)
    await bus.close()


async def test_structured_and_sent_again(place: Place) -> None:
    status, answer = await place.post(DEPLOY, "application/cloudevents+json; charset=utf-8")
    assert (status, answer["ignored"]) == (201, 0)
    again = await place.post(DEPLOY)
    assert again == (201, answer)
    (change,) = place.book.rows.values()
    assert (change.entity, change.kind, change.author, change.at) == ("service:pricing", "deploy", "kim", 1795168800.5)
    assert (change.details["from"], change.details["event"]["id"]) == ("v1", "42")
    assert place.heard == [change]


async def test_binary(place: Place) -> None:
    headers = {
        "ce_specversion": "1.0", "ce_id": "1", "ce_source": "/flags", "ce_type": "dev.flags.config.v1",
        "ce_subject": "host:db%20one",
    }  # fmt: skip
    assert (await place.post({"title": "cache off"}, "application/json", **headers))[0] == 201
    assert (await place.post(b"plain \xff", "text/plain", **headers | {"ce_id": "2"}))[0] == 201
    one, two = place.book.rows.values()
    assert (one.entity, one.kind, one.title) == ("host:db one", "config", "cache off")
    assert two.details["data"] == "plain �"


async def test_batch_is_read_whole_before_it_is_used(place: Place) -> None:
    other = DEPLOY | {"id": "43", "type": "com.example.order.paid"}
    status, answer = await place.post([DEPLOY, other], "application/cloudevents-batch+json")
    assert (status, len(answer["items"]), answer["ignored"]) == (201, 1, 1)
    assert (await place.post([other], "application/cloudevents-batch+json"))[0] == 202
    status, answer = await place.post([DEPLOY | {"id": "44"}, {"id": 3}], "application/cloudevents-batch+json")
    assert status == 400
    assert answer["error"]["field"] == "[1].specversion"
    assert len(place.book.rows) == 1


@pytest.mark.parametrize(
    ("tree", "kind", "status"),
    [
        (b"{", "application/cloudevents+json", 400),
        ([], "application/cloudevents+json", 400),
        (DEPLOY | {"time": "3000-01-01T00:00:00Z"}, "application/cloudevents+json", 400),
        (DEPLOY | {"time": "2199-01-01T00:00:00Z"}, "application/cloudevents+json", 400),
        (DEPLOY | {"data_base64": "%%"}, "application/cloudevents+json", 400),
        (DEPLOY | {"specversion": "9"}, "application/cloudevents+json", 400),
        ([DEPLOY] * 1001, "application/cloudevents-batch+json", 413),
        (DEPLOY, "application/json", 415),
    ],
)
async def test_what_is_not_right_is_answered_clearly(place: Place, tree: Any, kind: str, status: int) -> None:
    assert (await place.post(tree, kind))[0] == status
    assert not place.book.rows

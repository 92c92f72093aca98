"""What Triops says that was spent against what the provider says it billed: each call, to the pico-dollar."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psutil
import pytest

from triops.kernel.tenant import Role, project_id
from triops.sdk import Client
from triops.server import create_key_offline
from triops.testing.reconciliation import KEYS, calls, compared, documents, drive, spend_of
from triops.testing.server import RunningTriops, wait_for
from triops.testing.upstream import RunningUpstream

CALLS = 4000  # `python -m benchmarks.reconciliation` makes 10,000
PROJECTS = ["default", "other"]


@dataclass
class House:
    server: RunningTriops
    upstream: RunningUpstream
    admins: dict[str, Client]
    secrets: dict[tuple[str, str], str]

    def gateway(self) -> psutil.Process:
        assert self.server.process is not None
        children = psutil.Process(self.server.process.pid).children()
        return next(child for child in children if "triops.gateway_main" in child.cmdline())

    def account(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for admin in self.admins.values():
            found |= spend_of(admin)
        return found


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data = tmp_path_factory.mktemp("reconciliation") / "data"
    made = {p: asyncio.run(create_key_offline(data, project_id(p), Role.ADMIN, "root")) for p in PROJECTS}
    with RunningUpstream() as upstream, RunningTriops(data, key=made["default"]) as server:
        admins = {project: Client(server.url, key) for project, key in made.items()}
        secrets = {}
        for project, admin in admins.items():
            admin.apply(documents(upstream.url))
            secrets |= {(project, key): admin.create_gateway_key(key)["secret"] for key in KEYS}
        yield House(server, upstream, admins, secrets)


async def test_every_call_is_in_the_books_once_and_costs_what_the_provider_says(house: House) -> None:
    made = list(calls(CALLS, PROJECTS))
    seen = await drive(house.server.url, made, house.secrets)
    wait_for(lambda: len(house.account()) >= CALLS, what="the books", limit_s=30)
    report = compared(made, seen, house.account(), house.upstream.ledger()["entries"], kills=False)
    assert not report.differences, "\n".join(report.differences[:20])
    assert report.counts["exact"] > CALLS // 2
    assert min(report.counts[sort] for sort in ("hits", "refused", "estimated", "drained", "failed")) > CALLS // 1000
    for project, admin in house.admins.items():
        told = {row["key"]: row for row in admin.call("GET", "/spend", by="key")["rows"]}
        assert Decimal(told["hard"]["cost_usd"]) <= Decimal("0.002"), project
        assert told["hard"]["refused"] > 0
        assert Decimal(told["soft"]["cost_usd"]) > Decimal("0.0001")
        assert told["soft"]["refused"] == 0
        state = admin.gateway()
        assert all(one["reserved_usd"] == "0" for one in admin.budgets())
        assert all(one["in_flight"] == 0 for one in state["providers"])


async def test_a_kill_loses_and_doubles_no_call(house: House) -> None:
    """The gateway's process is killed under load, then the server with it."""
    gateway, server = house.gateway(), house.server
    assert server.process is not None
    before = len(house.upstream.ledger()["entries"])
    first = list(calls(600, PROJECTS, 20_000))
    seen = await drive(server.url, first, house.secrets, after=at(200, gateway.kill))
    second = list(calls(600, PROJECTS, 21_000))
    seen |= await drive(server.url, second, house.secrets, after=at(200, server.process.kill))
    server.kill()
    await asyncio.to_thread(server.start)
    third = list(calls(200, PROJECTS, 22_000))
    seen |= await drive(server.url, third, house.secrets)
    made = [*first, *second, *third]
    users = {call.user for call in made}
    answered = {call.user for call in made if seen[call.user].whole}
    assert len(answered) > 500
    assert len(users - answered) > 50
    asked = house.upstream.ledger()["entries"][before:]

    known = {entry["user"] for entry in asked if entry["user"] in users}
    known |= {user for user in answered if seen[user].call}
    wait_for(lambda: known <= set(house.account()), what="the books", limit_s=30)
    ours = {user: row for user, row in house.account().items() if user in users}
    report = compared(made, seen, ours, asked, kills=True)
    assert not report.differences, "\n".join(report.differences[:20])
    assert report.counts["killed"] > 3
    assert all(one["reserved_usd"] == "0" for admin in house.admins.values() for one in admin.budgets())


def at(count: int, then: Callable[[], None]) -> Callable[[int], None]:
    return lambda done: then() if done == count else None

"""The agent against a real server on loopback that fails first."""

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from triops.kernel.errors import Invalid, Unauthenticated
from triops.lenses.aiops.host.agent import Agent
from triops.lenses.aiops.host.follow import LogFollower
from triops.lenses.aiops.host.outgoing import Outgoing


@dataclass
class Server:
    """Answers with the next of `answers`, then 200; keeps what it took and what it was sent."""

    answers: list[int] = field(default_factory=list)
    bodies: dict[str, list[bytes]] = field(default_factory=lambda: {"metrics": [], "logs": []})
    taken: dict[str, list[bytes]] = field(default_factory=lambda: {"metrics": [], "logs": []})
    keys: set[str] = field(default_factory=set)
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        kind = request.path.rsplit("/", 1)[1]
        body = await request.read()  # aiohttp has undone Content-Encoding
        self.keys.add(request.headers.get("Authorization", ""))
        self.bodies[kind].append(body)
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.taken[kind].append(body)
        return web.Response(status=status, headers={"Retry-After": "0"} if status == 429 else {})


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_post("/v1/{kind}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


class QuickClock:
    """Real time, but nobody waits longer than a moment: the order of things stays, their slowness does not."""

    def now(self) -> float:
        return asyncio.get_running_loop().time() + 1.7e9

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.02))


def running(agent: Agent, until: Callable[[], bool]) -> Awaitable[None]:
    async def run() -> None:
        task = asyncio.create_task(agent.run())
        try:
            async with asyncio.timeout(20):
                while not until() and not task.done():
                    await asyncio.sleep(0.01)
            if task.done():
                await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return run()


async def test_readings_arrive_with_the_key(server: Server) -> None:
    agent = Agent(server.url + "/", "secret", clock=QuickClock())
    await running(agent, lambda: len(server.taken["metrics"]) >= 3)
    assert server.keys == {"Bearer secret"}
    request = ExportMetricsServiceRequest.FromString(server.taken["metrics"][-1])
    [of_host] = request.resource_metrics
    resource = {pair.key: pair.value.string_value for pair in of_host.resource.attributes}
    assert resource["host.name"] == agent.collector.resource["host.name"]
    metrics = {metric.name: metric for metric in of_host.scope_metrics[0].metrics}
    assert metrics["system.memory.limit"].gauge.data_points[0].as_double > 0
    assert metrics["system.memory.limit"].unit == "By"
    assert sum(p.as_double for p in metrics["system.cpu.utilization"].gauge.data_points) == pytest.approx(1.0)
    if "system.network.io" in metrics:
        assert metrics["system.network.io"].sum.is_monotonic


async def test_what_failed_is_sent_again_the_same(server: Server) -> None:
    server.answers = [503, 429, 500, 502]
    agent = Agent(server.url, clock=QuickClock())
    await running(agent, lambda: len(server.taken["metrics"]) >= 2)
    sent = server.bodies["metrics"]
    assert sent[0] == sent[1] == sent[2] == sent[3] == sent[4] == server.taken["metrics"][0]
    assert agent.sent["metrics", "retried"] == 4
    assert agent.outgoing.dropped == 0


async def test_what_is_refused_for_good_is_dropped(server: Server) -> None:
    server.answers = [400]
    agent = Agent(server.url, clock=QuickClock())
    await running(agent, lambda: len(server.taken["metrics"]) >= 1)
    assert agent.sent["metrics", "refused"] == 1
    assert server.bodies["metrics"][0] not in server.taken["metrics"]


async def test_wrong_key_ends_the_agent(server: Server) -> None:
    server.answers = [401] * 100
    with pytest.raises(ExceptionGroup) as caught:
        await running(Agent(server.url, "wrong", clock=QuickClock()), lambda: False)
    assert caught.group_contains(Unauthenticated)


async def test_no_server_fills_a_bounded_buffer(unused_tcp_port: int) -> None:
    agent = Agent(f"http://127.0.0.1:{unused_tcp_port}", clock=QuickClock(), outgoing=Outgoing(bound_bytes=5000))
    logging.getLogger("triops.lenses.aiops.host.agent").setLevel(logging.CRITICAL)
    await running(agent, lambda: agent.outgoing.dropped >= 3)
    assert agent.outgoing.size_bytes <= 5000


async def test_log_lines_wait_in_their_file_until_taken(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("old\n")
    follower = LogFollower((str(path),), tmp_path / "positions.json")
    agent = Agent(server.url, follower=follower, clock=QuickClock(), every_s=1e9)
    server.answers = [200, *[503] * 3]

    def wrote() -> bool:
        if server.taken["metrics"] and not server.bodies["logs"] and path.read_text() == "old\n":
            with path.open("a") as file:
                file.write("WARNING first\nsecond\n")
        return bool(server.taken["logs"]) and follower._committed[str(path)].offset == path.stat().st_size

    await running(agent, wrote)
    records = [
        (record.body.string_value, record.severity_number)
        for body in server.taken["logs"]
        for record in ExportLogsServiceRequest.FromString(body).resource_logs[0].scope_logs[0].log_records
    ]
    assert records == [("WARNING first", 13), ("second", 0)]
    assert agent.sent["logs", "retried"] >= 1


def test_outgoing_drops_the_oldest() -> None:
    outgoing = Outgoing(bound_bytes=10)
    for payload in (b"aaaa", b"bbbb", b"cccc"):
        outgoing.put(payload)
    assert (outgoing.dropped, len(outgoing)) == (1, 2)
    first = outgoing.take()
    assert first == b"bbbb"
    outgoing.put(b"dddddd")
    outgoing.put_back(first)  # no room any more: the oldest goes
    assert (outgoing.take(), outgoing.take(), outgoing.take(), outgoing.dropped) == (b"cccc", b"dddddd", None, 2)


def test_address_must_be_one() -> None:
    with pytest.raises(Invalid, match="address"):
        Agent("localhost:7333")


def test_payload_is_the_same_every_time() -> None:
    agent = Agent("http://127.0.0.1:1")
    batch = agent.collector.collect(1.7e9)
    from triops.lenses.aiops.host.encode import encode_metrics

    assert gzip.compress(encode_metrics(batch), 6, mtime=0) == gzip.compress(encode_metrics(batch), 6, mtime=0)

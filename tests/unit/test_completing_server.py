"""The gateway's own HTTP server: what it reads, what it refuses, in which order it answers."""

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triops.web.completing.connection import Connection
from triops.web.completing.paths import GatewayPaths
from triops.web.completing.request import Bounds, Refused, Request
from triops.web.completing.server import Server

PATHS = GatewayPaths([("POST", "/v1/chat/completions"), ("GET", "/v1/models"), ("GET", "/v1/models/{name}")])
BODY = b'{"model":"m"}'
POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 13\r\n\r\n" + BODY
JSON = (("content-type", "application/json"),)


class House:
    """A server on a free port whose answers repeat the request; `/v1/models/wait` waits for `go`."""

    def __init__(self, bounds: Bounds) -> None:
        self.asked: list[Request] = []
        self.given: list[bytes] = []
        self.go = asyncio.Event()
        self.paused = 0
        self.server = Server(PATHS, self._answer, self._give, bounds, self._admit, self._words)

    def _admit(self, path: str, headers: Mapping[str, str]) -> None:
        if headers.get("authorization") != "Bearer known":
            raise Refused(401, "who?", b'{"error":"who?"}')

    def _words(self, path: str, refused: Refused) -> bytes:
        return f"{path}: {refused.message}".encode()

    async def _answer(self, request: Request, connection: Connection) -> None:
        self.asked.append(request)
        if request.path == "/v1/models/stream":
            connection.begin(200, JSON)
            for _ in range(400):
                connection.piece(b"x" * 65_536)
                await connection.room()
                if connection.gone:
                    return
                self.paused += 1
            connection.end(b"")
            return
        if request.path == "/v1/models/wait":
            await self.go.wait()
        connection.whole(200, f"{request.method} {request.path} {len(request.body)}".encode(), JSON)

    def _give(self, connected: socket.socket, head: bytes) -> bool:
        self.given.append(head)
        return True


@asynccontextmanager
async def housed(bounds: Bounds | None = None) -> AsyncIterator[tuple[House, int]]:
    house = House(bounds or Bounds())
    listener = await asyncio.get_running_loop().create_server(lambda: Connection(house.server), "127.0.0.1", 0)
    try:
        yield house, listener.sockets[0].getsockname()[1]
    finally:
        house.go.set()
        listener.close()
        await house.server.stop(1.0)


async def said(port: int, *pieces: bytes, finish: bool = True) -> bytes:
    """Everything that comes back until the server closes, or until we have said all and close our side's half."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.001)
    answer = b""
    try:
        while not finish or not complete(answer):
            data = await asyncio.wait_for(reader.read(65_536), 5)
            if not data:
                break
            answer += data
    finally:
        writer.close()
    return answer


def complete(answer: bytes) -> bool:
    head, _, body = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length")]
    return bool(lengths) and len(body) >= lengths[0]


async def test_a_request_is_read_however_its_bytes_come() -> None:
    async with housed() as (house, port):
        rng = random.Random(7)
        for _ in range(10):
            cuts = sorted(rng.sample(range(1, len(POST)), 4))
            pieces = [POST[a:b] for a, b in zip([0, *cuts], [*cuts, len(POST)], strict=True)]
            assert (await said(port, *pieces)).endswith(b"POST /v1/chat/completions 13")
        assert {request.body for request in house.asked} == {BODY}
        assert not house.given


async def test_chunked_bodies_and_continue() -> None:
    async with housed() as (house, port):
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n"
        answer = await said(port, head + b"\r\n", b"5\r\n", b"hello\r\n3;x=y\r\nyou\r\n0\r\nt: railer\r\n\r\n")
        assert answer.endswith(b" 8")
        assert house.asked[0].body == b"helloyou"
        assert "t" not in house.asked[0].headers
        expecting = POST.replace(b"host: x", b"host: x\r\nexpect: 100-continue")
        answer = await said(port, expecting)
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (POST.replace(b"host: x", b"host: x\r\ntransfer-encoding: chunked"), 400),  # smuggling
        (POST.replace(b"host: x", b"host: x\r\ncontent-length: 13"), 400),
        (POST.replace(b"host: x", b"host: x\r\nhost: y"), 400),
        (POST.replace(b"host: x\r\n", b""), 400),
        (POST.replace(b"content-length: 13", b"content-length: 1e1"), 400),
        (POST.replace(b"content-length: 13", b"content-length: -1"), 400),
        (POST.replace(b"content-length: 13", b"transfer-encoding: gzip, chunked"), 501),
        (POST.replace(b"host: x", b"host: x\r\ncontent-encoding: gzip"), 415),
        (POST.replace(b"host: x", b"host: x\r\nexpect: cookies"), 417),
        (POST.replace(b"content-length: 13", b"content-length: 99999999"), 413),
        (POST.replace(b"host: x", b"host: x\r\nlong: " + b"y" * 70_000), 431),
        (POST.replace(b"host: x", b"host: x\r\n" + b"".join(b"h%d: y\r\n" % n for n in range(9000)) + b"z: y"), 431),
        (POST.replace(b"HTTP/1.1", b"HTTP/9.9"), 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\nhost : x\r\n\r\n", 400),
    ],
)
async def test_what_is_ambiguous_or_too_large_is_refused(request_bytes: bytes, status: int) -> None:
    async with housed(Bounds(body=1000)) as (house, port):
        answer = await said(port, request_bytes, finish=False)
        assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]
        assert b"connection: close" in answer
        assert not house.asked


async def test_chunks_that_are_mostly_framing_are_refused() -> None:
    async with housed() as (house, port):
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        answer = await said(port, head, *[(b"1;" + b"x" * 9000 + b"\r\ny\r\n")] * 30, finish=False)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert not house.asked


@pytest.mark.parametrize("framing", [b"content-length: 2000", b"transfer-encoding: chunked"])
async def test_a_large_body_is_read_of_known_callers_alone(framing: bytes) -> None:
    async with housed(Bounds(unasked=1000)) as (house, port):
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n" + framing
        body = b"x" * 2000 if b"length" in framing else b"7d0\r\n" + b"x" * 2000 + b"\r\n0\r\n\r\n"
        answer = await said(port, head + b"\r\n\r\n", body, finish=False)
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert answer.endswith(b'{"error":"who?"}')
        assert not house.asked
        assert (await said(port, head + b"\r\nauthorization: Bearer known\r\n\r\n", body)).endswith(b" 2000")
        assert house.server.bodies == 0


async def test_all_bodies_together_are_bounded_until_they_are_answered() -> None:
    async with housed(Bounds(bodies=3000)) as (house, port):
        wait = b"GET /v1/models/wait HTTP/1.1\r\nhost: x\r\ncontent-length: 2000\r\n\r\n" + b"x" * 2000
        first = asyncio.create_task(said(port, wait))
        while not house.asked:
            await asyncio.sleep(0.001)
        assert (await said(port, wait, finish=False)).startswith(b"HTTP/1.1 503 ")
        house.go.set()
        assert (await first).endswith(b" 2000")
        assert (await said(port, wait)).endswith(b" 2000")
        cut = await asyncio.open_connection("127.0.0.1", port)
        cut[1].write(wait[:-500])
        while not house.server.bodies:
            await asyncio.sleep(0.001)
        cut[1].close()
        while house.server.bodies:
            await asyncio.sleep(0.001)


async def test_requests_on_one_connection_are_answered_in_order() -> None:
    async with housed() as (house, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        wait = b"GET /v1/models/wait HTTP/1.1\r\nhost: x\r\n\r\n"
        writer.write(wait)
        while not house.asked:
            await asyncio.sleep(0.001)
        writer.write(POST)
        await writer.drain()
        house.go.set()
        assert (await reader.readuntil(b"wait 0")).startswith(b"HTTP/1.1 200 OK")
        assert b"connection: close" not in await reader.readuntil(b"completions 13")
        writer.close()


async def test_a_second_request_in_the_same_bytes_closes_after_the_first() -> None:
    async with housed() as (house, port):
        answer = await said(port, POST + POST, finish=False)
        assert answer.count(b"HTTP/1.1 200") == 1
        assert len(house.asked) == 1


async def test_http_1_0_and_connection_close() -> None:
    async with housed() as (_, port):
        assert (await said(port, POST.replace(b"HTTP/1.1", b"HTTP/1.0"), finish=False)).endswith(b" 13")
        closing = POST.replace(b"host: x", b"host: x\r\nconnection: close")
        assert b"connection: close" in await said(port, closing, finish=False)


async def test_a_connection_whose_next_request_is_not_ours_is_given_away_with_its_bytes() -> None:
    async with housed() as (house, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(POST)
        await reader.readuntil(b" 13")
        writer.write(b"GET /hea")
        while not house.given:
            await asyncio.sleep(0.001)
        assert house.given == [b"GET /hea"]
        writer.close()


async def test_slow_requests_and_idle_connections_end() -> None:
    async with housed(Bounds(slow_s=0.01, idle_s=0.01, sweep_s=0.02)) as (house, port):
        for beginning in (b"", b"POST /v1", POST[:60], POST[:-1]):
            assert await said(port, beginning, finish=False) == b""
        assert not house.asked


async def test_a_head_that_trickles_in_has_its_time_in_all() -> None:
    async with housed(Bounds(slow_s=0.05, sweep_s=0.01)) as (house, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        ended = asyncio.ensure_future(reader.read())
        for byte in POST.partition(b"\r\n\r\n")[0] + b"\r\nx-slow: " + b"a" * 1000:
            if ended.done():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(0.002)
        assert ended.done()
        with contextlib.suppress(ConnectionError):  # the last bytes may have crossed its end
            assert await ended == b""
        assert not house.asked
        writer.close()


async def test_a_reader_that_does_not_read_holds_the_writer_and_is_ended() -> None:
    async with housed(Bounds(slow_s=0.1, sweep_s=0.02)) as (house, port):
        connected = socket.socket()
        connected.setblocking(False)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connected, ("127.0.0.1", port))
        await loop.sock_sendall(connected, b"GET /v1/models/stream HTTP/1.1\r\nhost: x\r\n\r\n")
        while not house.asked or house.server.connections:
            await asyncio.sleep(0.01)
        assert house.paused < 200  # of 400 pieces: what the kernel's buffers took
        connected.close()


@given(st.binary(max_size=200))
def test_paths_decide_by_the_beginning_and_never_change_their_mind(head: bytes) -> None:
    decided = [PATHS.decide(head[:size]) for size in range(len(head) + 1)]
    known = [one for one in decided if one is not None]
    assert len(set(known)) <= 1


@pytest.mark.parametrize(
    ("head", "ours"),
    [
        (b"POST /v1/chat/completions HTTP/1.1", True),
        (b"POST /v1/chat/completions?x", True),
        (b"POST /v1/chat/completions", None),
        (b"POST /v1/chat/completionsx ", False),
        (b"GET /v1/chat/completions ", False),
        (b"GET /v1/models ", True),
        (b"GET /v1/models/", True),
        (b"POST /v1/traces ", False),
        (b"post /v1/chat/completions ", False),
        (b"POST http://x/v1/chat/completions ", False),
        (b"", None),
        (b"P", None),
    ],
)
def test_paths_of_the_gateway(head: bytes, ours: bool | None) -> None:
    assert PATHS.decide(head) is ours


@pytest.mark.parametrize("whole", [True, False])
async def test_an_offered_upgrade_is_not_taken_up(whole: bool) -> None:
    """As the JVM's client offers HTTP/2 over plain connections, whatever it asks."""
    offer = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAAA\r\n"
    head, body = POST[: -len(BODY) - 2] + offer + b"\r\n", BODY
    async with housed() as (house, port):
        answer = await said(port, *([head + body] if whole else [head, body[:4], body[4:]]))
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"POST /v1/chat/completions 13")
        listed = await said(port, b"GET /v1/models HTTP/1.1\r\nhost: x\r\n" + offer + b"\r\n")
        assert listed.endswith(b"GET /v1/models 0")
        assert [request.body for request in house.asked] == [BODY, b""]
        await said(port, POST + head + body, finish=False)  # the second of two at once is not read
        assert len(house.asked) == 3

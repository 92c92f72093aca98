"""The transport to providers, against raw sockets that speak well, badly, slowly or not at all."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from triops.adapters.providers.transport import HttpUpstream
from triops.kernel.errors import Overloaded
from triops.ports.providers import Fault, Outgoing
from triops.ports.upstream import Host, Timeouts

QUICK = Timeouts(connect=2.0, first=0.15, between=0.15, total=5.0)
LONG = Timeouts(connect=2.0, first=5.0, between=5.0, total=10.0)
ASK = Outgoing("POST", "/v1/chat", (("content-type", "application/json"),), b"{}")
Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def speaking(speak: Speak) -> AsyncIterator[Host]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await speak(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield Host("http", "127.0.0.1", server.sockets[0].getsockname()[1], allow_private=True)


async def request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head + await reader.readexactly(length)


def answering(*pieces: bytes, times: int = 1) -> Speak:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(times):
            await request(reader)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)

    return speak


async def whole(host: Host, times: Timeouts = LONG, most: int = 1 << 20) -> bytes:
    upstream = HttpUpstream()
    coming = await upstream.send(host, ASK, times)
    try:
        return await coming.read(most)
    finally:
        coming.close()
        await upstream.close()


@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",),
        (b"HTTP/1.1 200 OK\r\ncontent-le", b"ngth: 5\r\n\r\nhe", b"llo"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n", b"3\r\nllo\r\n0\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo"),  # until the connection ends
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(gzip.compress(b"hello")),
            gzip.compress(b"hello"),
        ),
    ],
)
async def test_every_framing_of_a_body_is_read(pieces: tuple[bytes, ...]) -> None:
    async with speaking(answering(*pieces)) as host:
        assert await whole(host) == b"hello"


@pytest.mark.parametrize(
    ("pieces", "kind"),
    [
        ((), "cut"),
        ((b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello",), "cut"),
        ((b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n",), "cut"),
        ((b"SSH-2.0-OpenSSH_9.2\r\n\r\n",), "garbage"),
        ((b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000,), "garbage"),
        ((b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\nx",), "garbage"),
        ((b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello",), "garbage"),
    ],
)
async def test_what_is_no_answer_is_a_fault_that_says_which(pieces: tuple[bytes, ...], kind: str) -> None:
    async with speaking(answering(*pieces)) as host:
        with pytest.raises(Fault) as fault:
            await whole(host)
        assert fault.value.kind == kind


async def test_a_whole_answer_is_bounded_also_when_it_is_a_bomb() -> None:
    bomb = gzip.compress(b"\0" * (8 << 20))
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)
    async with speaking(answering(head, bomb)) as host:
        with pytest.raises(Fault, match="over 1000000 bytes"):
            await whole(host, most=1_000_000)


async def test_each_wait_has_its_time_out() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def stalls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello")
        await reader.read()

    for speak, words in ((silent, "no answer began"), (stalls, "nothing more came")):
        async with speaking(speak) as host:
            with pytest.raises(Fault, match=words) as fault:
                await whole(host, QUICK)
            assert fault.value.kind == "timeout"

    async def dribbles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with speaking(dribbles) as host:
        with pytest.raises(Fault, match="no complete answer"):
            await whole(host, Timeouts(1.0, 0.3, 0.3, 0.3))


async def test_connections_are_kept_and_one_that_was_let_go_is_tried_afresh_once() -> None:
    opened = 0
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

    async def once_then_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        for _ in range(2):
            await request(reader)
            writer.write(answer)
            await writer.drain()
        await request(reader)  # the third is heard, and the connection closed without a word

    async with speaking(once_then_close) as host:
        upstream = HttpUpstream()
        for _ in range(5):
            coming = await upstream.send(host, ASK, LONG)
            assert await coming.read(100) == b"ok"
            coming.close()
        assert opened == 3
        await upstream.close()


async def test_a_kept_connection_that_closes_late_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever worked for a while has read the request, and may bill it."""
    clock, heard = asyncio.get_running_loop().time, 0

    async def works_and_closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await request(reader)
        heard += 1
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock() + 3.0)

    async with speaking(works_and_closes) as host:
        upstream = HttpUpstream()
        coming = await upstream.send(host, ASK, LONG)
        assert await coming.read(100) == b"ok"
        coming.close()
        with pytest.raises(Fault, match="before it answered"):
            await upstream.send(host, ASK, LONG)
        assert heard == 1
        await upstream.close()


async def test_a_fresh_connection_that_closes_is_not_tried_again() -> None:
    heard = 0

    async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        await request(reader)
        heard += 1

    async with speaking(closes) as host:
        with pytest.raises(Fault, match="before it answered"):
            await whole(host)
        assert heard == 1


async def test_a_half_read_answer_does_not_leak_into_the_next() -> None:
    async with speaking(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nfirst", times=9)) as host:
        upstream = HttpUpstream()
        for _ in range(2):
            coming = await upstream.send(host, ASK, LONG)
            assert await coming.some() == [b"first"]
            coming.close()
        await upstream.close()


async def test_what_was_sent_together_comes_together() -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    async with speaking(answering(head + b"3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n")) as host:
        upstream = HttpUpstream()
        coming = await upstream.send(host, ASK, LONG)
        assert await coming.some() == [b"one", b"two", b"three"]
        assert coming.ended
        assert await coming.some() == []
        coming.close()
        await upstream.close()


async def test_calls_of_one_host_are_bounded() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with speaking(silent) as host:
        upstream = HttpUpstream()
        upstream.bound(host, 1)
        first = asyncio.create_task(upstream.send(host, ASK, LONG))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await upstream.send(host, ASK, LONG)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        with pytest.raises(Fault, match="no answer began"):  # the place is free again
            await upstream.send(host, ASK, QUICK)
        await upstream.close()


@pytest.mark.parametrize(
    "name",
    [
        *("127.0.0.1", "localhost", "0.0.0.0", "169.254.169.254", "::1", "::ffff:10.0.0.1"),
        *("::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "fec0::1", "fd00::1", "224.0.0.1"),
    ],
)
async def test_private_addresses_are_not_reached_unless_allowed(name: str) -> None:
    with pytest.raises(Fault, match="private address"):
        await whole(Host("http", name, 9))


@pytest.mark.parametrize("name", ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fe80::1"])
async def test_a_cloud_s_metadata_is_never_reached(name: str) -> None:
    with pytest.raises(Fault, match="link-local"):
        await whole(Host("http", name, 9, allow_private=True))


async def test_trailers_are_not_kept() -> None:
    async def trailing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x\r\n\r\n"
        writer.write(head + b"2\r\nhi\r\n0\r\nx: y\r\n\r\n")

    async with speaking(trailing) as host:
        upstream = HttpUpstream()
        coming = await upstream.send(host, ASK, LONG)
        assert await coming.read(100) == b"hi"
        assert "x" not in coming.headers
        coming.close()
        await upstream.close()


@pytest.mark.parametrize(
    "ask",
    [
        Outgoing("POST", "/v1", (("x", "a\r\nhost: evil"),), b""),
        Outgoing("POST", "/v1", (("x\nhost", "evil"),), b""),
        Outgoing("POST", "/v1 HTTP/1.1\r\nx: y", (), b""),
        Outgoing("POST", "/a b", (), b""),
    ],
)
async def test_nothing_breaks_out_of_its_line(ask: Outgoing) -> None:
    upstream = HttpUpstream()
    with pytest.raises(Fault, match="line break"):
        await upstream.send(Host("http", "127.0.0.1", 9, allow_private=True), ask, LONG)


async def test_nobody_there_is_a_connect_fault() -> None:
    with pytest.raises(Fault) as fault:
        await whole(Host("http", "127.0.0.1", 9, allow_private=True))
    assert fault.value.kind == "connect"

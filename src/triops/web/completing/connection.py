"""One connection of a client: reads its requests one after the other, writes their answers in the same order.

Hand-written on httptools, because a general server framework costs more than the whole gateway may. Bytes that come
while an answer is on its way wait (at most 64 kB, then they are not read); a second request in the same bytes is not
answered and the connection closes after the first, which HTTP/1.1 allows: its client sends it again.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

import httptools

from triops.web.completing.head import Headers, written
from triops.web.completing.paths import GatewayPaths
from triops.web.completing.request import Bounds, Refused, Request

_HELD = 64 << 10
_WIRE_SLACK = 64 << 10  # what framing of a chunked body may cost beside 8 bytes a byte of body
_PIECE = 48  # what holding a piece of a body costs beside its bytes
_LINGER_S = 2.0
_HIGH_WATER = 256 << 10
_ONCE = frozenset({"content-length", "transfer-encoding", "host", "authorization", "x-api-key"})


def _joined(fields: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Of a head that has a field twice. Raises: Refused."""
    headers: dict[str, str] = {}
    for name, value in fields:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        if key in headers:
            if key in _ONCE:
                raise Refused(400, f"the header {key} came twice")
            text = f"{headers[key]}, {text}"
        headers[key] = text
    return headers


class House(Protocol):
    """Whose connections they are. `give` hands one to who serves other paths; False when that cannot be."""

    loop: asyncio.AbstractEventLoop
    paths: GatewayPaths
    bounds: Bounds
    stopping: bool
    now: Callable[[], float]
    bodies: int  # bytes of bodies that are held for all connections
    give: Callable[[socket.socket, bytes], bool]

    def opened(self, connection: "Connection") -> None: ...

    def closed(self, connection: "Connection") -> None: ...

    def words(self, path: str, refused: Refused) -> bytes: ...

    def admit(self, path: str, headers: Mapping[str, str]) -> None:
        """Before a large body is read. Raises: Refused."""
        ...

    async def answer(self, request: Request, connection: "Connection") -> None: ...


class Connection(asyncio.Protocol):
    """`gone`: the client has left; `on_gone` is called once when that happens while an answer is made."""

    __slots__ = ("_asked", "_body", "_chunked", "_counted", "_fields", "_head", "_headers", "_house", "_keep", "_last",
                 "_loop", "_old", "_opening", "_parser", "_refused", "_room", "_size", "_state", "_surplus", "_task",
                 "_transport", "_url", "_wire", "busy", "deadline", "gone", "on_gone")  # fmt: skip

    def __init__(self, house: House, head: bytes = b"") -> None:
        """`head`: what was read of the connection before it came here."""
        self._house = house
        self._loop = house.loop
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._head = head  # of a request that has not been begun to be read
        self._room: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self.busy = False
        self.gone = False
        self.on_gone: Callable[[], None] | None = None
        self.deadline = house.now() + house.bounds.idle_s
        self._state = 0  # 0 between requests, 1 within a request's head, 2 within its body
        self._last = False
        self._surplus = False
        self._refused = False
        self._opening = b""  # the head of an answer in pieces: it goes with the first of them
        self._counted = 0  # of the house's bodies
        self._wire = 0  # bytes of the request
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []  # of its head, as they come
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0
        self._keep = True
        self._old = self._chunked = False
        self._asked = False  # who sends it

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=_HIGH_WATER)
        self._house.opened(self)
        if self._head:  # before anything else is read
            head, self._head = self._head, b""
            self.data_received(head)

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True
        self._house.closed(self)
        if self._task is None:
            self._forget()
        self._wake()
        if self.on_gone is not None:
            tell, self.on_gone = self.on_gone, None
            tell()

    def pause_writing(self) -> None:
        if self._room is None:
            self._room = self._loop.create_future()
            self.deadline = self._house.now() + self._house.bounds.slow_s

    def resume_writing(self) -> None:
        self.deadline = 0.0
        self._wake()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return  # read and forgotten, so that the client can read why
        if self.busy:
            self._head += data
            if len(self._head) > _HELD:
                self._transport.pause_reading()
            return
        if self._state == 0:
            head = self._head + data if self._head else data
            theirs = self._house.paths.decide(head)
            if not theirs:
                self._not_ours(head, undecided=theirs is None)
                return
            self._head = b""
            data = head
        self._read(data)

    # Reading a request

    def _not_ours(self, head: bytes, undecided: bool) -> None:
        if undecided:
            if not self._head:
                self.deadline = self._house.now() + self._house.bounds.slow_s
            self._head = head
        elif self._transport.get_write_buffer_size():
            self._head = head
            self._transport.pause_reading()
            self._loop.call_later(0.01, self._again)
        elif self._handed(head):
            self._transport.abort()  # closes our descriptor; theirs keeps the connection
        else:
            self._refuse(Refused(503, "not ready for this path; try again"))

    def _handed(self, head: bytes) -> bool:
        self._transport.pause_reading()
        return self._house.give(self._transport.get_extra_info("socket"), head)

    def _again(self) -> None:
        if not self.gone and not self._transport.is_closing():
            self._transport.resume_reading()
            head, self._head = self._head, b""
            self.data_received(head)

    def _read(self, data: bytes) -> None:
        before = self._state
        self._wire += len(data)
        try:
            self._parser.feed_data(data)
            if self._state:
                self._more_to_come(before)
        except Refused as refused:
            self._refuse(refused)
        except httptools.HttpParserUpgrade as upgrade:
            if not self._surplus:
                self._read(self._without_upgrade() + data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, Refused) else Refused(400, "not an HTTP/1.1 request"))

    def _more_to_come(self, before: int) -> None:
        """`before`: the state before these bytes. Raises: Refused."""
        bounds = self._house.bounds
        if before == 0 or self._state == 2:  # a head has its time in all, however its bytes trickle in
            self.deadline = self._house.now() + bounds.slow_s
        if self._state == 1 and self._wire > bounds.headers:
            raise Refused(431, f"headers over {bounds.headers} bytes")
        if self._state == 2 and self._chunked and self._wire > bounds.headers + _WIRE_SLACK + 8 * self._size:
            raise Refused(400, "chunks too small for their framing")

    def _without_upgrade(self) -> bytes:
        """The head again, as if another protocol had not been offered, which clients of the JVM do with every request:
        who does not take it up answers as ever, but the parser leaves off there."""
        parser, self._parser = self._parser, httptools.HttpRequestParser(self)
        self._state = self._wire = 0
        line = b"%b %b HTTP/%b\r\n" % (parser.get_method(), self._url, parser.get_http_version().encode())
        fields = "".join([f"{name}: {text}\r\n" for name, text in self._headers.items() if name != "upgrade"])
        return line + fields.encode("latin-1") + b"\r\n"

    def on_message_begin(self) -> None:
        if self.busy:
            self._surplus = True
            return
        self._begin()
        self._state = 1

    def on_url(self, url: bytes) -> None:
        if not self._surplus:
            self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._state == 1:  # trailers, and those of a surplus request, say nothing
            self._fields.append((name, value))

    def _read_fields(self) -> dict[str, str]:
        """Raises: Refused."""
        fields, most = self._fields, self._house.bounds.headers
        if self._wire > most and sum(len(name) + len(value) + 4 for name, value in fields) > most:
            raise Refused(431, f"headers over {most} bytes")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in fields}
        return headers if len(headers) == len(fields) else _joined(fields)

    def on_headers_complete(self) -> None:
        parser = self._parser
        if self._surplus:
            return
        self._headers = headers = self._read_fields()
        if parser.should_upgrade():  # it is read again without
            return
        self._state = 2
        self._keep = bool(parser.should_keep_alive())
        self._old = parser.get_http_version() != "1.1"
        coding = headers.get("transfer-encoding")
        if coding is not None:
            self._chunked = True
            if "content-length" in headers:
                raise Refused(400, "content-length and transfer-encoding together")
            if coding.lower() != "chunked" or self._old:
                raise Refused(501, "no transfer-encoding but chunked is read")
        if not self._old and "host" not in headers:
            raise Refused(400, "the header host is missing")
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise Refused(415, "bodies are read as they are: send no content-encoding")
        self._expect(int(headers.get("content-length", "0")))
        if "expect" in headers:
            if headers["expect"].lower() != "100-continue":
                raise Refused(417, "only 100-continue is expected here")
            if not self._old:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _expect(self, size: int) -> None:
        """A body of at least so many bytes. Raises: Refused."""
        bounds = self._house.bounds
        if size > bounds.body:
            raise Refused(413, f"a body is at most {bounds.body} bytes")
        if size > bounds.unasked and not self._asked:
            self._asked = True
            self._house.admit(self._path(), self._headers)

    def on_body(self, body: bytes) -> None:
        if self._surplus:
            return
        house, size = self._house, len(body)
        self._size += size
        self._expect(self._size)
        self._counted += size + _PIECE
        house.bodies += size + _PIECE
        if house.bodies > house.bounds.bodies:
            raise Refused(503, "requests under way fill the memory that they may have; try again")
        self._body.append(body)

    def _forget(self) -> None:
        """The body is needed no more."""
        self._body = []
        self._house.bodies -= self._counted
        self._counted = 0

    def on_message_complete(self) -> None:
        if self._surplus or self._parser.should_upgrade():
            return
        self._state = 0
        self._wire = 0
        self.busy = True
        self.deadline = 0.0
        body = self._body
        request = Request(
            self._parser.get_method().decode("latin-1"),
            self._path(),
            self._headers,
            body[0] if len(body) == 1 else b"".join(body),
        )
        self._body = []
        self._task = self._loop.create_task(self._house.answer(request, self))

    def _path(self) -> str:
        return self._url.partition(b"?")[0].decode("latin-1")

    def _refuse(self, refused: Refused) -> None:
        self._last = self._refused = self.busy = True
        body = refused.body or self._house.words(self._path(), refused)
        self.whole(refused.status, body, (("content-type", "application/json"),))
        self.done()

    # Writing an answer

    def whole(self, status: int, body: bytes, headers: Headers) -> None:
        """A whole answer; nothing may follow it but `done`."""
        if self.gone:
            return
        self._transport.write(self._start(status, headers, f"content-length: {len(body)}\r\n") + body)

    def begin(self, status: int, headers: Headers) -> None:
        """An answer in pieces follows; its head is sent with the first, for every write wakes the client."""
        if self._old:
            self._keep = False
        self._opening = self._start(status, headers, "" if self._old else "transfer-encoding: chunked\r\n")

    def piece(self, data: bytes) -> None:
        if data and not self.gone:
            opening, self._opening = self._opening, b""
            self._transport.write(opening + data if self._old else b"%b%x\r\n%b\r\n" % (opening, len(data), data))

    def end(self, data: bytes) -> None:
        """The last piece."""
        if self.gone:
            return
        opening, self._opening = self._opening, b""
        if self._old:
            self._transport.write(opening + data)
        elif data:
            self._transport.write(b"%b%x\r\n%b\r\n0\r\n\r\n" % (opening, len(data), data))
        else:
            self._transport.write(opening + b"0\r\n\r\n")

    def cut(self) -> None:
        """The answer cannot be completed: the connection closes without an end, so that nobody takes it for whole."""
        self._last = True
        if not self.gone:
            self._transport.abort()

    async def room(self) -> None:
        """Until what was written has left, or the client has."""
        if self._room is not None:
            await self._room

    def done(self) -> None:
        """The answer is complete; the next request may be read."""
        self.on_gone = None
        self._task = None
        self._forget()
        if self.gone:
            return
        if self._refused and self._transport.can_write_eof():
            self._transport.write_eof()
            self.deadline = self._house.now() + _LINGER_S
            return
        if self._last or self._surplus or not self._keep or self._house.stopping:
            self._transport.close()
            return
        self.busy = False
        self.deadline = self._house.now() + self._house.bounds.idle_s
        if self._head:
            self._again()

    def stop(self) -> None:
        """No further request is read; one that is being answered ends."""
        self._last = True
        if not self.busy:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _start(self, status: int, headers: Headers, framing: str) -> bytes:
        closing = "" if self._keep and not (self._last or self._surplus) else "connection: close\r\n"
        return written(status, headers, framing + closing)

    def _wake(self) -> None:
        if self._room is not None:
            room, self._room = self._room, None
            if not room.done():
                room.set_result(None)

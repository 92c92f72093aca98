"""The loopback provider's HTTP: small, fast (a request is one parse, one answer, one write), and bad on order."""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast
from urllib.parse import parse_qs

import httptools
import orjson

from triops.testing.upstream.ledger import Entry, Ledger
from triops.testing.upstream.orders import USUAL, Orders, read, text_of
from triops.testing.upstream.wire import Answer, Refused, Request, Wire

_REASONS = {200: b"OK", 400: b"Bad Request", 401: b"Unauthorized", 404: b"Not Found", 429: b"Too Many Requests"}
_PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
_MARK = b"call-of:"
_GARBAGE = {"json": b'{"id": "half', "html": _PAGE, "type": b"", "sse": b"data: {not json}\n\n"}


class Provider:
    """What all connections share. `key`: the credential that must come, "" for any."""

    def __init__(self, wires: Sequence[Wire], ledger: Ledger, key: str = "") -> None:
        self.ledger = ledger
        self.key = key
        self.connections = 0
        self._exact = {(wire.method, wire.path): wire for wire in wires if not wire.path.endswith("*")}
        self._begins = [wire for wire in wires if wire.path.endswith("*")]
        self._carried: dict[str, int] = {}

    def wire(self, method: str, path: str) -> Wire | None:
        found = self._exact.get((method, path))
        if found is not None:
            return found
        return next((one for one in self._begins if one.method == method and path.startswith(one.path[:-1])), None)

    def orders(self, text: str) -> Orders:
        """Those that hold now; counts how often they came."""
        if not text:
            return USUAL
        orders = read(text)
        if orders.times or orders.every:
            count = self._carried[text] = self._carried.get(text, 0) + 1
            if (orders.times and count > orders.times) or (orders.every and count % orders.every):
                return Orders(words=orders.words, echo=orders.echo, calls=orders.calls, cached=orders.cached)
        return orders


class Connection(asyncio.Protocol):
    """Requests one after another; pipelined ones wait."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[str, str, dict[str, str], bytes]] = deque()
        self._busy = False
        self._open: Entry | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods only
        self._provider.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._provider.connections -= 1
        if self._timer is not None:
            self._timer.cancel()
        if self._open is not None:
            self._provider.ledger.close(self._open, "left")

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self._transport.close()

    # httptools' callbacks
    def on_message_begin(self) -> None:
        self._headers: dict[str, str] = {}
        self._url = b""
        self._body = bytearray()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        method = self._parser.get_method().decode()
        self._waiting.append((method, self._url.decode("latin-1"), self._headers, bytes(self._body)))
        if not self._busy:
            self._next()

    def _next(self) -> None:
        self._busy = False
        while self._waiting and not self._busy:
            self._busy = True
            self._serve(*self._waiting.popleft())

    def _serve(self, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        path, _, query = target.partition("?")
        provider = self._provider
        wire = provider.wire(method, path)
        if wire is None:
            self._aside(method, path, query)
            return
        try:
            tree = orjson.loads(body) if body else {}
        except orjson.JSONDecodeError:
            tree = None
        request = Request(method, path, headers, tree if isinstance(tree, dict) else {}, provider.ledger.next_id)
        entry = None
        try:
            if not isinstance(tree, dict):
                raise Refused(400, "")
            asked = wire.asked(request)
            model, user = asked.model.partition("!")[0], asked.user.partition("!")[0] or _marked(body)
            call = headers.get("x-triops-call", "")
            entry = provider.ledger.open(path, model, user, asked.key, call, asked.stream)
            if provider.key and asked.key != provider.key:
                raise Refused(401, "")
            orders = provider.orders(text_of(asked.model, asked.user, headers.get("x-upstream", "")))
            if orders.status:
                self._later(orders, lambda: self._refuse(wire, entry, orders.status, "", None, orders.retry_after))
                return
            answer = wire.answer(request, asked, orders)
        except Refused as refused:
            self._refuse(wire, entry, refused.status, str(refused), refused.param)
            return
        self._open = entry
        entry.input_tokens, entry.cached_tokens = answer.input_tokens, min(orders.cached, answer.input_tokens)
        entry.reasoning_tokens = answer.reasoning_tokens
        if orders is not USUAL and (orders.garbage or orders.big):
            self._later(orders, lambda: self._garbage(orders, entry))
        elif asked.stream:
            self._stream(answer, orders, entry, request.id)
        else:
            self._later(orders, lambda: self._whole(answer, orders, entry, request.id))

    def _later(self, orders: Orders, then: Any) -> None:
        if orders.first_ms:
            self._timer = asyncio.get_running_loop().call_later(orders.first_ms / 1000, then)
        else:
            then()

    def _aside(self, method: str, path: str, query: str) -> None:
        """What the provider tells of itself: its account (GET), and a clean sheet (DELETE)."""
        if path != "/ledger":
            self._plain(404, b'{"error":{"message":"Unknown request URL","type":"invalid_request_error"}}')
        elif method == "DELETE":
            self._provider.ledger.clear()
            self._plain(200, b"{}")
        else:
            user = parse_qs(query).get("user", [None])[0]
            self._plain(200, orjson.dumps(self._provider.ledger.tree(user)))

    def _refuse(
        self, wire: Wire, entry: Entry | None, status: int, message: str, param: str | None, wait: int = 0
    ) -> None:
        if entry is not None:
            entry.status = status
            self._provider.ledger.close(entry, "refused")
        self._plain(status, wire.refusal(status, message, param), {"retry-after": str(wait)} if wait else {})

    def _plain(self, status: int, body: bytes, more: Mapping[str, str] | None = None) -> None:
        self._transport.write(_head(status, "application/json", more or {}, len(body)) + body)
        self._next()

    def _whole(self, answer: Answer, orders: Orders, entry: Entry, id: int) -> None:
        body = answer.events[0]
        head = _head(200, answer.content_type, {"x-request-id": f"req_{id}", **answer.headers}, len(body))
        if orders.cut_after >= 0 or orders.stall_after >= 0:
            entry.output_tokens = answer.tokens[0]
            self._transport.write(head + body[: len(body) // 2])
            if orders.stall_after < 0:
                self._cut(entry)
            return
        entry.output_tokens, entry.told = answer.tokens[0], answer.tells == 0
        self._finish(entry, head + body)

    def _stream(self, answer: Answer, orders: Orders, entry: Entry, id: int) -> None:
        head = _head(200, answer.content_type, {"x-request-id": f"req_{id}", **answer.headers}, None)
        if orders is USUAL or (orders.at_once and orders.cut_after < 0 and orders.error_after < 0):
            body = b"".join(_dressed(answer.events, orders))
            entry.output_tokens, entry.told = sum(answer.tokens), answer.tells >= 0
            self._finish(entry, head + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")
            return
        steps = self._steps(head, answer, orders, entry)
        self._later(orders, lambda: self._step(steps, orders))

    def _step(self, steps: Iterator[bytes], orders: Orders) -> None:
        for piece in steps:
            if self._transport.is_closing():
                return
            self._transport.write(piece)
            if orders.between_ms or orders.flush:
                wait = orders.between_ms / 1000
                self._timer = asyncio.get_running_loop().call_later(wait, lambda: self._step(steps, orders))
                return

    def _steps(self, head: bytes, answer: Answer, orders: Orders, entry: Entry) -> Iterator[bytes]:
        """Head and first event together, then an event at a time; ends the request."""
        for i, event in enumerate(_dressed(answer.events, orders)):
            if i == orders.stall_after:
                yield head
                return
            if i == orders.cut_after:
                yield head
                self._cut(entry)
                return
            if i == orders.error_after:
                self._finish(entry, head + b"%x\r\n" % len(answer.error) + answer.error + b"\r\n0\r\n\r\n")
                return
            entry.output_tokens += answer.tokens[i]
            entry.told = entry.told or answer.tells == i
            yield head + b"%x\r\n" % len(event) + event + b"\r\n"
            head = b""
        self._finish(entry, head + b"0\r\n\r\n")

    def _garbage(self, orders: Orders, entry: Entry) -> None:
        if orders.garbage == "http":
            self._finish(entry, b"ceci n'est pas HTTP\r\n\r\n")
            return
        body = _GARBAGE.get(orders.garbage, b"")
        if orders.big:
            body = b'{"id":"' + b"x" * (orders.big << 20) + b'"}'
        sort = {"html": "text/html", "type": "image/png", "sse": "text/event-stream"}.get(orders.garbage, "")
        self._finish(entry, _head(200, sort or "application/json", {}, len(body)) + body)

    def _cut(self, entry: Entry) -> None:
        self._provider.ledger.close(entry, "cut")
        self._open = None
        self._transport.close()

    def _finish(self, entry: Entry, last: bytes) -> None:
        """In the account first: who has the answer finds it there."""
        if self._transport.is_closing():
            return
        self._provider.ledger.close(entry, "whole")
        self._open = None
        self._transport.write(last)
        self._next()


def _marked(body: bytes) -> str:
    """Who calls, where no member says (not every wire has one): the word after `call-of:` in what is said."""
    at = body.find(_MARK)
    if at < 0:
        return ""
    word = body[at + len(_MARK) : at + len(_MARK) + 40].split(b" ", 1)[0]
    return word.split(b'"', 1)[0].decode("ascii", "replace")


def _head(status: int, content_type: str, more: Mapping[str, str], length: int | None) -> bytes:
    size = f"content-length: {length}" if length is not None else "transfer-encoding: chunked"
    lines = "".join(f"{name}: {value}\r\n" for name, value in more.items())
    first = b"HTTP/1.1 %d %s\r\n" % (status, _REASONS.get(status, b"Error"))
    return first + f"content-type: {content_type}\r\n{size}\r\n{lines}\r\n".encode()


def _dressed(events: Sequence[bytes], orders: Orders) -> Iterator[bytes]:
    for event in events:
        dressed = b": a comment\n\n" + event if orders.comments else event
        yield dressed.replace(b"\n", b"\r\n") if orders.crlf else dressed

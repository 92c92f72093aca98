"""A small fast provider and a small fast client of chat completions, each a process of its own, for the gateway's
benchmarks.

    python -m benchmarks._completions upstream PORT
    python -m benchmarks._completions load PORT --path PATH --clients 1 --seconds 5 [--rate R] [--stream] [--key KEY] \
        [--model M]

The provider answers at once: a completion of 300 bytes, or a stream of 21 chunks; these are written together, or one
by one to who asks for the model `apart-1`. The client has one connection for each of its `--clients`, one request in
flight on each, and prints one line of JSON. With `--rate` so many requests a second are due in all, evenly, and what
one takes is counted from when it was due, so that a stall counts for all that it delayed. The first request of each
connection is then not counted with the others: `first_ms` says after how long the slowest of them was answered.
"""

import argparse
import asyncio
import collections
import json
import sys
import time
from typing import Any

import uvloop


def _chunk(choices: list[dict[str, Any]], **more: Any) -> bytes:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "small-1"}
    data = b"data: " + json.dumps({**head, "choices": choices, **more}).encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(data), data)


def _stream() -> list[bytes]:
    parts = [_chunk([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])]
    parts += [_chunk([{"index": 0, "delta": {"content": f"word{n} "}, "finish_reason": None}]) for n in range(18)]
    parts.append(_chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}]))
    parts.append(_chunk([], usage={"prompt_tokens": 12, "completion_tokens": 18, "total_tokens": 30}))
    done = b"data: [DONE]\n\n"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return [head + parts[0], *parts[1:], b"%x\r\n%b\r\n0\r\n\r\n" % (len(done), done)]


def _whole() -> bytes:
    body = json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "small-1",
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "Hello there."}, "finish_reason": "stop"}
            ],
            "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
        }
    ).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


class Upstream(asyncio.Protocol):
    whole = _whole()
    stream = _stream()

    def __init__(self) -> None:
        self._bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._bytes += data
        while True:
            end = self._bytes.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._bytes[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._bytes) < end + 4 + length:
                return
            body = self._bytes[end + 4 : end + 4 + length]
            self._bytes = self._bytes[end + 4 + length :]
            streamed = b'"stream":true' in body or b'"stream": true' in body
            if streamed and b'"apart-1"' in body:
                self._next(0)
            else:
                self._transport.write(b"".join(self.stream) if streamed else self.whole)

    def _next(self, at: int) -> None:
        self._transport.write(self.stream[at])
        if at + 1 < len(self.stream):
            asyncio.get_running_loop().call_soon(self._next, at + 1)


class Client(asyncio.Protocol):
    """One request after the other, as `turns` has them due; without, at once."""

    def __init__(self, request: bytes, until: float, stream: bool, turns: "Turns | None") -> None:
        self._request = request
        self._until = until
        self._stream = stream
        self._turns = turns
        self._bytes = b""
        self.times: list[float] = []
        self.first = 0.0
        self.errors = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self.send(time.perf_counter())

    def _go_on(self) -> None:
        if self._turns is None:
            self.send(time.perf_counter())
        else:
            self._turns.free(self)

    def send(self, due: float) -> None:
        self._began = due
        self._transport.write(self._request)

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._bytes += data
        head = self._bytes.find(b"\r\n\r\n")
        if head < 0:
            return
        if b"chunked" in self._bytes[:head].lower():
            if not self._bytes.endswith(b"0\r\n\r\n"):
                return
        else:
            at = self._bytes[:head].lower().find(b"content-length:")
            if len(self._bytes) < head + 4 + int(self._bytes[at + 15 : head].split(b"\r\n", 1)[0]):
                return
        now = time.perf_counter()
        if self.first or self._turns is None:
            self.times.append(now - self._began)
        self.first = self.first or now - self._began
        self.errors += not self._bytes.startswith(b"HTTP/1.1 200") or (self._stream and b"[DONE]" not in self._bytes)
        self._bytes = b""
        if now < self._until:
            self._go_on()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


class Turns:
    """Requests that are due at a steady rate, by whichever connection is free; from when each was served once."""

    def __init__(self, rate: float, until: float, clients: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._every, self._until, self._missing = 1 / rate, until, clients
        self._due = 0.0
        self._free: collections.deque[Client] = collections.deque()

    def free(self, client: Client) -> None:
        self._free.append(client)
        if not self._due and len(self._free) == self._missing:
            self._due = time.perf_counter()
            self._turn()

    def _turn(self) -> None:
        now = time.perf_counter()
        while self._due <= now and self._free:
            self._free.popleft().send(self._due)
            self._due += self._every
        if now < self._until:
            self._loop.call_later(max(0.0005, self._due - now), self._turn)
            return
        while self._free:
            self._free.popleft().close()


async def _load(arguments: argparse.Namespace) -> None:
    body = {"model": arguments.model, "messages": [{"role": "user", "content": "Say hello to the whole world."}]}
    if arguments.stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    payload = json.dumps(body).encode()
    request = (
        f"POST {arguments.path} HTTP/1.1\r\nhost: 127.0.0.1:{arguments.port}\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {arguments.key}\r\ncontent-length: {len(payload)}\r\n\r\n"
    ).encode() + payload
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    until = began + arguments.seconds
    turns = Turns(arguments.rate, until, arguments.clients) if arguments.rate else None
    clients = []
    for _ in range(arguments.clients):
        _, client = await loop.create_connection(
            lambda: Client(request, until, arguments.stream, turns), "127.0.0.1", arguments.port
        )
        clients.append(client)
    await asyncio.gather(*(client.done for client in clients))
    took = time.perf_counter() - began
    times = sorted(t for client in clients for t in client.times)
    print(
        json.dumps(
            {
                "requests": len(times),
                "per_s": len(times) / took,
                "p50_ms": times[len(times) // 2] * 1000,
                "p99_ms": times[int(len(times) * 0.99)] * 1000,
                "first_ms": max(client.first for client in clients) * 1000,
                "errors": sum(client.errors for client in clients),
            }
        )
    )


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["upstream", "load"])
    parser.add_argument("port", type=int)
    parser.add_argument("--path", default="/v1/chat/completions")
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--key", default="none")
    parser.add_argument("--model", default="fast")
    arguments = parser.parse_args()
    if arguments.what == "upstream":
        uvloop.run(_serve(arguments.port))
    else:
        uvloop.run(_load(arguments))


if __name__ == "__main__":
    sys.exit(main())

"""HTTP/1.1, gRPC and the gateway's calls on one port: the first bytes say which it is.

An HTTP/2 client without TLS begins with a fixed preface; such a connection is spliced to the server inside, for good.
Every other one is looked at whenever a request begins: when that request is the gateway's, the connection is handed to
the gateway's process with what has been read of it (`web/handover.py`), which hands it back before a request that is
ours. Who calls is told by the request itself, so nothing is lost but, on a splice, the peer address.
"""

import asyncio
import logging
import socket
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from triops.web.splice import Inner, splice

log = logging.getLogger(__name__)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # RFC 9113, 3.4
UNDECIDED_S = 10.0  # a connection that stays within a beginning that says nothing yet is closed
HEAD_S = 60.0  # for a request's head in all, however its bytes trickle in
GRACE_S = 5.0
_FLUSH_S = 0.01


class Elsewhere(Protocol):
    """Who else serves connections of this port."""

    def decide(self, head: bytes) -> bool | None:
        """Whether a request that begins so is theirs; None: too little to say."""
        ...

    def give(self, connection: socket.socket, head: bytes) -> bool:
        """Takes over a duplicate of the connection; False when they cannot."""
        ...

    def back(self, protocol: "type[HttpToolsProtocol]", arguments: tuple[Any, ...]) -> None:
        """How a connection that comes back is served here."""
        ...


class Nobody:
    """No gateway in this server."""

    def decide(self, head: bytes) -> bool | None:
        return False

    def give(self, connection: socket.socket, head: bytes) -> bool:
        return False

    def back(self, protocol: "type[HttpToolsProtocol]", arguments: tuple[Any, ...]) -> None:
        return None


def sniffing_protocol(inner: Inner, elsewhere: Elsewhere) -> type[HttpToolsProtocol]:
    """The class for `uvicorn.Config(http=…)`."""

    class SniffingProtocol(HttpToolsProtocol):
        given = b""  # what was read of the connection before it came here
        _head = b""
        _within = False  # a request's bytes are coming
        _first = True  # nothing was decided yet: it may still be HTTP/2
        _away = False  # spliced or handed over
        _timer: asyncio.TimerHandle | None = None
        _task: "asyncio.Task[None] | None" = None

        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            elsewhere.back(type(self), (self.config, self.server_state, self.app_state))

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if self.given:  # before anything else is read
                self.data_received(self.given)
            else:  # who says nothing is not waited for longer than between two requests
                wait = self.timeout_keep_alive
                self.timeout_keep_alive_task = self.loop.call_later(wait, self.timeout_keep_alive_handler)

        def data_received(self, data: bytes) -> None:
            if self._away:
                return
            if self._within or self.pipeline or not (self.cycle is None or self.cycle.response_complete):
                super().data_received(data)
                return
            head = self._head + data if self._head else data
            if self._first and PREFACE.startswith(head[: len(PREFACE)]):
                self._preface(head)
                return
            theirs = elsewhere.decide(head)
            if theirs is None:
                self._wait(head)
            elif theirs:
                self._hand_over(head)
            else:
                self._decided()
                super().data_received(head)

        def on_message_begin(self) -> None:
            self._within = True
            self._timer = self.loop.call_later(HEAD_S, self.transport.close)
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._untimed()
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            self._within = False
            super().on_message_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._decided()
            super().connection_lost(exc)

        def shutdown(self) -> None:
            if self._away:
                self._task = self.loop.create_task(inner.stop(GRACE_S))
            else:
                super().shutdown()

        def _preface(self, head: bytes) -> None:
            if len(head) < len(PREFACE):
                self._wait(head)
                return
            self._decided()
            self._away = True
            self.transport.pause_reading()
            self._task = self.loop.create_task(splice(self.transport, bytearray(head), inner, self._lost))

        def _hand_over(self, head: bytes) -> None:
            """When all that was answered here has left: the order of answers is the order of requests."""
            self._unset_keepalive_if_required()
            if self.transport.is_closing():
                return
            if self.transport.get_write_buffer_size():
                self._head = b""
                self.transport.pause_reading()
                self.loop.call_later(_FLUSH_S, self._hand_over, head)
                return
            self._decided()
            self._away = True
            self.connections.discard(self)
            self.transport.pause_reading()
            if not elsewhere.give(self.transport.get_extra_info("socket"), head):
                self.transport.write(BUSY)
                self.transport.close()
                return
            self.transport.abort()  # closes our descriptor; theirs keeps the connection

        def _wait(self, head: bytes) -> None:
            self._unset_keepalive_if_required()
            self._head = head
            if self._timer is None:
                self._timer = self.loop.call_later(UNDECIDED_S, self.transport.close)

        def _lost(self) -> None:
            self.connections.discard(self)

        def _decided(self) -> None:
            self._head = b""
            self._first = False
            self._unset_keepalive_if_required()
            self._untimed()

        def _untimed(self) -> None:
            if self._timer:
                self._timer.cancel()
                self._timer = None

    return SniffingProtocol


_WORDS = b'{"error":{"type":"unavailable","message":"the gateway is not ready; try again"}}'
BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(_WORDS), _WORDS)
)

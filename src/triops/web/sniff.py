"""HTTP/1.1 and gRPC on one port: the first bytes of a connection say which it is.

An HTTP/2 client without TLS begins with a fixed preface. Such a connection is spliced to the server inside; every other
one is uvicorn's. Who calls is told by the call's own metadata, so nothing is lost by the splice but the peer address.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from triops.web.splice import Inner, splice

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # RFC 9113, 3.4
UNDECIDED_S = 10.0  # a connection that stays within the preface for so long is closed
GRACE_S = 5.0


def sniffing_protocol(inner: Inner) -> type[HttpToolsProtocol]:
    """The class for `uvicorn.Config(http=…)`."""

    class SniffingProtocol(HttpToolsProtocol):
        _head = b""
        _plain = False
        _spliced = False
        _timer: asyncio.TimerHandle | None = None
        _task: "asyncio.Task[None] | None" = None

        def data_received(self, data: bytes) -> None:
            if self._plain:
                super().data_received(data)
                return
            head = self._head + data
            if head.startswith(PREFACE):
                self._decided()
                self._spliced = True
                self.transport.pause_reading()
                self._task = self.loop.create_task(splice(self.transport, bytearray(head), inner, self._lost))
            elif PREFACE.startswith(head):
                self._head = head
                if self._timer is None:
                    self._timer = self.loop.call_later(UNDECIDED_S, self.transport.close)
            else:
                self._decided()
                self._plain = True
                super().data_received(head)

        def connection_lost(self, exc: Exception | None) -> None:
            self._decided()
            super().connection_lost(exc)

        def shutdown(self) -> None:
            if self._spliced:
                self._task = self.loop.create_task(inner.stop(GRACE_S))
            else:
                super().shutdown()

        def _lost(self) -> None:
            self.connections.discard(self)

        def _decided(self) -> None:
            self._head = b""
            if self._timer:
                self._timer.cancel()
                self._timer = None

    return SniffingProtocol

"""One kept connection to a provider: a request at a time, its answer, its time-outs."""

import asyncio
from typing import cast

import httptools

from triops.adapters.providers.answer import Answer
from triops.ports.providers import Fault
from triops.ports.upstream import Timeouts

_HEADERS = 64 << 10
_END_S = 0.25  # for the end of a body of which nothing more is needed


class UpstreamConnection(asyncio.Protocol):
    """`usable`: kept, silent, and not closed by the other end. One timer a connection: it looks how long ago something
    came and is set again, so that neither a byte nor a short exchange costs one."""

    __slots__ = ("_answer", "_bodies", "_coded", "_fields", "_headed", "_heading", "_kept", "_last", "_length", "_loop",
                 "_parser", "_sent", "_timeouts", "_timer", "_timer_at", "_transport", "heard", "idle_since", "lost",
                 "on_body")  # fmt: skip

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = cast(asyncio.Transport, None)
        self._bodies: list[bytes] = []  # pieces of a body in what is being read
        self.on_body = self._bodies.append  # the parser calls it
        self._parser = httptools.HttpResponseParser(self)
        self._answer: Answer | None = None
        self._fields: dict[str, str] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._timeouts = Timeouts()
        self._sent = self._last = 0.0
        self._heading = 0
        self._headed = False
        self._length = self._coded = False
        self._kept = True
        self.lost = False
        self.heard = False
        self.idle_since = 0.0

    @property
    def usable(self) -> bool:
        return not self.lost and self._kept and self._answer is None and not self._transport.is_closing()

    def exchange(self, request: bytes, answer: Answer, timeouts: Timeouts, began: float) -> None:
        """`began`: when the call began, by the loop's clock: connecting counts too."""
        self._answer = answer
        self._timeouts = timeouts
        self._heading = 0
        self._fields = {}
        self._headed = self._length = self._coded = self.heard = False
        self._sent = began
        self._last = self._loop.time()
        self._transport.write(request)
        self._watch(min(began + timeouts.first, began + timeouts.total, self._last + timeouts.between))

    def pause(self, paused: bool) -> None:
        if self.lost or self._transport.is_closing():
            return
        if paused:
            self._transport.pause_reading()
        else:
            self._last = self._loop.time()
            self._transport.resume_reading()

    def ending(self) -> None:
        times = self._timeouts
        self._timeouts = Timeouts(times.connect, times.first, min(times.between, _END_S), times.total)
        self._watch(self._look(self._loop.time()))

    def settle(self, whole: bool) -> bool:
        """The answer is done with; unless `whole`, the connection is closed, for its rest would still come. Answers
        whether it can be used again."""
        self._answer = None
        if not whole or not self._kept:
            self.close()
        return self._kept and not self.lost

    def close(self) -> None:
        self._kept = False
        self._unwatched()
        if self._transport is not None and not self.lost:
            self._transport.abort()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None or answer.ended:
            self.close()  # nothing was asked
            return
        self._last = self._loop.time()
        self.heard = True
        if not self._headed:
            self._heading += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._kept = False
            self._put(answer)
            answer.fail(Fault("garbage", "the provider's answer is not HTTP/1.1"))
            return
        self._put(answer)
        if not self._headed and self._heading > _HEADERS:
            self._kept = False
            answer.fail(Fault("garbage", f"the provider's headers are over {_HEADERS} bytes"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self._unwatched()
        answer = self._answer
        if answer is None or answer.ended:
            return
        if self._headed and not self._length and not self._coded and exc is None:
            answer.end()  # a body that ends with its connection
        elif self._headed:
            answer.fail(Fault("cut", "the provider closed the connection before its answer was complete"))
        else:
            answer.fail(Fault("cut", "the provider closed the connection before it answered"))

    # What the parser calls

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._headed:  # trailers say nothing, and there may be any number
            self._fields[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self._fields = {}
            return
        if self._headed:
            self._kept = False  # a second answer
            return
        self._headed = True
        self._length = "content-length" in self._fields or status in (204, 304)
        self._coded = "transfer-encoding" in self._fields
        if self._answer is not None:
            self._answer.came(self._fields, status)

    def on_message_complete(self) -> None:
        if not self._headed:
            return
        self._kept = self._kept and bool(self._parser.should_keep_alive())
        if self._answer is not None:
            self._put(self._answer)
            self._answer.end()

    def _put(self, answer: Answer) -> None:
        """What came together goes on together."""
        bodies = self._bodies
        if bodies:
            if not answer.ended:
                answer.put(bodies)
            bodies.clear()

    # Time

    def _due(self) -> float:
        answer, times = self._answer, self._timeouts
        begun = answer is not None and answer.begun
        return min(self._sent + times.total, self._last + times.between if begun else self._sent + times.first)

    def _look(self, now: float) -> float:
        """When to look again: an answer may begin at any time, and the next pause is then shorter than the first."""
        return min(self._due(), now + self._timeouts.between)

    def _watch(self, due: float) -> None:
        """Look at `due` at the latest; a timer that is set for sooner sets itself again."""
        if self._timer is not None:
            if self._timer_at <= due:
                return
            self._timer.cancel()
        self._timer, self._timer_at = self._loop.call_at(due, self._check), due

    def _unwatched(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        answer = self._answer
        self._timer = None
        if answer is None or answer.ended:
            return
        now, due = self._loop.time(), self._due()
        if now < due:
            self._watch(self._look(now))
            return
        times = self._timeouts
        if now >= self._sent + times.total:
            words = f"no complete answer within {round(times.total, 1) or times.total:g} s"
        elif answer.begun:
            words = f"nothing more came for {times.between:g} s"
        else:
            words = f"no answer began within {times.first:g} s"
        self._kept = False
        answer.fail(Fault("timeout", words))

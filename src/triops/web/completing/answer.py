"""One call's answer on its way to the caller, in his dialect (`lenses/llmops/gateway/taker.py`)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from triops.kernel.completion import Ask, Chat, Embed, Embedded, Reply
from triops.kernel.errors import ProviderFailed, TriopsError
from triops.kernel.money import usd
from triops.lenses.llmops.gateway.taker import Told
from triops.ports.providers import Event
from triops.web.dialects import Dialect, Encoder, Problem

if TYPE_CHECKING:
    from triops.web.completing.connection import Connection

_JSON = ("content-type", "application/json")


class DialectTaker:
    """`native`: providers' dialects whose errors go to this caller in their own words."""

    __slots__ = ("_ask", "_begun", "_connection", "_content", "_dialect", "_encoder", "_last")

    def __init__(self, dialect: Dialect, ask: Ask, connection: "Connection") -> None:
        self._dialect = dialect
        self._ask = ask
        self._connection = connection
        self._content: Chat | Embed | None = None
        self._encoder: Encoder | None = None
        self._begun = False
        self._last: Callable[[], None] | None = None

    @property
    def gone(self) -> bool:
        return self._connection.gone

    @property
    def on_gone(self) -> Callable[[], None] | None:
        return self._connection.on_gone

    @on_gone.setter
    def on_gone(self, tell: Callable[[], None] | None) -> None:
        self._connection.on_gone = tell

    def content(self) -> Chat | Embed:
        if self._content is None:
            self._content = self._dialect.content(self._ask)
        return self._content

    def ending(self, messages: int) -> Chat | Embed:
        said = self._ask.raw.get("messages")
        if self._content is not None or not isinstance(said, list) or len(said) <= messages:
            return self.content()
        return self._dialect.content(replace(self._ask, raw={**self._ask.raw, "messages": said[-messages:]}))

    def whole(self, answer: Reply | Embedded, raw: bytes | None, told: Told) -> None:
        body = raw if raw is not None else self._dialect.reply(self._ask, answer)
        headers = [_JSON, *self._told(told)]
        if told.cost is not None:
            headers.append(("x-triops-cost-usd", usd(told.cost)))
        self._last = lambda: self._connection.whole(200, body, headers)

    def begin(self, told: Told) -> None:
        self._begun = True
        headers = [("content-type", self._dialect.stream_type), ("cache-control", "no-cache"), *self._told(told)]
        self._connection.begin(200, headers)

    def events(self, events: Sequence[Event], native: bool) -> None:
        self._connection.piece(self._bytes(events, native))

    def end(self, events: Sequence[Event], native: bool) -> None:
        rest = self._bytes(events, native)
        if not native:
            rest += self._encoding().end()
        self._last = lambda: self._end(rest)

    def refuse(self, error: TriopsError, told: Told) -> int:
        if told.call:  # "" of who is not let in: nothing of his is recorded
            error.details["call"] = told.call
        problem = problem_for(self._dialect, error)
        if self._begun:
            rest = self._encoding().fail(problem)
            self._last = lambda: self._end(rest)
            return 200
        headers = [_JSON, *problem.headers, *self._told(told)]
        self._last = lambda: self._connection.whole(problem.status, problem.body, headers)
        return problem.status

    def finish(self) -> None:
        if self._last is not None:
            last, self._last = self._last, None
            last()

    async def room(self) -> None:
        await self._connection.room()

    def _told(self, told: Told) -> list[tuple[str, str]]:
        if not told.call:
            return []
        headers = [("x-triops-call", told.call), ("x-triops-cache", told.cache)]
        if self._dialect.call_header:
            headers.append((self._dialect.call_header, told.call))
        if told.provider:
            headers += [("x-triops-provider", told.provider), ("x-triops-model", told.model)]
        if told.dropped:
            headers.append(("x-triops-dropped", ",".join(told.dropped)))
        if told.left is not None:
            headers += self._dialect.limits(told.left)
        return headers

    def _bytes(self, events: Sequence[Event], native: bool) -> bytes:
        if native:
            return b"".join([event.raw for event in events if not event.hidden])
        encoder = self._encoder
        start = b""
        if encoder is None:
            encoder = self._encoding()
            start = encoder.start()
        return start + encoder.feed([delta for event in events for delta in event.deltas])

    def _encoding(self) -> Encoder:
        if self._encoder is None:
            self._encoder = self._dialect.encoder(self._ask)
        return self._encoder

    def _end(self, rest: bytes) -> None:
        self._connection.end(rest)


def problem_for(dialect: Dialect, error: TriopsError) -> Problem:
    """A provider's own words where it speaks the caller's dialect, else the dialect's for this kind of error."""
    if isinstance(error, ProviderFailed) and error.body and dialect.name in error.native:
        return Problem(error.status, error.body, dialect.problem(error).headers)
    return dialect.problem(error)

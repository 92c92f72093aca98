"""How a stream's events go on: together as they came together, and its end in one piece."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.unit.gateway import ask
from triops.adapters.providers.openai_chat import ChatDecoder
from triops.lenses.llmops.gateway.doing import Doing
from triops.lenses.llmops.gateway.said import Heard
from triops.lenses.llmops.gateway.specs import Caller
from triops.lenses.llmops.gateway.streaming import Streaming
from triops.ports.providers import Event, Fault


def chunk(delta: str, finish: str = "null") -> bytes:
    return b'data: {"choices": [{"index": 0, "delta": %b, "finish_reason": %b}]}\n\n' % (
        delta.encode(),
        finish.encode(),
    )


ONE, TWO = chunk('{"content": "one "}'), chunk('{"content": "two"}')
STOP, DONE = chunk("{}", '"stop"'), b"data: [DONE]\n\n"


class Came:
    """An answer that comes in these pieces, or several at once; after the last a fault, or the end."""

    def __init__(self, *pieces: bytes | list[bytes], fault: Fault | None = None) -> None:
        self._left = list(pieces)
        self._fault = fault

    @property
    def ended(self) -> bool:
        return not self._left and self._fault is None

    def ending(self) -> None: ...

    async def some(self) -> list[bytes]:
        if not self._left and self._fault is not None:
            raise self._fault
        some = self._left.pop(0) if self._left else []
        return [some] if isinstance(some, bytes) else some


class Kept:
    """A caller: what he was sent, piece by piece, and what waits for the record."""

    gone = False

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.rest = b""

    def begin(self, told: Any) -> None: ...

    def events(self, events: Sequence[Event], native: bool) -> None:
        self.sent.append(b"".join(event.raw for event in events))

    def end(self, events: Sequence[Event], native: bool) -> None:
        self.rest = b"".join(event.raw for event in events)

    async def room(self) -> None: ...


async def streamed(came: Came) -> Kept:
    kept = Kept()
    call = Doing(ask(stream=True), {}, cast(Any, kept), Caller("default"), "full", 0)
    call.heard = Heard(1000)
    parts = cast(Any, SimpleNamespace(now_ns=lambda: 1, recorder=None))
    try:
        await Streaming(call, ChatDecoder(hide_usage=True), True, parts).run(cast(Any, came))
    except Fault:
        kept.rest = b"fault"
    return kept


@pytest.mark.parametrize(
    ("pieces", "sent", "rest"),
    [
        ((ONE + TWO + STOP + DONE,), [], ONE + TWO + STOP + DONE),
        ((ONE, TWO + STOP + DONE), [ONE], TWO + STOP + DONE),
        ((ONE + TWO, STOP, DONE), [ONE + TWO], STOP + DONE),
        ((ONE[:9], ONE[9:] + TWO[:9], TWO[9:] + STOP + DONE), [ONE], TWO + STOP + DONE),
    ],
)
async def test_what_came_with_the_end_goes_with_the_end(
    pieces: tuple[bytes, ...], sent: list[bytes], rest: bytes
) -> None:
    kept = await streamed(Came(*pieces))
    assert (kept.sent, kept.rest) == (sent, rest)


async def test_what_came_before_a_fault_goes_on() -> None:
    kept = await streamed(Came(ONE + TWO, fault=Fault("cut", "the connection closed")))
    assert (kept.sent, kept.rest) == ([ONE + TWO], b"fault")


async def test_what_came_together_with_an_error_goes_on_before_it() -> None:
    kept = await streamed(Came([ONE, TWO, b'data: {"error": {"message": "broken"}}\n\n'], fault=Fault("cut", "closed")))
    assert (kept.sent, kept.rest) == ([ONE + TWO], b"fault")

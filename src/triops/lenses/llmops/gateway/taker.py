"""Who made a call, as the gateway sees him: he takes an answer, whole or in events, in his own words.

Nothing that `whole`, `end` or `refuse` prepares is sent before `finish`: in between stands the journal, so that an
answer that was given is an answer that is recorded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from triops.kernel.completion import Chat, Embed, Embedded, Reply
from triops.kernel.errors import TriopsError
from triops.lenses.llmops.gateway.limits import Left
from triops.ports.providers import Event


@dataclass(slots=True)
class Told:
    """What a caller is told beside the answer. `cost`: pico-dollars, None where nobody said what it costs. `left`: of
    his key's limits a minute."""

    call: str
    provider: str = ""
    model: str = ""
    cache: str = "off"
    cost: int | None = None
    dropped: tuple[str, ...] = ()
    left: Left | None = None


class Taker(Protocol):
    """`gone`: he has left; `on_gone` is called when he leaves."""

    @property
    def gone(self) -> bool: ...

    on_gone: Callable[[], None] | None

    def content(self) -> Chat | Embed:
        """The request in full. Raises: Invalid."""
        ...

    def ending(self, messages: int) -> Chat | Embed:
        """The request with no more than so many of its last messages. Raises: Invalid."""
        ...

    def whole(self, answer: Reply | Embedded, raw: bytes | None, told: Told) -> None:
        """`raw`: the provider's own bytes, where they are in the caller's dialect and nothing changed them."""
        ...

    def begin(self, told: Told) -> None: ...

    def events(self, events: Sequence[Event], native: bool) -> None:
        """More of a stream, sent at once. `native`: as they came."""
        ...

    def end(self, events: Sequence[Event], native: bool) -> None:
        """The rest of a stream."""
        ...

    def refuse(self, error: TriopsError, told: Told) -> int:
        """Answers the status that he will see; of a stream that has begun, that which it began with."""
        ...

    def finish(self) -> None: ...

    async def room(self) -> None:
        """Until he has read enough for more to be sent, or has left."""
        ...

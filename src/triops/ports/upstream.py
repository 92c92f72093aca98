"""The way to a provider: HTTP/1.1 over kept connections. One try each; who retries is the gateway's business.

Bounds: connections a provider, header bytes, body bytes of a whole answer. Redirects are not followed. Unless
`allow_private`, the address that a name resolves to must be a public one, checked at each connection (a name cannot be
rebound between check and use).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from triops.kernel.value import value
from triops.ports.providers import Outgoing


class Host(NamedTuple):
    """Where a provider is. `ca`: a file of certificates to trust beside the system's."""

    scheme: str
    name: str
    port: int
    allow_private: bool = False
    ca: str = ""


@value
class Timeouts:
    """Seconds. `first`: until the answer's headers, and of a stream until its first event. `between`: between bytes."""

    connect: float = 5.0
    first: float = 60.0
    between: float = 60.0
    total: float = 600.0


class Coming(Protocol):
    """An answer whose headers have come. `ended`: the whole of it has. `close` is safe twice, and gives the connection
    back when the body was read to its end, else closes it."""

    status: int
    headers: Mapping[str, str]
    ended: bool

    async def read(self, most: int) -> bytes:
        """The whole body. Raises: Fault (cut, timeout; garbage over `most` bytes)."""
        ...

    async def some(self) -> Sequence[bytes]:
        """What has come of the body since it was last asked, waited for, in the pieces that it was sent in; [] at its
        end. Raises: Fault."""
        ...

    def ending(self) -> None:
        """All was said: the body's end is waited for a moment only, so that the connection may be kept."""
        ...

    def close(self) -> None: ...


class Upstream(Protocol):
    async def send(self, host: Host, outgoing: Outgoing, timeouts: Timeouts) -> Coming:
        """Raises: Fault (connect, timeout, cut, garbage), Overloaded when `host` has as many calls as are allowed."""
        ...

    async def close(self) -> None: ...

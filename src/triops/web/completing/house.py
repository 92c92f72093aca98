"""What a connection needs of the server that it belongs to."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from triops.web.completing.paths import GatewayPaths
from triops.web.completing.request import Bounds, Refused, Request

if TYPE_CHECKING:
    from triops.web.completing.connection import Connection


class House(Protocol):
    """Whose connections they are. `give` hands one to who serves other paths; False when that cannot be."""

    loop: asyncio.AbstractEventLoop
    paths: GatewayPaths
    bounds: Bounds
    stopping: bool
    bodies: int  # bytes of bodies that are held for all connections
    give: Callable[[socket.socket, bytes], bool]

    def now(self) -> float: ...

    def opened(self, connection: "Connection") -> None: ...

    def closed(self, connection: "Connection") -> None: ...

    def words(self, refused: Refused) -> bytes: ...

    def admit(self, path: str, headers: Mapping[str, str]) -> None:
        """Before a large body is read. Raises: Refused."""
        ...

    async def answer(self, request: Request, connection: "Connection") -> None: ...

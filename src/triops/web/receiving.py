"""A body that is streamed to where it is kept, however large, and how long it may take."""

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request

from triops.kernel.errors import Invalid, Unavailable
from triops.web.body import ARRIVAL_S

_PACE = 16 << 10  # bytes a second, below which a body is given up after its first minute


async def streamed(request: Request) -> AsyncIterator[bytes]:
    """The body in the pieces it comes in. Raises: Invalid (the client went away), Unavailable (it stands still, or is
    slower than 16 kB/s)."""
    clock = asyncio.get_running_loop().time
    begun, received = clock(), 0
    stream = request.stream()
    try:
        async with asyncio.timeout(None) as limit:
            while True:
                limit.reschedule(min(clock() + ARRIVAL_S, begun + ARRIVAL_S + received / _PACE))
                chunk = await anext(stream, None)
                if chunk is None:
                    return
                limit.reschedule(None)  # writing it is not the client's time
                received += len(chunk)
                if chunk:
                    yield chunk
    except TimeoutError:
        raise Unavailable(f"the body comes slower than {_PACE} bytes/s") from None
    except ClientDisconnect:
        raise Invalid("the client went away before the body was complete", field="body") from None

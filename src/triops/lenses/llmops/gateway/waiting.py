"""A place in a full route's queue, waited for."""

import asyncio
from functools import partial

from triops.kernel.errors import Overloaded
from triops.lenses.llmops.gateway.queues import Queues
from triops.lenses.llmops.gateway.specs import RouteSpec


async def place(queues: Queues, project: str, route: RouteSpec) -> None:
    """Of a route that lets calls wait. Returns at once where there is room; else when there is, first come, first
    served. Raises: Overloaded after `queue.wait_s`, or when too many wait."""
    limit = route.queue.wait_s
    if not queues.busy(project, route):
        return
    loop = asyncio.get_running_loop()
    until = loop.time() + limit
    while True:
        woken: asyncio.Future[None] = loop.create_future()
        wake = partial(_wake, woken)
        queues.wait(project, route, wake)
        try:
            await asyncio.wait_for(woken, until - loop.time())
        except TimeoutError:
            queues.refused += 1
            raise Overloaded(f"no place on the route {route.name} within {limit:g} s", retry_after_s=limit) from None
        finally:
            queues.leave_line(project, route, wake)
        if not queues.full(project, route):
            loop.call_soon(queues.wake_next, project, route)  # for when the call is refused after all
            return


def _wake(woken: "asyncio.Future[None]") -> None:
    if not woken.done():
        woken.set_result(None)

"""The in-process bus: who stores something says so, who cares subscribes. Not durable, by design: what must survive
is in a store before it is announced here."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

log = logging.getLogger(__name__)
E_ = TypeVar("E_")


@dataclass
class _Subscription:
    name: str
    handler: Callable[[Any], Awaitable[None]]
    queue: "asyncio.Queue[Any]"
    dropped: int = 0
    failed: int = 0


@dataclass
class Bus:
    """Each subscriber has a bounded queue and one task. At the bound the oldest event is dropped and counted."""

    _subscriptions: dict[type, list[_Subscription]] = field(default_factory=dict)
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def subscribe(
        self, event: type[E_], handler: Callable[[E_], Awaitable[None]], *, name: str, bound: int = 256
    ) -> None:
        """Before `start`. `handler` gets one event at a time, in order."""
        self._subscriptions.setdefault(event, []).append(_Subscription(name, handler, asyncio.Queue(bound)))

    def publish(self, event: object) -> None:
        """Never waits."""
        for subscription in self._subscriptions.get(type(event), ()):
            if subscription.queue.full():
                subscription.queue.get_nowait()
                subscription.queue.task_done()
                subscription.dropped += 1
            subscription.queue.put_nowait(event)

    async def start(self) -> None:
        for subscriptions in self._subscriptions.values():
            for subscription in subscriptions:
                self._tasks.append(asyncio.create_task(self._serve(subscription), name=f"bus:{subscription.name}"))

    async def close(self) -> None:
        """Hand out what is queued, for at most 2 s, then stop. Safe before start, and twice."""
        if self._tasks:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await self.drain()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def drain(self) -> None:
        """Wait until every queue is empty and handled (tests wait on this, never on time)."""
        for subscriptions in self._subscriptions.values():
            for subscription in subscriptions:
                await subscription.queue.join()

    def counters(self) -> dict[str, dict[str, int]]:
        return {
            s.name: {"queued": s.queue.qsize(), "dropped": s.dropped, "failed": s.failed}
            for group in self._subscriptions.values()
            for s in group
        }

    async def _serve(self, subscription: _Subscription) -> None:
        while True:
            event = await subscription.queue.get()
            try:
                await subscription.handler(event)
            except Exception:  # one subscriber's fault must not stop the others
                subscription.failed += 1
                log.exception("subscriber %s failed", subscription.name)
            finally:
                subscription.queue.task_done()

"""Background work: a Job is a name, an interval, a time limit and `tick(now)`; the supervisor runs them all.

A job never sleeps or reads the clock, so that tests drive it with a fake one. It must be idempotent: a tick may be
cut short at its limit or by a stop, and is then simply due again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from triops.kernel.ids import ProjectId
from triops.ports.clock import Clock

log = logging.getLogger(__name__)

Projects = Callable[[], Awaitable[Sequence[ProjectId]]]  # what a job goes over, asked anew in every tick


@dataclass
class Job:
    name: str
    every_s: float
    tick: Callable[[float], Awaitable[None]]
    limit_s: float = 60.0
    ticks: int = 0
    failures: int = 0
    last_started: float = 0.0
    last_took_s: float = 0.0
    last_error: str = ""


@dataclass
class Supervisor:
    """One task a job. After a failure the next tick waits twice as long, at most 60 s over the interval."""

    clock: Clock
    jobs: list[Job] = field(default_factory=list)
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    async def start(self) -> None:
        self._tasks = [asyncio.create_task(self._run(job), name=f"job:{job.name}") for job in self.jobs]

    async def close(self) -> None:
        """Safe before start, and twice."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _run(self, job: Job) -> None:
        wait = min(job.every_s, 1.0)
        while True:
            await self.clock.sleep(wait)
            started = self.clock.now()
            ok = await self._tick(job, started)
            took = self.clock.now() - started
            wait = max(0.05, job.every_s - took) if ok else min(wait * 2 + 0.5, job.every_s + 60.0)

    async def _tick(self, job: Job, now: float) -> bool:
        job.ticks += 1
        job.last_started = now
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(job.limit_s):
                await job.tick(now)
        except Exception as error:  # a job's fault is counted and retried, never fatal
            job.failures += 1
            job.last_error = f"{type(error).__name__}: {error}"
            log.exception("job %s failed", job.name)
            return False
        finally:
            job.last_took_s = loop.time() - began
        job.last_error = ""
        return True

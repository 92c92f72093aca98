"""What tracking does by itself: merge histories, free what was deleted."""

from collections.abc import Awaitable, Callable, Sequence

from triops.kernel.clock import DAY_S
from triops.kernel.ids import ProjectId
from triops.ledger.runs.compaction import Compaction
from triops.ledger.runs.freeing import Freeing
from triops.loop.jobs import Job

OnFreed = Callable[[ProjectId, Sequence[str]], Awaitable[None]]
"""Is told the artifact URIs under which nobody looks any more; told again after a kill."""


class Gc:
    """`deleted_days`: how long what was deleted can be restored; 0: until the next tick."""

    def __init__(self, freeing: Freeing, deleted_days: float, on_freed: OnFreed) -> None:
        self._freeing = freeing
        self._deleted_ms = deleted_days * DAY_S * 1000
        self._on_freed = on_freed

    async def tick(self, now: float) -> None:
        before_ms = int(now * 1000 - self._deleted_ms)
        while due := await self._freeing.due(before_ms):
            for run in due:
                await self._freeing.free(run, before_ms)
        await self._freeing.free_experiments(before_ms)
        await self.freed()

    async def freed(self) -> None:
        """Artifacts that are nobody's any more go."""
        while freed := await self._freeing.freed():
            for one in freed:
                await self._on_freed(one.project, [one.artifact_uri])
            await self._freeing.forget(freed)


def tracking_jobs(compaction: Compaction, gc: Gc) -> list[Job]:
    return [
        Job("compact-metrics", 2.0, compaction.tick, limit_s=60.0),
        Job("gc-runs", 5.0, gc.tick, limit_s=300.0),
    ]

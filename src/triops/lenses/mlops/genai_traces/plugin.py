"""What traces have to do by themselves: go with their experiment."""

from triops.kernel.clock import DAY_S
from triops.ledger.traces.freeing import TraceFreeing
from triops.loop.jobs import Job

_STEPS = 1000  # of one tick


def trace_jobs(freeing: TraceFreeing, deleted_days: float) -> list[Job]:
    """`deleted_days`: how long a deleted experiment can be restored; 0: until the next tick."""

    async def tick(now: float) -> None:
        for _ in range(_STEPS):
            if not await freeing.free(int((now - deleted_days * DAY_S) * 1000)):
                return

    return [Job("gc-traces", 10.0, tick, limit_s=300.0)]

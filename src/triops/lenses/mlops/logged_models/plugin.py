"""What runs by itself for logged models: the freeing of deleted ones."""

from triops.kernel.clock import DAY_S
from triops.ledger.logged_models.freeing import LoggedModelsFreeing
from triops.loop.jobs import Job

_STEPS = 100  # of one tick


def logged_model_jobs(freeing: LoggedModelsFreeing, deleted_days: float) -> list[Job]:
    async def tick(now: float) -> None:
        before_ms = int((now - deleted_days * DAY_S) * 1000)
        for _ in range(_STEPS):
            if not await freeing.free(before_ms):
                return

    return [Job("logged models", 60.0, tick, limit_s=300.0)]

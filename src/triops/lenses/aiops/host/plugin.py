"""What the host slice registers in `triops up`: one job that reads the machine, one that follows log files."""

import asyncio

from triops.kernel.ids import ProjectId
from triops.lenses.aiops.host.collector import HostCollector
from triops.lenses.aiops.host.follow import LogFollower
from triops.loop.jobs import Job
from triops.loop.receive import Receiver


def host_jobs(
    collector: HostCollector,
    follower: LogFollower | None,
    receiver: Receiver,
    project: ProjectId,
    *,
    metrics_every_s: float = 10.0,
    logs_every_s: float = 2.0,
) -> list[Job]:
    """Both read on a thread: no file of the kernel or of a log holds the event loop."""

    async def read_host(now: float) -> None:
        batch = await asyncio.to_thread(collector.collect, now)
        await receiver.receive_metrics(project, batch, source="host")

    jobs = [Job("host", metrics_every_s, read_host, limit_s=30.0)]
    if follower is not None:
        followed = follower

        async def read_logs(now: float) -> None:
            batch = await asyncio.to_thread(followed.poll, now)
            if len(batch):
                await receiver.receive_logs(project, batch, source="host")
            await asyncio.to_thread(followed.commit)  # only now: lines that could not be stored are read again

        jobs.append(Job("host_logs", logs_every_s, read_logs, limit_s=30.0))
    return jobs

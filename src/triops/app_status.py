"""The server about itself: what it holds, what it took and refused, how its jobs do."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from triops import __version__
from triops.edges.native.services import Services
from triops.loop.jobs import Supervisor


async def status_of(services: Services, supervisor: Supervisor, started_at: float, data: Path) -> Mapping[str, Any]:
    process = psutil.Process()
    receiver = services.receiver
    stores = {"metrics": services.metrics, "logs": services.logs, "spans": services.spans}
    return {
        "version": __version__,
        "started_at": started_at,
        "data_dir": str(data),
        "process": {"rss_bytes": process.memory_info().rss, "cpu_s": sum(process.cpu_times()[:2])},
        "stores": {kind: asdict(await store.usage()) for kind, store in stores.items()},
        "received": {
            "accepted": {kind: receiver.accepted[kind] for kind in stores},
            "refused": [
                {"kind": kind, "reason": reason, "count": count}
                for (kind, reason), count in receiver.refused.most_common(100)
            ],
        },
        "jobs": [
            {
                "name": job.name,
                "every_s": job.every_s,
                "ticks": job.ticks,
                "failures": job.failures,
                "last_error": job.last_error,
                "last_took_s": round(job.last_took_s, 4),
            }
            for job in supervisor.jobs
        ],
        "bus": services.bus.counters(),
    }

"""A real server on a port of its own, around the edges, with stores that write down what they are given."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from triops.kernel.anomaly import Anomaly
from triops.kernel.errors import TriopsError, Unauthenticated
from triops.kernel.ids import ProjectId
from triops.kernel.limits import Limits
from triops.kernel.signal import LogBatch, MetricBatch, SpanBatch, Text
from triops.kernel.tenant import DEFAULT_PROJECT, Principal, Right, Role
from triops.loop.bus import Bus
from triops.loop.receive import Receiver
from triops.ports.clock import SystemClock
from triops.ports.telemetry import Appended


@dataclass
class Recorder:
    """An append-only store: all that a `Receiver` calls. `fail` is raised instead of storing."""

    batches: list[Any] = field(default_factory=list)
    digests: list[bytes | None] = field(default_factory=list)
    projects: list[ProjectId] = field(default_factory=list)
    fail: list[TriopsError] = field(default_factory=list)

    async def append(self, project: ProjectId, batch: Any, digest: bytes | None = None) -> Appended:
        if self.fail:
            raise self.fail.pop(0)
        duplicate = digest is not None and digest in self.digests
        if not duplicate:
            self.batches.append(batch)
            self.digests.append(digest)
            self.projects.append(project)
        return Appended(len(batch), duplicate)

    def rows(self) -> int:
        return sum(len(batch) for batch in self.batches)

    def texts(self, column: str) -> list[str]:
        return [text for batch in self.batches for text in getattr(batch, column)]


@dataclass
class Stores:
    metrics: Recorder = field(default_factory=Recorder)
    logs: Recorder = field(default_factory=Recorder)
    spans: Recorder = field(default_factory=Recorder)
    alerts: list[Anomaly] = field(default_factory=list)
    seen: list[Mapping[str, str]] = field(default_factory=list)
    deny: bool = False

    def receiver(self, limits: Limits) -> Receiver:
        return Receiver(
            self.metrics, self.logs, self.spans, Bus(), SystemClock(), templates=no_templates, limits=limits
        )  # type: ignore[arg-type]

    async def authenticate(self, headers: Mapping[str, str], right: Right) -> Principal:
        self.seen.append(dict(headers))
        if self.deny:
            raise Unauthenticated("no key")
        assert right is Right.SEND
        return Principal(DEFAULT_PROJECT, Role.INGEST, "test")

    async def take_alerts(self, project: ProjectId, claims: Sequence[Anomaly]) -> None:
        self.alerts.extend(claims)

    def metric_points(self) -> dict[str, list[tuple[str, str, float]]]:
        """Name → (labels, type, value)."""
        out: dict[str, list[tuple[str, str, float]]] = {}
        for batch in self.metrics.batches:
            at = {int(id_): i for i, id_ in enumerate(batch.series.id)}
            for id_, value in zip(batch.series_id, batch.value, strict=True):
                i = at[int(id_)]
                out.setdefault(batch.series.name[i], []).append(
                    (batch.series.labels[i], batch.series.type[i], float(value))
                )
        return out


def no_templates(bodies: Text) -> Any:
    return np.zeros(len(bodies), dtype=np.uint64)


@contextlib.asynccontextmanager
async def serving(routes: Sequence[Route], **config: Any) -> AsyncIterator[int]:
    """The port of a uvicorn that serves these routes in this loop."""
    app = Starlette(routes=list(routes))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off", **config))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server._serve(None))
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def until(condition: Callable[[], object], limit_s: float = 20.0) -> None:
    """Wait for a condition; says which when time is up."""
    try:
        async with asyncio.timeout(limit_s):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {limit_s} s: {condition}") from None


@contextlib.contextmanager
def own_thread(work: Callable[[], object]) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield thread
    thread.join(20)


def check_lengths(batch: MetricBatch | LogBatch | SpanBatch) -> None:
    """Every row column is as long as the batch; every row's resource and series is among those of the batch."""
    from triops.loop.receive import _PER_ROW

    for name in _PER_ROW[type(batch)]:
        assert len(getattr(batch, name)) == len(batch), name
    known = set(batch.resources.fingerprint.tolist())
    if isinstance(batch, MetricBatch):
        ids = batch.series.id.tolist()
        assert len(set(ids)) == len(ids)
        assert set(batch.series_id.tolist()) <= set(ids)
        assert set(batch.series.resource.tolist()) <= known
    else:
        assert set(batch.resource.tolist()) <= known

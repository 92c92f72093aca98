"""Templates of many lines are found beside the event loop."""

import asyncio
import threading
from typing import Any

import numpy as np
import pytest

from triops.kernel.signal import U64, LogBatch, Resources, Text
from triops.kernel.tenant import DEFAULT_PROJECT
from triops.loop.bus import Bus
from triops.loop.receive import Receiver
from triops.ports.clock import SystemClock
from triops.ports.telemetry import Appended


class Sink:
    async def append(self, project: Any, batch: Any, digest: Any = None) -> Appended:
        return Appended(len(batch))


def texts(count: int) -> Any:
    column = np.empty(count, dtype=object)
    column[:] = ["a line"] * count
    return column


@pytest.mark.parametrize(("rows", "on_loop"), [(10, True), (5000, False)])
def test_many_lines_do_not_hold_the_loop(rows: int, on_loop: bool) -> None:
    threads: list[int] = []

    def templates(bodies: Text) -> U64:
        threads.append(threading.get_ident())
        return np.ones(len(bodies), np.uint64)

    clock, sink = SystemClock(), Sink()
    receiver = Receiver(sink, sink, sink, Bus(), clock, templates)  # type: ignore[arg-type]
    zeros = np.zeros(rows, np.uint64)
    batch = LogBatch(
        resources=Resources(np.zeros(1, np.uint64), texts(1)),
        resource=zeros,
        time_ns=np.full(rows, int(clock.now() * 1e9), np.int64),
        severity=np.zeros(rows, np.uint8),
        body=texts(rows),
        template=zeros,
        trace_hi=zeros,
        trace_lo=zeros,
        span_id=zeros,
        attributes=texts(rows),
    )
    asyncio.run(receiver.receive_logs(DEFAULT_PROJECT, batch))
    assert (threads == [threading.get_ident()]) is on_loop

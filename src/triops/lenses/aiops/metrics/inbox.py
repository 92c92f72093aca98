"""What was received and waits for the next tick, of one project."""

from collections import deque

import numpy as np

from triops.kernel.signal import F64, I64, U64, MetricBatch


class Inbox:
    """At most `bound` points. At the bound the oldest batches are dropped, and their points counted."""

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self.dropped = 0
        self._waiting = 0
        self._batches: deque[tuple[U64, I64, F64]] = deque()

    def put(self, batch: MetricBatch) -> None:
        self._batches.append((batch.series_id, batch.time_ns, batch.value))
        self._waiting += len(batch)
        while self._waiting > self.bound and len(self._batches) > 1:
            lost = len(self._batches.popleft()[0])
            self._waiting -= lost
            self.dropped += lost

    def take(self) -> tuple[U64, I64, F64]:
        """Everything that waits, as columns; the inbox is empty then."""
        batches, self._batches, self._waiting = list(self._batches), deque(), 0
        if not batches:
            return np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0)
        ids, times, values = (np.concatenate(column) for column in zip(*batches, strict=True))
        return ids, times, values

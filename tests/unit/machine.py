"""Metric batches of a busy host and a service, for tests."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import orjson

from triops.kernel.ids import ProjectId
from triops.kernel.signal import MetricBatch, Resources, Series, fingerprint
from triops.loop.bus import Bus
from triops.loop.events import MetricsReceived

DEFAULT = ProjectId("default")


def text(values: Sequence[str]) -> np.ndarray:
    return np.array(values, dtype=object)


def json(values: Mapping[str, object]) -> str:
    return orjson.dumps(values, option=orjson.OPT_SORT_KEYS).decode()


def batch(
    resource: Mapping[str, str],
    at_s: Sequence[float],
    series: Sequence[tuple[str, str, str, Mapping[str, str], Sequence[float]]],
) -> MetricBatch:
    """`series`: (name, type, unit, labels, one value a time)."""
    attributes = json(resource)
    print_ = fingerprint(attributes)
    ids = [fingerprint(f"{print_}\0{name}\0{json(labels)}") for name, _, _, labels, _ in series]
    times = np.array([int(at * 1e9) for at in at_s], np.int64)
    n = len(series)
    return MetricBatch(
        Resources(np.array([print_], np.uint64), text([attributes])),
        Series(
            np.array(ids, np.uint64), np.full(n, print_, np.uint64), text([s[0] for s in series]),
            text([json(s[3]) for s in series]), text([s[1] for s in series]), text([s[2] for s in series]),
        ),
        np.tile(np.array(ids, np.uint64), len(times)),
        np.repeat(times, n),
        np.array([[s[4][t] for s in series] for t in range(len(times))], np.float64).ravel(),
    )  # fmt: skip


async def feed(
    detector: object, batches: Callable[[float], Sequence[MetricBatch]], times: Sequence[float], bus: Bus
) -> list:
    """At each time: publish what the machine sent, wait until it was taken, tick; every claim, in order."""
    claims: list = []
    await bus.start()
    try:
        for at in times:
            for one in batches(at):
                bus.publish(MetricsReceived(DEFAULT, one))
            await bus.drain()
            claims += await detector.tick(DEFAULT, at)  # type: ignore[attr-defined]
    finally:
        await bus.close()
    return claims


class Host:
    """Thirty metrics of a noisy machine: bursts of CPU, disk and network, memory that wanders."""

    def __init__(self, seed: int = 1) -> None:
        self.rng = np.random.default_rng(seed)
        self.memory, self.sent, self.cpu_s = 0.55, 1e9, 1000.0
        self.burst_until = 0.0
        self.requests = self.total_ms = 0.0

    def __call__(self, at: float) -> list[MetricBatch]:
        rng = self.rng
        if rng.random() < 0.03:
            self.burst_until = at + rng.exponential(8.0)
        burst = at < self.burst_until
        cpu = float(np.clip(rng.lognormal(-2.5, 0.5) + (rng.uniform(0.2, 0.7) if burst else 0), 0, 1))
        self.memory = float(np.clip(self.memory + rng.normal(0, 0.003), 0.3, 0.9))
        self.sent += rng.lognormal(10, 1.0) * (20 if burst else 1) * 5
        self.cpu_s += cpu * 5
        host = {"host.name": "h1"}
        rows = [
            (
                "system.cpu.utilization",
                "gauge",
                "1",
                {"cpu": str(n)},
                [float(np.clip(cpu * rng.lognormal(0, 0.3), 0, 1))],
            )
            for n in range(4)
        ]
        rows += [
            ("system.memory.utilization", "gauge", "1", {"state": "used"}, [self.memory]),
            ("system.memory.usage", "gauge", "By", {"state": "used"}, [self.memory * 16e9]),
            ("system.network.io", "counter", "By", {"direction": "transmit"}, [self.sent]),
            ("system.cpu.time", "counter", "s", {"state": "user"}, [self.cpu_s]),
            ("system.filesystem.utilization", "gauge", "1", {"mountpoint": "/"}, [0.6]),
            ("system.processes.count", "gauge", "1", {}, [float(200 + rng.poisson(3))]),
            ("system.cpu.load_average.1m", "gauge", "1", {}, [cpu * 4 + rng.lognormal(-1, 0.3)]),
        ]  # fmt: skip
        out = [batch(host, [at], rows)]
        n = float(rng.poisson(100))
        self.requests += n
        self.total_ms += float(np.sum(rng.lognormal(3, 0.6, int(n))))
        labels = {"http.route": "/"}
        out.append(
            batch(
                {"service.name": "shop", "host.name": "h1"},
                [at],
                [
                    ("http.server.duration_count", "histogram", "ms", labels, [self.requests]),
                    ("http.server.duration_sum", "histogram", "ms", labels, [self.total_ms]),
                    ("http.server.duration_bucket", "histogram", "ms", {**labels, "le": "10"}, [self.requests / 2]),
                    ("http.server.active_requests", "gauge", "{request}", {}, [float(rng.poisson(1.0))]),
                    ("queue.length", "gauge", "", {}, [float(rng.negative_binomial(1, 0.2))]),
                    ("orders", "counter", "{order}", {}, [self.requests * 0.1]),
                ],
            )
        )
        return out

"""Detection: points a second through the whole metric detector (read, judge, learn, hysteresis), one core.

    python -m benchmarks.detect [series] [points a series]

The peer, in the same run, is what one would write by hand: an exponentially weighted z-score in a Python loop.
"""

import math
import os
import sys
import time

import numpy as np

from triops.lenses.aiops.metrics.families import entity_of, meaning_of, selector_of
from triops.lenses.aiops.metrics.model import Known, MetricProfile
from triops.lenses.aiops.metrics.service import MetricWatch


def run(series: int = 20_000, points: int = 100) -> dict[str, float]:
    """Figures by name; the points come as they do in life: a batch holds each series a few times."""
    rng = np.random.default_rng(1)
    ids = rng.permutation(np.arange(1, series + 1, dtype=np.uint64))
    watch = MetricWatch(MetricProfile())
    known = []
    for n in range(series):
        resource = {"service.name": f"s{n % 50}"}
        labels = {"n": str(n)}
        meaning = meaning_of("queue.length", "gauge", "1", labels)
        known.append(Known(entity_of(resource), "queue.length", "", selector_of("q", labels, resource), meaning, ""))
    watch.learn_names(ids, known, 0.0)
    levels = rng.lognormal(3, 2, series)
    batch_points = 4
    took, worst = 0.0, 0.0
    for batch in range(points // batch_points):
        times = ((batch * batch_points + np.arange(batch_points)) * 10.0 * 1e9).astype(np.int64)
        columns = [levels * (1 + 0.1 * rng.standard_normal(series)) for _ in range(batch_points)]
        values, batch_ids = np.concatenate(columns), np.tile(ids, batch_points)
        began = time.perf_counter()
        watch.take(batch_ids, np.repeat(times, series), values, batch * 40.0)
        worst = max(worst, time.perf_counter() - began)
        took += time.perf_counter() - began
    done = series * (points // batch_points) * batch_points
    return {"points_per_s": done / took, "series": float(series), "worst_batch_ms": worst * 1000, "peer": peer(200_000)}


def peer(points: int) -> float:
    """Points a second of the hand-written loop."""
    rng = np.random.default_rng(2)
    values = rng.standard_normal(points).tolist()
    state: dict[int, list[float]] = {}
    began = time.perf_counter()
    for n, value in enumerate(values):
        one = state.setdefault(n % 20_000, [0.0, 1.0])
        z = (value - one[0]) / math.sqrt(one[1])
        one[0] += 0.02 * (value - one[0])
        one[1] += 0.02 * ((value - one[0]) ** 2 - one[1])
        if abs(z) > 8:
            one[1] *= 1.1
    return points / (time.perf_counter() - began)


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    sizes = [int(text) for text in sys.argv[1:3]]
    got = run(*sizes)
    print(
        f"detection, one core: {got['points_per_s']:,.0f} points/s over {got['series']:,.0f} series "
        f"(at least 100,000); worst batch {got['worst_batch_ms']:.0f} ms; "
        f"a plain z-score in a Python loop: {got['peer']:,.0f}/s, ratio {got['points_per_s'] / got['peer']:.2f}"
    )


if __name__ == "__main__":
    main()

"""How fast the embedded stores take, keep and find telemetry. Durability: an append is answered after DuckDB synced the
day's write-ahead log (`fdatasync`). The peer of the queries: SQLite with the index that serves the question best, over
the same rows in the same run (it has no index for a substring).

    python -m benchmarks.store [--rows 1000000] [--threads 2]
"""

import argparse
import asyncio
import os
import resource
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from triops.adapters.embedded.engine import Engine
from triops.adapters.embedded.logs import EmbeddedLogs
from triops.adapters.embedded.metrics import EmbeddedMetrics
from triops.adapters.embedded.spans import EmbeddedSpans
from triops.kernel.clock import DAY_NS, NS
from triops.kernel.ids import ProjectId
from triops.kernel.signal import LogBatch, MetricBatch, Resources, Series, SpanBatch, fingerprint
from triops.ports.logs import LogQuery
from triops.ports.spans import TraceQuery
from triops.testing.batches import texts

PROJECT = ProjectId("bench")
DAY = 20_000 * DAY_NS
HOUR = 3600 * NS
_RANDOM = np.random.default_rng(7)
_WORDS = [
    "connection", "timeout", "refused", "user", "login", "failed", "payment", "order",
    "cart", "error", "request", "handled", "upstream", "retry",
]  # fmt: skip


def resources(count: int = 5) -> Resources:
    attributes = [f'{{"host.name":"h{i}","service.name":"service-{i}"}}' for i in range(count)]
    return Resources(np.array([fingerprint(one) for one in attributes], dtype=np.uint64), texts(attributes))


SOURCES = resources()


def ids(count: int) -> Any:
    return _RANDOM.integers(1, 2**63, count, dtype=np.uint64)


def span_batch(count: int, start_ns: int, step_ns: int) -> SpanBatch:
    """Traces of five spans: a server span and client, server, internal, client spans under it."""
    traces, span_ids = ids(-(-count // 5)).repeat(5)[:count], ids(count)
    parents = np.roll(span_ids, 1)
    parents[::5] = 0
    return SpanBatch(
        SOURCES,
        SOURCES.fingerprint[np.arange(count) % 5],
        traces ^ np.uint64(1 << 60),
        traces,
        span_ids,
        parents,
        texts([f"GET /items/{i % 20}" for i in range(count)]),
        np.array([2, 3, 2, 1, 3], dtype=np.uint8)[np.arange(count) % 5],
        start_ns + np.arange(count, dtype=np.int64) * step_ns,
        _RANDOM.integers(10_000, 50_000_000, count),
        (np.arange(count) % 97 == 0).astype(np.uint8) * np.uint8(2),
        texts([""] * count),
        texts(["opentelemetry.instrumentation.flask"] * count),
        texts(["external:pricing:80"] * count),
        texts([f'{{"http.request.method":"GET","http.route":"/items","net.peer.port":{i}}}' for i in range(count)]),
        texts([""] * count),
        texts([""] * count),
    )


def log_batch(count: int, start_ns: int, step_ns: int, first: int = 0) -> LogBatch:
    words = _RANDOM.integers(0, len(_WORDS), (count, 12)).tolist()
    return LogBatch(
        SOURCES,
        SOURCES.fingerprint[np.arange(count) % 5],
        start_ns + np.arange(count, dtype=np.int64) * step_ns,
        np.full(count, 9, dtype=np.uint8),
        texts([f"{' '.join(_WORDS[w] for w in row)} id={first + i}" for i, row in enumerate(words)]),
        ids(count) % np.uint64(50),
        ids(count),
        ids(count),
        ids(count),
        texts(['{"logger":"shop"}'] * count),
    )


def metric_batch(series_ids: Any, time_ns: int) -> MetricBatch:
    count = len(series_ids)
    series = Series(
        series_ids,
        SOURCES.fingerprint[np.arange(count) % 5],
        texts([f"metric.{i % 200}" for i in range(count)]),
        texts([f'{{"id":"{i}"}}' for i in range(count)]),
        texts(["gauge"] * count),
        texts(["1"] * count),
    )
    return MetricBatch(SOURCES, series, series_ids, np.full(count, time_ns), _RANDOM.random(count))


async def spans(engine: Engine, rows: int) -> None:
    store = EmbeddedSpans(engine)
    await store.start()
    step = HOUR // rows
    large = [span_batch(50_000, DAY + i * 50_000 * step, step) for i in range(max(1, rows // 50_000))]
    await clocked(
        "spans, 50,000 a request, 2 in flight",
        rows,
        together([lambda b=b: store.append(PROJECT, b, os.urandom(16)) for b in large], 2),
    )
    small = [span_batch(1000, DAY + DAY_NS + i * 1000 * step, step) for i in range(max(1, rows // 5000))]
    for flight in (1, 8, 64):
        await clocked(
            f"spans, 1,000 a request, {flight} in flight",
            1000 * len(small),
            together([lambda b=b: store.append(PROJECT, b, os.urandom(16)) for b in small], flight),
        )
    wanted = large[len(large) // 2]
    trace = int(wanted.trace_hi[100]) << 64 | int(wanted.trace_lo[100])
    end = DAY + HOUR
    ours = await asked(f"trace by id in {rows:,} spans", lambda: store.trace(PROJECT, trace))
    peer = sqlite("trace_hi INTEGER, span_id INTEGER, name TEXT, start INTEGER", "trace_hi")
    for batch in large:
        columns = (batch.trace_hi.astype(np.int64), batch.span_id.astype(np.int64), batch.name, batch.time_ns)
        fill(peer, *columns)
    beside(peer, "SELECT * FROM t WHERE trace_hi = ?", (int(wanted.trace_hi[100].astype(np.int64)),), ours)
    await asked("newest 100 traces", lambda: store.search(PROJECT, TraceQuery(DAY, end)))
    await asked(
        "newest 100 failed traces of a service",
        lambda: store.search(PROJECT, TraceQuery(DAY, end, service="service-1", status="error")),
    )
    await asked("red, 1 min", lambda: store.red(PROJECT, end - 60 * NS, end, 10 * NS))
    await asked(f"red, 1 h, {rows:,} spans", lambda: store.red(PROJECT, DAY, end, 60 * NS))
    await asked("operations of a service, 1 h", lambda: store.operations(PROJECT, DAY, end, "service-1"))
    await store.close()


async def logs(engine: Engine, rows: int) -> None:
    store = EmbeddedLogs(engine)
    await store.start()
    step = HOUR // rows
    size = min(rows, 20_000)
    batches = [log_batch(size, DAY + i * size * step, step, i * size) for i in range(rows // size)]
    await clocked(
        f"logs, {size:,} a request, 4 in flight",
        rows,
        together([lambda b=b: store.append(PROJECT, b, os.urandom(16)) for b in batches], 4),
    )
    peer = sqlite("time_ns INTEGER, severity INTEGER, body TEXT", "time_ns")
    for batch in batches:
        fill(peer, batch.time_ns, batch.severity, batch.body)
    for what, text in (("found once, early", "ID=77"), ("frequent", "timeout refused"), ("not there", "nosuchtext")):
        ours = await asked(
            f"text search in {rows:,} logs ({what})",
            lambda text=text: store.search(PROJECT, LogQuery(DAY, DAY + HOUR, text=text)),
        )
        query = "SELECT * FROM t WHERE body LIKE ? ORDER BY time_ns DESC LIMIT 100"
        beside(peer, query, (f"%{text}%",), ours)
    await asked("newest 100 logs", lambda: store.search(PROJECT, LogQuery(DAY, DAY + HOUR)))
    await asked("counts, 1 h by minute", lambda: store.counts(PROJECT, DAY, DAY + HOUR, 60 * NS))
    await asked("templates, 1 h", lambda: store.templates(PROJECT, DAY, DAY + HOUR))
    await store.close()


async def metrics(engine: Engine, rows: int) -> None:
    store = EmbeddedMetrics(engine)
    await store.start()
    series_ids = ids(min(20_000, rows))
    ticks = max(1, rows // len(series_ids))
    step = 2 * HOUR // ticks
    batches = [metric_batch(series_ids, DAY + i * step) for i in range(min(ticks, 50))]

    async def append(tick: int) -> None:
        batch = batches[tick % len(batches)]
        moved = MetricBatch(
            batch.resources, batch.series, batch.series_id, np.full(len(batch), DAY + tick * step), batch.value
        )
        await store.append(PROJECT, moved, os.urandom(16))

    await clocked(
        f"points, {len(series_ids):,} a request, 4 in flight",
        ticks * len(series_ids),
        together([lambda t=t: append(t) for t in range(ticks)], 4),
    )
    one = [int(series_ids[7])]
    some = [int(one) for one in series_ids[:100]]
    ours = await asked(f"1 h of one series in {rows:,} points", lambda: store.points(PROJECT, one, DAY, DAY + HOUR))
    peer = sqlite("series INTEGER, time_ns INTEGER, value REAL", "series, time_ns")
    for tick in range(ticks):
        batch = batches[tick % len(batches)]
        fill(peer, series_ids.astype(np.int64), np.full(len(batch), DAY + tick * step), batch.value)
    within = (int(series_ids[7].astype(np.int64)), DAY, DAY + HOUR)
    beside(peer, "SELECT * FROM t WHERE series = ? AND time_ns BETWEEN ? AND ?", within, ours)
    await asked("1 h of 100 series, 1 min steps", lambda: store.points(PROJECT, some, DAY, DAY + HOUR, 60 * NS))
    await asked("rate of 100 series", lambda: store.points(PROJECT, some, DAY, DAY + HOUR, 60 * NS, "rate"))
    await asked("every point of 1 min", lambda: store.since(PROJECT, DAY + HOUR, DAY + HOUR + 60 * NS))
    await asked("1,000 of 20,000 series", lambda: store.series(PROJECT, None, DAY, DAY + HOUR))
    await store.close()


async def together(calls: list[Callable[[], Awaitable[Any]]], flight: int) -> None:
    gate = asyncio.Semaphore(flight)

    async def one(call: Callable[[], Awaitable[Any]]) -> None:
        async with gate:
            await call()

    await asyncio.gather(*map(one, calls))


async def clocked(what: str, rows: int, work: Awaitable[None]) -> None:
    began, cpu = time.perf_counter(), time.process_time()
    await work
    took, used = time.perf_counter() - began, time.process_time() - cpu
    print(f"{what:<52} {rows / took:>12,.0f}/s  {rows / used:>12,.0f}/CPU-s")


def sqlite(columns: str, index: str) -> sqlite3.Connection:
    """The peer, in memory: no disk slows it."""
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE t ({columns})")
    connection.execute(f"CREATE INDEX i ON t ({index})")
    return connection


def fill(peer: sqlite3.Connection, *columns: Any) -> None:
    marks = ", ".join("?" * len(columns))
    peer.executemany(f"INSERT INTO t VALUES ({marks})", zip(*(c.tolist() for c in columns), strict=True))


def beside(peer: sqlite3.Connection, query: str, values: tuple[Any, ...], ours_ms: float) -> None:
    times = []
    for _ in range(7):
        began = time.perf_counter()
        peer.execute(query, values).fetchall()
        times.append((time.perf_counter() - began) * 1000)
    peer_ms = median(times)
    print(f"{'  the peer, SQLite in memory with an index':<52} {peer_ms:>10.1f} ms  (ratio {ours_ms / peer_ms:.2f})")


async def asked(what: str, ask: Callable[[], Awaitable[Any]]) -> float:
    """Prints and answers the median of seven, in milliseconds."""
    times = []
    for _ in range(7):
        began = time.perf_counter()
        await ask()
        times.append((time.perf_counter() - began) * 1000)
    print(f"{what:<52} {median(times):>10.1f} ms  (first {times[0]:.1f})")
    return float(median(times))


async def main(rows: int, threads: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder), threads=threads)
        print(f"embedded stores: durable (WAL synced at commit), DuckDB {threads} threads, 512 MB, {rows:,} rows")
        await spans(engine, rows)
        await logs(engine, rows)
        await metrics(engine, rows * 10)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        print(f"disk {size / 1e6:,.0f} MB, peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="spans and logs; ten times as many metric points")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    asyncio.run(main(given.rows, given.threads))

"""The embedded stores against a plain model of the same promises, over generated data."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from triops.adapters.embedded.engine import Engine
from triops.adapters.embedded.logs import EmbeddedLogs
from triops.adapters.embedded.metrics import EmbeddedMetrics
from triops.adapters.embedded.request import request_of
from triops.adapters.embedded.spans import EmbeddedSpans
from triops.kernel.clock import DAY_NS, NS, day_of
from triops.kernel.ids import ProjectId
from triops.ports.logs import LogQuery
from triops.ports.spans import TraceQuery
from triops.testing.batches import Log, Span, logs, points, series_id, spans

ONE = ProjectId("one")
DAY = 20_000 * DAY_NS
FEW = settings(max_examples=12, deadline=None)
TIMES = st.integers(-5, 5).map(lambda n: DAY + n * NS)


def run(store_type: type[Any], use: Callable[[Any], Awaitable[None]]) -> None:
    async def main() -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = store_type(Engine(Path(folder)))
            await store.start()
            try:
                await use(store)
            finally:
                await store.close()

    asyncio.run(main())


@given(
    batches=st.lists(st.lists(st.tuples(TIMES, st.floats()), max_size=8), min_size=1, max_size=5),
    step=st.integers(1, 4).map(lambda n: n * NS),
)
@example(batches=[[(DAY, 1.0), (DAY, float("nan"))]], step=NS)  # the last written is no number
@FEW
def test_points_and_their_aggregates(batches: list[list[tuple[int, float]]], step: int) -> None:
    held: dict[int, float] = {}
    for batch in batches:
        held.update(batch)
    start, end = DAY - 4 * NS, DAY + 4 * NS
    inside = {at: value for at, value in sorted(held.items()) if start <= at < end}

    async def use(store: EmbeddedMetrics) -> None:
        for batch in batches:
            await store.append(ONE, points("m", batch))
        ids = [series_id({"service.name": "shop"}, "m", {})]
        table = await store.points(ONE, ids, start, end)
        assert table.time_ns.tolist() == list(inside)
        np.testing.assert_array_equal(table.value, list(inside.values()))
        steps: dict[int, list[float]] = {}
        for at, value in inside.items():
            if value == value:
                steps.setdefault((at - start) // step * step + start, []).append(value)
        for aggregate, fold in (("min", min), ("max", max), ("last", lambda values: values[-1])):
            table = await store.points(ONE, ids, start, end, step, aggregate)  # type: ignore[arg-type]
            assert dict(zip(table.time_ns.tolist(), table.value.tolist(), strict=True)) == {
                at: fold(values) for at, values in steps.items()
            }

    run(EmbeddedMetrics, use)


@given(
    rows=st.lists(st.tuples(TIMES, st.text(max_size=6), st.integers(0, 24)), max_size=20),
    text=st.text(alphabet="aA%_\\é", max_size=2),
    severity=st.integers(0, 24),
    limit=st.integers(1, 7),
)
@FEW
def test_pages_of_logs_hold_each_match_once_newest_first(
    rows: list[tuple[int, str, int]], text: str, severity: int, limit: int
) -> None:
    start, end = DAY - 4 * NS, DAY + 4 * NS
    expected = [
        (at, body)
        for at, body, level in rows
        if start <= at < end and level >= severity and text.lower() in body.lower()
    ]

    async def use(store: EmbeddedLogs) -> None:
        await store.append(ONE, logs(*(Log(at, body, level) for at, body, level in rows)))
        seen = []
        query = LogQuery(start, end, text=text, severity=severity, limit=limit)
        while True:
            page = await store.search(ONE, query)
            seen += [(row.time_ns, row.body) for row in page.items]
            if page.next is None:
                break
            assert len(page.items) == limit
            query = replace(query, cursor=page.next)
        assert sorted(seen) == sorted(expected)
        assert [at for at, _ in seen] == sorted((at for at, _ in seen), reverse=True)

    run(EmbeddedLogs, use)


@given(
    rows=st.lists(
        st.tuples(st.integers(1, 8), st.integers(1, 4), TIMES, st.sampled_from(["a", "b"]), st.integers(0, 2)),
        max_size=25,
        unique_by=lambda row: row[:2],
    ),
    service=st.sampled_from(["", "a"]),
    limit=st.integers(1, 3),
)
@FEW
def test_pages_of_traces_hold_each_match_once_whole_newest_first(
    rows: list[tuple[int, int, int, str, int]], service: str, limit: int
) -> None:
    traces: dict[int, list[tuple[int, int, int, str, int]]] = {}
    for row in rows:
        traces.setdefault(row[0], []).append(row)
    expected = {
        trace: (min(row[2] for row in mine), len(mine), sum(row[4] == 2 for row in mine))
        for trace, mine in traces.items()
        if any(row[3].startswith(service) for row in mine)
    }

    async def use(store: EmbeddedSpans) -> None:
        await store.append(
            ONE, spans(*(Span(t << 70 | 1, s, at, service=name, status=code) for t, s, at, name, code in rows))
        )
        seen = []
        query = TraceQuery(DAY - 9 * NS, DAY + 9 * NS, service=service, limit=limit)
        while True:
            page = await store.search(ONE, query)
            seen += [(one.trace_id >> 70, one.start_ns, one.span_count, one.error_count) for one in page.items]
            if page.next is None:
                break
            query = replace(query, cursor=page.next)
        assert {trace: tuple(rest) for trace, *rest in seen} == expected
        assert len(seen) == len(expected)
        assert [row[1] for row in seen] == sorted((row[1] for row in seen), reverse=True)

    run(EmbeddedSpans, use)


@given(st.lists(st.integers(0, 2**63 - 1), max_size=30))
def test_a_batch_is_cut_at_midnight_and_loses_nothing(times: list[int]) -> None:
    request = request_of(EmbeddedMetrics.layout, ONE, points("m", [(at, float(i)) for i, at in enumerate(times)]), None)
    cut = [(part.day, at) for part in request.parts for at in part.columns["time_ns"].tolist()]
    assert sorted(at for _, at in cut) == sorted(times)
    assert all(day == day_of(at) for day, at in cut)
    assert len({part.day for part in request.parts}) == len(request.parts)

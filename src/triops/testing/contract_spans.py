"""The contract of `ports/spans.py`. See `contract_telemetry` for how to run it over a store."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from triops.kernel.clock import DAY_NS, NS
from triops.kernel.errors import Invalid
from triops.kernel.ids import ProjectId
from triops.kernel.signal import GATEWAY
from triops.ports.spans import RedTable, TraceQuery
from triops.testing.batches import Span, spans
from triops.testing.contract_telemetry import DAY, NOON, ONE, OTHER, TelemetryContract

MS = 1_000_000
ALL = TraceQuery(0, 2**62, limit=1000)
BIG = 2**127 + 2**63 + 1


class SpansContract(TelemetryContract):
    def batch(self, times: Sequence[int], *, user: str = "", resource_user: str = "", text: str = "t") -> Any:
        attributes = {"user.id": user} if user else {}
        resource = {"enduser.id": resource_user} if resource_user else {}
        return spans(*(Span(at, 1, at, name=text, attributes=attributes, resource=resource) for at in times))

    async def times(self, store: Any, project: ProjectId, start_ns: int = 0, end_ns: int = 2**62) -> list[int]:
        page = await store.search(project, replace(ALL, start_ns=start_ns, end_ns=end_ns))
        return [one.start_ns for one in reversed(page.items) for _ in range(one.span_count)]

    async def test_a_span_comes_back_as_it_was(self, tmp_path: Path) -> None:
        event = {"name": "exception", "time_ns": NOON, "attributes": {"exception.type": "Boom"}}
        span = Span(
            BIG, 2**64 - 1, NOON, 5 * MS, 2**63, "GET /é", 3, 2, "broke", "lib", "external:x", {"k": [1]}, (event,)
        )
        async with self.started(tmp_path) as store:
            await store.append(ONE, spans(span))
            (row,) = (await store.trace(ONE, BIG)).items
            assert (row.trace_id, row.span_id, row.parent_id) == (BIG, 2**64 - 1, 2**63)
            assert (row.name, row.kind, row.start_ns, row.duration_ns) == ("GET /é", 3, NOON, 5 * MS)
            assert (row.status, row.status_message, row.scope, row.peer) == (2, "broke", "lib", "external:x")
            assert (row.attributes, list(row.events), list(row.links)) == ({"k": [1]}, [event], [])
            assert (row.service, row.resource) == ("shop", {"service.name": "shop"})

    async def test_a_trace_over_midnight_is_paged_by_time_with_each_span_once(self, tmp_path: Path) -> None:
        rows = [Span(BIG, i + 1, DAY - 10 + i) for i in range(20)]
        async with self.started(tmp_path) as store:
            await store.append(ONE, spans(*rows, Span(BIG + 1, 1, DAY)))
            await store.append(ONE, spans(*rows[:12]))  # delivered twice
            await store.append(OTHER, spans(Span(BIG, 99, DAY)))
            seen: list[int] = []
            cursor = None
            while True:
                page = await store.trace(ONE, BIG, limit=7, cursor=cursor)
                seen += [row.span_id for row in page.items]
                if page.next is None:
                    break
                cursor = page.next
            assert seen == list(range(1, 21))
            assert (await store.trace(ONE, 5)).items == []
            assert (await store.trace(ONE, 2**128)).items == []

    async def test_a_summary_tells_of_the_whole_trace(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            await store.append(
                ONE,
                spans(
                    Span(BIG, 2, NOON + MS, 2 * MS, 1, "child", 3),
                    Span(BIG, 3, NOON + MS, 8 * MS, 2, "far", service="pay", status=2),
                ),
            )
            (early,) = (await store.search(ONE, ALL)).items
            assert early.service in ("shop", "pay")  # the root is missing
            await store.append(ONE, spans(Span(BIG, 1, NOON + 2 * MS, 3 * MS, name="root", service="front")))
            (one,) = (await store.search(ONE, replace(ALL, name="FAR"))).items
            assert (one.trace_id, one.root_name, one.service) == (BIG, "root", "front")
            assert (one.start_ns, one.duration_ns, one.status) == (NOON + MS, 8 * MS, "error")
            assert (one.span_count, one.error_count, list(one.services)) == (3, 1, ["front", "pay", "shop"])

    @pytest.mark.parametrize(
        ("condition", "found"),
        [
            ({"service": "pay"}, [2]),
            ({"name": "slow"}, [1]),
            ({"name": "%"}, []),
            ({"min_duration_ms": 50.0}, [1]),
            ({"status": "error"}, [2]),
            ({"status": "ok"}, [0, 1]),
            ({"service": "shop", "name": "get", "status": "ok"}, [0, 1]),
            ({"start_ns": NOON + 1, "end_ns": NOON + 2}, [1]),
        ],
    )
    async def test_search_conditions(self, tmp_path: Path, condition: dict[str, Any], found: list[int]) -> None:
        async with self.started(tmp_path) as store:
            await store.append(
                ONE,
                spans(
                    Span(1, 1, NOON),
                    Span(2, 1, NOON + 1, 100 * MS, name="GET /Slow"),
                    Span(3, 1, NOON + 2, service="pay", status=2),
                ),
            )
            await store.append(OTHER, spans(Span(4, 1, NOON)))
            page = await store.search(ONE, replace(ALL, **condition))
            assert [one.trace_id - 1 for one in reversed(page.items)] == found

    async def test_pages_of_traces_are_newest_first_and_complete(self, tmp_path: Path) -> None:
        rows = [
            Span(BIG + i, s, NOON + i // 2 * MS + s * 7 * MS, service="pay" if s else "shop")
            for i in range(40)
            for s in (0, 1)
        ]
        async with self.started(tmp_path) as store:
            await store.append(ONE, spans(*rows))
            for service in ("", "pay"):
                seen: list[Any] = []
                query = replace(ALL, limit=7, service=service)
                while True:
                    page = await store.search(ONE, query)
                    seen += page.items
                    await store.append(ONE, spans(Span(5, len(seen), NOON + NS + len(seen))))
                    if page.next is None:
                        break
                    query = replace(query, cursor=page.next)
                mine = [one for one in seen if one.trace_id != 5]
                assert [one.trace_id for one in mine] == [BIG + i for i in reversed(range(40))]
                assert all(one.span_count == 2 for one in mine)

    async def test_search_among_many_spans_of_few_traces(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            old = [Span(7, i, NOON + i * MS) for i in range(3)]
            many = [Span(8, i, NOON + NS + i) for i in range(20_000)]
            await store.append(ONE, spans(*old, *many))
            page = await store.search(ONE, replace(ALL, limit=2))
            assert [(one.trace_id, one.span_count) for one in page.items] == [(8, 20_000), (7, 3)]
            first = await store.search(ONE, replace(ALL, limit=1))
            assert [one.trace_id for one in first.items] == [8]
            rest = await store.search(ONE, replace(ALL, limit=1, cursor=first.next))
            assert [one.trace_id for one in rest.items] == [7]

    async def test_a_foreign_cursor_is_invalid(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            await store.append(ONE, spans(Span(1, 1, NOON)))
            with pytest.raises(Invalid):
                await store.search(ONE, replace(ALL, cursor="zzz"))
            with pytest.raises(Invalid):
                await store.trace(ONE, 1, cursor="zzz")

    async def test_red_of_services_and_edges(self, tmp_path: Path) -> None:
        def call(trace: int, at: int, status: int = 0) -> list[Span]:
            return [
                Span(trace, 1, at, 100 * MS, service="front"),
                Span(trace, 2, at + MS, 90 * MS, 1, "work", 1, service="front"),
                Span(trace, 3, at + 2 * MS, 80 * MS, 2, "call", 3, status, service="front", peer="external:shop:80"),
                Span(trace, 4, at + 3 * MS, 70 * MS, 3, "serve", 2, status, service="shop"),
                Span(trace, 5, at + 4 * MS, 50 * MS, 4, "select", 3, service="shop", peer="database:items"),
            ]

        async with self.started(tmp_path) as store:
            await store.append(ONE, spans(*call(1, NOON), *call(2, NOON + NS, 2), *call(3, NOON + 70 * NS)))
            await store.append(ONE, spans(*call(1, NOON)))  # delivered twice, counted once
            await store.append(ONE, spans(Span(9, 1, NOON, 7 * MS, name="cron", kind=1, service="job")))
            await store.append(OTHER, spans(*call(4, NOON)))
            await store.append(ONE, spans(Span(8, 1, NOON, kind=3, service="bot", scope=GATEWAY, peer="provider:p")))
            red = await store.red(ONE, NOON, NOON + 120 * NS, 60 * NS)
            got = rows_of(red)
            key = (NOON, "", "service:front")
            assert got[key][:3] == (2, 0, 100.0)
            assert got[key][-1] == pytest.approx(20.0)  # 100 ms less the 80 ms it waited, under its internal span
            assert got[NOON, "", "service:shop"] == pytest.approx((2, 1, 70.0, 70.0, 70.0, 70.0, 20.0))
            assert got[NOON, "service:front", "service:shop"][:3] == (2, 1, 80.0)
            assert math.isnan(got[NOON, "service:front", "service:shop"][-1])
            assert got[NOON, "service:shop", "database:items"][:3] == (2, 0, 50.0)
            assert got[NOON, "", "service:job"][:3] == (1, 0, 7.0)
            assert got[NOON + 60 * NS, "", "service:front"][0] == 1
            assert len(got) == 9
            assert red.time_ns.tolist() == sorted(red.time_ns.tolist())
            narrowed = rows_of(await store.red(ONE, NOON, NOON + 60 * NS, 60 * NS, "front"))
            assert set(narrowed) == {key, (NOON, "service:front", "service:shop")}
            assert len(await store.red(ONE, NOON + DAY_NS, NOON + 2 * DAY_NS, DAY_NS)) == 0

    async def test_red_quantiles(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            await store.append(ONE, spans(*(Span(i, 1, NOON + i, i * MS) for i in range(1, 102))))
            ((_, _, average, p50, p95, p99, own),) = rows_of(await store.red(ONE, NOON, NOON + NS, NS)).values()
            assert (average, p50, p95, p99, own) == pytest.approx((51, 51, 96, 100, 51))

    async def test_operations_of_a_service(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            slow = [Span(i + 1, 1, NOON + i, 100 * MS, name="slow", status=2 * (i % 2)) for i in range(4)]
            fast = [Span(i + 9, 1, NOON + i, MS, name="fast") for i in range(10)]
            await store.append(ONE, spans(*slow, *fast, Span(99, 1, NOON, service="pay")))
            await store.append(OTHER, spans(*slow))
            found = await store.operations(ONE, NOON, NOON + NS, "shop")
            assert [dict(one) for one in found] == [
                {"name": "slow", "count": 4, "errors": 2, "ms_p50": 100.0, "ms_p95": 100.0},
                {"name": "fast", "count": 10, "errors": 0, "ms_p50": 1.0, "ms_p95": 1.0},
            ]
            assert await store.operations(ONE, NOON, NOON + NS, "nobody") == []


def rows_of(red: RedTable) -> dict[tuple[int, str, str], tuple[float, ...]]:
    """(time, source, target) → (count, errors, average, p50, p95, p99, own average)."""
    columns = (red.count, red.errors, red.ms_avg, red.ms_p50, red.ms_p95, red.ms_p99, red.self_ms_avg)
    values = zip(*(column.tolist() for column in columns), strict=True)
    return dict(zip(zip(red.time_ns.tolist(), red.source, red.target, strict=True), values, strict=True))

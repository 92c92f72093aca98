"""The contract of `ports/logs.py`. See `contract_telemetry` for how to run it over a store."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from triops.kernel.clock import DAY_NS
from triops.kernel.errors import Invalid
from triops.kernel.ids import ProjectId
from triops.ports.logs import LogQuery
from triops.testing.batches import Log, logs
from triops.testing.contract_telemetry import NOON, ONE, OTHER, TelemetryContract

SHOP = {"service.name": "shop", "host.name": "h1"}
ALL = LogQuery(0, 2**62, limit=1000)


class LogsContract(TelemetryContract):
    def batch(self, times: Sequence[int], *, user: str = "", resource_user: str = "", text: str = "t") -> Any:
        attributes = {"user.id": user} if user else {}
        resource = {**SHOP, **({"enduser.id": resource_user} if resource_user else {})}
        return logs(*(Log(at, text, attributes=attributes, resource=resource) for at in times))

    async def times(self, store: Any, project: ProjectId, start_ns: int = 0, end_ns: int = 2**62) -> list[int]:
        page = await store.search(project, replace(ALL, start_ns=start_ns, end_ns=end_ns))
        return [row.time_ns for row in reversed(page.items)]

    async def test_a_record_comes_back_as_it_was(self, tmp_path: Path) -> None:
        log = Log(NOON, "Zahlung ok €", 17, 2**64 - 1, 2**127 + 5, 2**63 + 1, {"a": [1, {"b": None}], "x": 1.5}, SHOP)
        async with self.started(tmp_path) as store:
            await store.append(ONE, logs(log))
            (row,) = (await store.search(ONE, ALL)).items
            assert (row.time_ns, row.body, row.severity, row.template) == (NOON, log.body, 17, 2**64 - 1)
            assert (row.trace_id, row.span_id, row.attributes) == (log.trace_id, log.span_id, log.attributes)
            assert (row.service, row.resource) == ("shop", SHOP)

    @pytest.mark.parametrize(
        ("condition", "found"),
        [
            ({"text": "REFUSED"}, [0, 3]),
            ({"text": "100%"}, [1]),
            ({"text": "%"}, [1]),
            ({"text": "straße"}, [2]),
            ({"text": "nothing"}, []),
            ({"service": "shop"}, [0, 1]),
            ({"service": "nobody"}, []),
            ({"host": "h2"}, [2, 3]),
            ({"severity": 13}, [1, 3]),
            ({"template": 7}, [2]),
            ({"template": 0}, [0, 1, 3]),
            ({"trace_id": 2**100}, [3]),
            ({"service": "pay", "text": "refused", "severity": 17, "trace_id": 2**100}, [3]),
        ],
    )
    async def test_search_conditions(self, tmp_path: Path, condition: dict[str, Any], found: list[int]) -> None:
        pay = {"service.name": "pay", "host.name": "h2"}
        async with self.started(tmp_path) as store:
            await store.append(
                ONE,
                logs(
                    Log(NOON, "connection Refused", 9, resource=SHOP),
                    Log(NOON + 1, "disk 100% full", 13, resource=SHOP),
                    Log(NOON + 2, "In der STRASSE oder Straße", 9, 7, resource=pay),
                    Log(NOON + 3, "payment refused", 17, trace_id=2**100, resource=pay),
                ),
            )
            page = await store.search(ONE, replace(ALL, **condition))
            assert sorted(row.time_ns - NOON for row in page.items) == found

    async def test_pages_are_newest_first_and_stable_under_new_rows(self, tmp_path: Path) -> None:
        times = [NOON + i // 3 + DAY_NS * (i % 2) for i in range(30)]  # equal times, two days
        async with self.started(tmp_path) as store:
            await store.append(ONE, logs(*(Log(at, f"old {i}") for i, at in enumerate(times))))
            seen: list[Any] = []
            query = replace(ALL, limit=4)
            while True:
                page = await store.search(ONE, query)
                seen += page.items
                assert len(page.items) == 4 or page.next is None
                await store.append(
                    ONE, logs(Log(NOON + 2 * DAY_NS, "new"), Log(seen[-1].time_ns, "new, of equal time"))
                )
                if page.next is None:
                    break
                query = replace(query, cursor=page.next)
            old = [row.body for row in seen if row.body.startswith("old")]
            assert sorted(old) == sorted(f"old {i}" for i in range(30))
            assert [row.time_ns for row in seen] == sorted((row.time_ns for row in seen), reverse=True)

    @pytest.mark.parametrize("cursor", ["x", "WzFd", "WyJhIiwxXQ", "Wy0xLDBd", "WzE4NDQ2NzQ0MDczNzA5NTUxNjE1LDFd", "é"])
    async def test_a_foreign_cursor_is_invalid(self, tmp_path: Path, cursor: str) -> None:
        async with self.started(tmp_path) as store:
            await store.append(ONE, logs(Log(NOON)))
            with pytest.raises(Invalid):
                await store.search(ONE, replace(ALL, cursor=cursor))

    async def test_counts_by_step_service_and_band(self, tmp_path: Path) -> None:
        pay = {"service.name": "pay"}
        async with self.started(tmp_path) as store:
            rows = [Log(NOON, severity=s, resource=SHOP) for s in (0, 9, 13, 16, 17, 24)]
            await store.append(ONE, logs(*rows, Log(NOON + 10, severity=9, resource=pay), Log(NOON + DAY_NS)))
            await store.append(OTHER, logs(Log(NOON)))
            table = await store.counts(ONE, NOON, NOON + 20, 10)
            got = list(
                zip(table.time_ns.tolist(), table.service, table.band.tolist(), table.count.tolist(), strict=True)
            )
            assert got == [
                (NOON, "shop", 0, 2), (NOON, "shop", 1, 2), (NOON, "shop", 2, 2), (NOON + 10, "pay", 0, 1),
            ]  # fmt: skip
            assert (await store.counts(ONE, NOON, NOON + 20, 10, "pay")).count.tolist() == [1]
            assert len((await store.counts(ONE, NOON + 50, NOON + 60, 10)).count) == 0
            two_days = await store.counts(ONE, NOON, NOON + 2 * DAY_NS, 2 * DAY_NS, "shop")
            assert two_days.count.tolist() == [3, 2, 2]

    async def test_templates_by_frequency(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            many = [Log(NOON + i, f"user {i} in", 9 + i % 2, 7, resource=SHOP) for i in range(5)]
            await store.append(
                ONE, logs(*many, Log(NOON, "boom", 17, 8, resource=SHOP), Log(NOON + DAY_NS, "boom", 17, 8))
            )
            await store.append(OTHER, logs(Log(NOON, "secret", 9, 9)))
            table = await store.templates(ONE, NOON, NOON + 2 * DAY_NS)
            assert (table.template.tolist(), table.count.tolist()) == ([7, 8], [5, 2])
            assert (table.severity.tolist(), list(table.service)) == ([10, 17], ["shop", "shop"])
            assert table.example[1] == "boom"
            assert table.example[0].startswith("user ")
            assert len((await store.templates(ONE, NOON, NOON + 1, limit=1)).count) == 1
            assert len((await store.templates(ONE, NOON, NOON + 1, "nobody")).count) == 0

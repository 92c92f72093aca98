"""The contract of `ports/metrics.py`. See `contract_telemetry` for how to run it over a store."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triops.kernel.clock import DAY_NS, NS
from triops.kernel.errors import Invalid, TooLarge
from triops.kernel.ids import ProjectId
from triops.kernel.selector import parse_selector
from triops.ports.metrics import Aggregate, SeriesInfo
from triops.testing.batches import points, series_id
from triops.testing.contract_telemetry import NOON, ONE, OTHER, TelemetryContract

SHOP = {"service.name": "shop"}


class MetricsContract(TelemetryContract):
    def batch(self, times: Sequence[int], *, user: str = "", resource_user: str = "", text: str = "t") -> Any:
        labels = {"text": text.encode("utf-8", "replace").decode(), **({"user.id": user} if user else {})}
        resource = {**SHOP, **({"enduser.id": resource_user} if resource_user else {})}
        batch = points("m", [(at, 1.0) for at in times], labels, resource)
        batch.series.labels[0] = batch.series.labels[0][:-1] + f', "raw": "{text}"}}'
        return batch

    async def times(self, store: Any, project: ProjectId, start_ns: int = 0, end_ns: int = 2**62) -> list[int]:
        return sorted((await store.since(project, start_ns, end_ns)).time_ns.tolist())

    async def test_series_are_found_by_selector_with_the_labels_of_their_resource(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            for route in ("/a", "/b"):
                await store.append(
                    ONE, points("http.server.duration_count", {NOON: 1.0}, {"route": route}, SHOP, "histogram", "ms")
                )
            await store.append(ONE, points("cpu", {NOON: 1.0}, {"core": 1, "service.name": "own"}))
            await store.append(OTHER, points("cpu", {NOON: 1.0}, {"core": 2}))

            async def find(text: str) -> Sequence[SeriesInfo]:
                selector = parse_selector(text) if text else None
                found: Sequence[SeriesInfo] = await store.series(ONE, selector, NOON, NOON + 1)
                return found

            found = await find('http_server_duration_milliseconds_count{job="shop",route=~"/a|/b"}')
            assert [one.labels["route"] for one in found] == ["/a", "/b"]
            assert found[0].labels == {"route": "/a", "service.name": "shop"}
            assert (found[0].type, found[0].unit, found[0].resource) == ("histogram", "ms", SHOP)
            assert found[0].id == series_id(SHOP, "http.server.duration_count", {"route": "/a"})
            assert [one.labels for one in await find("cpu")] == [{"core": "1", "service.name": "own"}]
            assert [one.name for one in await find("")] == ["cpu"] + ["http.server.duration_count"] * 2
            assert [one.name for one in await find('{__name__=~"c.*"}')] == ["cpu"]
            assert await find("nothing") == []
            assert len(await store.series(ONE, None, NOON, NOON + 1, limit=2)) == 2
            assert await store.series(ONE, None, NOON + DAY_NS, NOON + 2 * DAY_NS) == []

    async def test_a_series_of_two_days_is_one(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            await store.append(ONE, points("cpu", {NOON: 1.0, NOON + DAY_NS: 2.0}))
            assert len(await store.series(ONE, None, NOON, NOON + 2 * DAY_NS)) == 1
            table = await store.points(ONE, [series_id(SHOP, "cpu", {})], NOON, NOON + 2 * DAY_NS)
            assert table.value.tolist() == [1.0, 2.0]
        async with self.started(tmp_path) as store:  # what is known is read from the store again
            await store.append(ONE, points("cpu", {NOON + 1: 3.0}))
            assert len(await store.series(ONE, None, NOON, NOON + 1)) == 1

    async def test_of_points_of_one_time_the_last_written_counts(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            for value in (5.0, 1.0, 3.0):
                await store.append(ONE, points("cpu", {NOON: value, NOON + NS: 7.0}))
            ids = [series_id(SHOP, "cpu", {})]
            assert (await store.points(ONE, ids, NOON, NOON + 1)).value.tolist() == [3.0]
            assert (await store.since(ONE, NOON, NOON + 1)).value.tolist() == [3.0]
            for aggregate, value in (("avg", 5.0), ("sum", 10.0), ("max", 7.0), ("min", 3.0)):
                table = await store.points(ONE, ids, NOON, NOON + 10 * NS, 10 * NS, aggregate)
                assert table.value.tolist() == [value]

    @pytest.mark.parametrize(
        ("aggregate", "expected"),
        [("avg", [2.0, 6.0]), ("min", [1.0, 4.0]), ("max", [4.0, 8.0]), ("sum", [10.0, 12.0]), ("last", [3.0, 8.0])],
    )
    async def test_downsampling(self, tmp_path: Path, aggregate: Aggregate, expected: list[float]) -> None:
        values = [1.0, 4.0, 2.0, math.nan, 3.0]
        async with self.started(tmp_path) as store:
            await store.append(ONE, points("g", [(NOON + i * NS, value) for i, value in enumerate(values)]))
            await store.append(ONE, points("g", {NOON + 20 * NS: 4.0, NOON + 29 * NS: 8.0, NOON + 30 * NS: 9.0}))
            if aggregate == "avg":
                expected = [2.5, 6.0]
            table = await store.points(ONE, [series_id(SHOP, "g", {})], NOON, NOON + 30 * NS, 10 * NS, aggregate)
            assert table.time_ns.tolist() == [NOON, NOON + 20 * NS]
            assert table.value.tolist() == expected

    @pytest.mark.parametrize(("type_", "expected"), [("gauge", 2.0), ("counter", 3.0), ("histogram", 3.0)])
    async def test_auto_takes_what_suits_the_type(self, tmp_path: Path, type_: str, expected: float) -> None:
        async with self.started(tmp_path) as store:
            await store.append(ONE, points("m", {NOON: 1.0, NOON + 1: 2.0, NOON + 2: 3.0}, type=type_))
            table = await store.points(ONE, [series_id(SHOP, "m", {})], NOON, NOON + NS, NS)
            assert table.value.tolist() == [expected]

    async def test_a_rate_goes_on_between_steps_and_over_resets(self, tmp_path: Path) -> None:
        values = {0: 100.0, 10: 110.0, 20: 130.0, 30: 5.0, 40: 25.0}  # a restart between 20 and 30
        async with self.started(tmp_path) as store:
            batch = points("c", {NOON + s * NS: value for s, value in values.items()}, type="counter")
            await store.append(ONE, batch)
            ids = [series_id(SHOP, "c", {})]
            rate = await store.points(ONE, ids, NOON + 10 * NS, NOON + 50 * NS, 20 * NS, "rate")
            assert rate.time_ns.tolist() == [NOON + 10 * NS, NOON + 30 * NS]
            assert rate.value.tolist() == pytest.approx([1.5, 1.25])
            short = await store.points(ONE, ids, NOON, NOON + 50 * NS, 5 * NS, "rate")
            assert short.value.tolist() == pytest.approx([1.0, 2.0, 0.5, 2.0])

    async def test_nan_and_infinities_are_values(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            await store.append(ONE, points("v", {NOON: math.nan, NOON + 1: math.inf, NOON + 2: -math.inf}))
            ids = [series_id(SHOP, "v", {})]
            np.testing.assert_array_equal(
                (await store.points(ONE, ids, NOON, NOON + 9)).value, [math.nan, math.inf, -math.inf]
            )
            table = await store.points(ONE, ids, NOON, NOON + 10, 10, "max")
            assert table.value.tolist() == [math.inf]
            for aggregate in ("avg", "sum", "rate"):
                await store.points(ONE, ids, NOON, NOON + 10, 10, aggregate)

    async def test_points_are_bounded(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            await store.append(ONE, points("many", [(NOON + i, 0.0) for i in range(1_000_001)]))
            ids = [series_id(SHOP, "many", {})]
            with pytest.raises(TooLarge):
                await store.points(ONE, ids, NOON, NOON + NS)
            assert len((await store.points(ONE, ids, NOON, NOON + 1_000_000)).value) == 1_000_000
            with pytest.raises(Invalid):
                await store.points(ONE, ids, NOON, NOON + NS, 1)
            with pytest.raises(Invalid):
                await store.points(ONE, ids, NOON, NOON + NS, 0)
            assert len((await store.points(ONE, [], NOON, NOON + NS)).value) == 0

    async def test_points_of_another_project_are_not_given(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            await store.append(ONE, points("same", {NOON: 1.0}))
            await store.append(OTHER, points("same", {NOON: 2.0}, type="counter"))
            ids = [series_id(SHOP, "same", {})]
            for project, value in ((ONE, 1.0), (OTHER, 2.0)):
                assert (await store.points(project, ids, NOON, NOON + 1)).value.tolist() == [value]
                assert (await store.points(project, ids, NOON, NOON + 1, 1)).value.tolist() == [value]
                assert len(await store.series(project, None, NOON, NOON + 1)) == 1

    async def test_label_values(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            for core in (2, 1):
                await store.append(ONE, points("cpu", {NOON: 1.0}, {"cpu.core": core}))
            await store.append(ONE, points("mem", {NOON: 1.0}))
            await store.append(OTHER, points("secret", {NOON: 1.0}, {"cpu.core": 3}))

            async def ask(label: str) -> Any:
                return await store.label_values(ONE, label, NOON, NOON + 1)

            assert await ask("__name__") == ["cpu", "mem"]
            assert await ask("cpu.core") == await ask("cpu_core") == ["1", "2"]
            assert await ask("service.name") == await ask("job") == ["shop"]
            assert await ask("nothing") == []
            assert await store.label_values(ONE, "cpu.core", NOON, NOON + 1, limit=1) == ["1"]

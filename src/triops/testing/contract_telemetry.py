"""What every telemetry store must hold to, whatever it keeps: atomicity, idempotency, tenancy, retention, erasure.

Subclass the contract of a kind and give it a `new_store`; pytest (with asyncio_mode = "auto") collects the rest:

    class TestMyMetrics(MetricsContract):
        def new_store(self, folder): return MyMetrics(folder)
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from triops.kernel.clock import DAY_NS, NS, day_of
from triops.kernel.errors import Invalid, Unavailable
from triops.kernel.ids import ProjectId
from triops.ports.telemetry import Appended

ONE, OTHER = ProjectId("one"), ProjectId("other")
DAY = 20_000 * DAY_NS  # a midnight
NOON = DAY + DAY_NS // 2


class TelemetryContract:
    def new_store(self, folder: Path) -> Any:
        """A store that keeps its data in `folder`, not started."""
        raise NotImplementedError

    def batch(self, times: Sequence[int], *, user: str = "", resource_user: str = "", text: str = "t") -> Any:
        """One row a time; `user` in the rows' own attributes, `resource_user` in their resource's."""
        raise NotImplementedError

    async def times(self, store: Any, project: ProjectId, start_ns: int = 0, end_ns: int = 2**62) -> list[int]:
        """The times of a project's rows in a range, ascending, a time once a row."""
        raise NotImplementedError

    @asynccontextmanager
    async def started(self, folder: Path) -> AsyncIterator[Any]:
        store = self.new_store(folder)
        await store.start()
        try:
            yield store
        finally:
            await store.close()

    async def test_what_was_acknowledged_is_there_after_a_restart(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            assert await store.append(ONE, self.batch([NOON, NOON + 1])) == Appended(2)
        async with self.started(tmp_path) as store:
            assert await self.times(store, ONE) == [NOON, NOON + 1]

    async def test_a_repeated_request_is_stored_once(self, tmp_path: Path) -> None:
        batch = self.batch([NOON, NOON + 1])
        async with self.started(tmp_path) as store:
            assert await store.append(ONE, batch, b"a") == Appended(2)
            assert await store.append(ONE, batch, b"a") == Appended(0, duplicate=True)
            assert await store.append(ONE, self.batch([NOON + 2]), b"b") == Appended(1)
        async with self.started(tmp_path) as store:
            assert await store.append(ONE, batch, b"a") == Appended(0, duplicate=True)
            assert await self.times(store, ONE) == [NOON, NOON + 1, NOON + 2]

    async def test_equal_requests_in_flight_together_are_stored_once(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            batch = self.batch([NOON])
            answers = await asyncio.gather(*(store.append(ONE, batch, b"same") for _ in range(20)))
            assert sorted(answer.duplicate for answer in answers) == [False] + [True] * 19
            assert await self.times(store, ONE) == [NOON]

    async def test_a_batch_over_midnight_is_whole_and_stored_once(self, tmp_path: Path) -> None:
        times = [DAY - 2, DAY - 1, DAY, DAY + 1, DAY + DAY_NS]
        async with self.started(tmp_path) as store:
            assert await store.append(ONE, self.batch(times), b"m") == Appended(5)
            assert (await store.append(ONE, self.batch(times), b"m")).duplicate
            assert await self.times(store, ONE) == times
            assert await self.times(store, ONE, DAY - 1, DAY + 1) == [DAY - 1, DAY]

    async def test_a_repeated_request_completes_the_days_that_are_missing(self, tmp_path: Path) -> None:
        times = [DAY - 1, DAY]
        async with self.started(tmp_path) as store:
            await store.append(ONE, self.batch(times), b"m")
            await store.drop_before(day_of(DAY))
            assert await store.append(ONE, self.batch(times), b"m") == Appended(1)
            assert await self.times(store, ONE) == times

    async def test_many_requests_together_are_each_whole(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            await asyncio.gather(*(store.append(ONE, self.batch([NOON + i, DAY + i]), b"%d" % i) for i in range(50)))
            assert await self.times(store, ONE) == sorted([NOON + i for i in range(50)] + [DAY + i for i in range(50)])

    async def test_projects_never_see_each_other(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            await asyncio.gather(store.append(ONE, self.batch([NOON])), store.append(OTHER, self.batch([NOON + 5])))
            assert await self.times(store, ONE) == [NOON]
            assert await self.times(store, OTHER) == [NOON + 5]
            assert await self.times(store, ProjectId("third")) == []

    async def test_an_empty_batch_and_an_empty_range(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            assert await self.times(store, ONE) == []
            assert await store.append(ONE, self.batch([]), b"e") == Appended(0)
            await store.append(ONE, self.batch([NOON]))
            assert await self.times(store, ONE, NOON, NOON) == []
            assert await self.times(store, ONE, NOON + 1, NOON + 2) == []
            with pytest.raises(Invalid):
                await self.times(store, ONE, NOON + 1, NOON)

    @pytest.mark.parametrize("text", ["\ud800", "a\x00b", "'; DROP TABLE x; --", "é\U0001f600", "", "%_\\", "{"])
    async def test_weird_text_is_stored(self, tmp_path: Path, text: str) -> None:
        async with self.started(tmp_path) as store:
            answers = await asyncio.gather(
                store.append(ONE, self.batch([NOON], text=text)), store.append(ONE, self.batch([NOON + 1]))
            )
            assert list(answers) == [Appended(1), Appended(1)]
            assert await self.times(store, ONE) == [NOON, NOON + 1]

    async def test_a_bad_batch_fails_alone(self, tmp_path: Path) -> None:
        bad = self.batch([NOON + 1])
        bad.time_ns[0] = -(2**62)
        async with self.started(tmp_path) as store:
            calls = store.append(ONE, self.batch([NOON])), store.append(ONE, bad)
            answers: Sequence[Any] = await asyncio.gather(*calls, return_exceptions=True)
            assert answers[0] == Appended(1)
            assert isinstance(answers[1], Invalid)
            assert await self.times(store, ONE) == [NOON]

    async def test_retention_gives_the_disk_back(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            assert (await store.usage()).oldest_day is None
            await store.append(ONE, self.batch([DAY + i * DAY_NS for i in range(4)]))
            before = await store.usage()
            assert (before.rows, before.oldest_day, before.newest_day) == (4, day_of(DAY), day_of(DAY + 3 * DAY_NS))
            freed = await store.drop_before(day_of(DAY + 2 * DAY_NS))
            after = await store.usage()
            assert (after.rows, after.oldest_day) == (2, day_of(DAY + 2 * DAY_NS))
            assert freed > 0
            assert after.bytes < before.bytes
            assert await self.times(store, ONE) == [DAY + 2 * DAY_NS, DAY + 3 * DAY_NS]
            await store.append(ONE, self.batch([DAY]))  # late rows make the day anew
            assert (await self.times(store, ONE))[0] == DAY

    async def test_erasing_a_project_leaves_the_others_and_gives_the_disk_back(self, tmp_path: Path) -> None:
        many = self.batch([NOON + i for i in range(200_000)], text="some text")
        async with self.started(tmp_path) as store:
            await store.append(ONE, many)
            await store.append(ONE, self.batch([NOON + DAY_NS]))
            await store.append(OTHER, self.batch([NOON + 7]))
        async with self.started(tmp_path) as store:
            before = await store.usage()
            assert await store.erase_project(ONE) == 200_001
            assert await self.times(store, ONE) == []
            assert await self.times(store, OTHER) == [NOON + 7]
            assert (await store.usage()).bytes < before.bytes
            await store.append(ONE, self.batch([NOON]))
            await store.append(OTHER, self.batch([NOON + 8]))
            assert await self.times(store, ONE) == [NOON]
            assert await self.times(store, OTHER) == [NOON + 7, NOON + 8]

    async def test_erasing_a_user_erases_only_what_names_them_in_that_project(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            await store.append(ONE, self.batch([NOON]))
            await store.append(ONE, self.batch([NOON + 1], user="ann"))
            await store.append(ONE, self.batch([NOON + 2 + DAY_NS], resource_user="ann"))
            await store.append(ONE, self.batch([NOON + 3], user="anne"))
            await store.append(OTHER, self.batch([NOON + 4], user="ann"))
            assert await store.erase_user(ONE, "ann") == 2
            assert await store.erase_user(ONE, "ann") == 0
            assert await self.times(store, ONE) == [NOON, NOON + 3]
            assert await self.times(store, OTHER) == [NOON + 4]

    async def test_appends_go_on_while_others_are_erased(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            await store.append(OTHER, self.batch([NOON]))
            appends = [store.append(ONE, self.batch([NOON + i]), b"%d" % i) for i in range(30)]
            await asyncio.gather(*appends[:10], store.erase_project(OTHER), *appends[10:])
            assert await self.times(store, ONE) == [NOON + i for i in range(30)]
            assert await self.times(store, OTHER) == []

    async def test_reading_goes_on_while_writing(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            await store.append(ONE, self.batch([NOON - NS]))

            async def read() -> list[int]:
                return await self.times(store, ONE)

            writes = [store.append(ONE, self.batch([NOON + i])) for i in range(20)]
            results = await asyncio.gather(*writes, *(read() for _ in range(20)))
            assert all(isinstance(seen, Appended) or seen[0] == NOON - NS for seen in results)
            assert len(await read()) == 21

    async def test_close_is_safe_before_start_and_twice_and_then_all_is_refused(self, tmp_path: Path) -> None:
        store = self.new_store(tmp_path)
        await store.close()
        await store.start()
        await store.close()
        await store.close()
        with pytest.raises(Unavailable):
            await store.append(ONE, self.batch([NOON]))
        with pytest.raises(Unavailable):
            await self.times(store, ONE)

    async def test_what_was_accepted_before_close_is_committed(self, tmp_path: Path) -> None:
        store = self.new_store(tmp_path)
        await store.start()
        waiting = [asyncio.ensure_future(store.append(ONE, self.batch([NOON + i]))) for i in range(20)]
        await asyncio.sleep(0)  # lets each append reach the queue
        await store.close()
        assert await asyncio.gather(*waiting) == [Appended(1)] * 20
        async with self.started(tmp_path) as again:
            assert len(await self.times(again, ONE)) == 20

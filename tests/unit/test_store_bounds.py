"""What the embedded stores do at their bounds, and that one request's trouble is its own."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triops.adapters.embedded.committer import Committer, Pending
from triops.adapters.embedded.engine import Engine
from triops.adapters.embedded.known import Known, absent, keys
from triops.adapters.embedded.logs import EmbeddedLogs
from triops.adapters.embedded.metrics import EmbeddedMetrics
from triops.adapters.embedded.spans import EmbeddedSpans
from triops.adapters.embedded.told import Told
from triops.kernel.clock import DAY_NS, NS
from triops.kernel.errors import Invalid, Overloaded, StoreFull, TooLarge, Unavailable
from triops.kernel.ids import ProjectId
from triops.ports.logs import LogQuery
from triops.ports.spans import TraceQuery
from triops.testing.batches import Log, Span, logs, points, spans

ONE = ProjectId("one")
NOON = 20_000 * DAY_NS + DAY_NS // 2


class Slow:
    """A commit that waits to be let go, and answers each member with its group's number."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.go = threading.Event()
        self.groups: list[list[str]] = []

    def __call__(self, group: Any) -> None:
        self.began.set()
        assert self.go.wait(20)
        self.groups.append([pending.request for pending in group])
        for pending in group:
            pending.answer.set_result(len(self.groups))


def held(**bounds: int) -> tuple[Committer[str], Slow, "Future[Any]"]:
    """A committer busy with a first request."""
    slow = Slow()
    committer: Committer[str] = Committer("test", slow, **bounds)
    committer.start()
    first = committer.submit("first", 1, 10)
    assert slow.began.wait(20)
    return committer, slow, first


def test_all_that_wait_go_together_up_to_the_rows_of_a_group() -> None:
    committer, slow, first = held(group_rows=10)
    answers = [committer.submit(str(i), 4, 1) for i in range(3)] + [committer.submit("big", 50, 1)]
    slow.go.set()
    assert [first.result(20)] + [answer.result(20) for answer in answers] == [1, 2, 2, 3, 4]
    assert slow.groups == [["first"], ["0", "1"], ["2"], ["big"]]
    committer.stop()


@pytest.mark.parametrize(("bounds", "size"), [({"requests": 2}, 1), ({"bytes": 30}, 10)])
def test_a_full_queue_refuses_and_takes_again(bounds: dict[str, int], size: int) -> None:
    committer, slow, _ = held(**bounds)
    waiting = [committer.submit("a", 1, size), committer.submit("b", 1, size)]
    with pytest.raises(Overloaded):
        committer.submit("c", 1, size)
    slow.go.set()
    for answer in waiting:
        answer.result(20)
    committer.submit("d", 1, size).result(20)
    committer.stop()
    with pytest.raises(Unavailable):
        committer.submit("e", 1, 1)
    committer.stop()


def test_one_who_gave_up_waiting_is_left_out_and_a_fault_reaches_all_others() -> None:
    committer, slow, _ = held()
    gone, stays = committer.submit("gone", 1, 1), committer.submit("stays", 1, 1)
    assert gone.cancel()
    slow.go.set()
    assert stays.result(20) == 2
    assert slow.groups[1] == ["stays"]
    committer.stop()

    def broken(group: list[Pending[str]]) -> None:
        raise ZeroDivisionError

    faulty: Committer[str] = Committer("test", broken)
    faulty.start()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            faulty.submit("x", 1, 1).result(20)
    with pytest.raises(ZeroDivisionError):
        faulty.run(lambda: 1 // 0).result(20)
    assert faulty.run(lambda: 5).result(20) == 5
    faulty.stop()


def test_what_comes_while_others_are_prepared_joins_them_and_a_fault_of_one_is_its_own() -> None:
    slow, preparing, came = Slow(), threading.Event(), threading.Event()
    slow.go.set()

    def prepare(request: str) -> None:
        preparing.set()
        assert came.wait(20)
        if request == "bad":
            raise ZeroDivisionError

    committer: Committer[str] = Committer("test", slow, prepare=prepare, joined_rows=10)
    committer.start()
    answers = [committer.submit("first", 4, 1)]
    assert preparing.wait(20)
    answers += [committer.submit(name, 3, 1) for name in ("bad", "second", "third")]
    came.set()
    with pytest.raises(ZeroDivisionError):
        answers.pop(1).result(20)
    assert [answer.result(20) for answer in answers] == [1, 1, 2]
    assert slow.groups == [["first", "second"], ["third"]]
    committer.stop()


def test_where_fewer_came_than_last_time_the_next_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    committer, slow, _ = held()
    two = [committer.submit(name, 1, 1) for name in ("a", "b")]
    slow.go.set()
    assert [answer.result(20) for answer in two] == [2, 2]
    monkeypatch.setattr("triops.adapters.embedded.committer._MOMENT_S", 60.0)
    assert [answer.result(20) for answer in [committer.submit(name, 1, 1) for name in ("c", "d")]] == [3, 3]
    last = committer.submit("e", 1, 1)
    committer.stop()  # which waits for nothing
    assert last.result(20) == 4
    assert slow.groups[1:] == [["a", "b"], ["c", "d"], ["e"]]


def test_a_request_that_a_day_holds_is_never_taken_for_a_new_one() -> None:
    told, rng = Told(days=2), np.random.default_rng(5)
    high, low = (rng.integers(0, 2**64, 3000, dtype=np.uint64) for _ in range(2))
    stored = list(zip(high.tolist(), low.tolist(), strict=True))
    others = [(int(hi) ^ 1 << 3, int(lo)) for hi, lo in stored]

    assert told.maybe("monday", stored, lambda: (high[:1000], low[:1000]))[:1000] == stored[:1000]
    told.add("monday", stored[1000:])
    assert told.maybe("monday", stored, lambda: (high, low)) == stored
    assert len(told.maybe("monday", others, lambda: (high, low))) < 30
    for day in ("tuesday", "wednesday"):
        assert told.maybe(day, stored[:1], lambda: (high[:0], low[:0])) == []
    assert told.maybe("monday", stored, lambda: (high, low)) == stored  # read anew: it was let go of
    told.forget("monday")
    assert told.maybe("monday", stored[:5], lambda: (high[:2], low[:2])) == stored[:2]


async def test_only_a_few_day_files_stay_attached(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    store = EmbeddedLogs(engine, attached=3)
    await store.start()
    await store.append(ONE, logs(*(Log(NOON + day * DAY_NS) for day in range(8))))

    async def attached() -> int:
        count: int = await engine.query(
            lambda connection: connection.execute(
                "SELECT count(*) FROM duckdb_databases() WHERE database_name LIKE 'logs_%'"
            ).fetchone()[0]
        )
        return count

    assert await attached() == 3
    assert (await store.counts(ONE, NOON, NOON + 8 * DAY_NS, 8 * DAY_NS)).count.tolist() == [8]
    assert await attached() == 3
    many = [store.counts(ONE, NOON + d * DAY_NS, NOON + (d + 2) * DAY_NS, DAY_NS) for d in range(7) for _ in range(3)]
    assert [table.count.tolist() for table in await asyncio.gather(*many)] == [[1, 1]] * 21
    assert await attached() == 3
    assert (await store.usage()).rows == 8
    await store.close()


async def test_queries_are_bounded_and_interrupted(tmp_path: Path) -> None:
    engine = Engine(tmp_path, queries=1, waiting=1, query_timeout_s=0.2)
    engine.acquire()
    endless: Callable[[Any], Any] = lambda connection: connection.execute(  # noqa: E731
        "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = -1"
    ).fetchall()
    results = await asyncio.gather(*(engine.query(endless) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable, Unavailable, Overloaded]
    assert await engine.query(lambda connection: connection.execute("SELECT 1").fetchone()) == (1,)
    engine.release()
    with pytest.raises(Unavailable):
        await engine.query(endless)


async def test_closing_ends_a_running_query(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    engine.acquire()
    began = asyncio.Event()
    loop = asyncio.get_running_loop()

    def endless(connection: Any) -> Any:
        loop.call_soon_threadsafe(began.set)
        return connection.execute(
            "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = -1"
        ).fetchall()

    running = asyncio.ensure_future(engine.query(endless))
    await began.wait()
    await asyncio.to_thread(engine.release)
    with pytest.raises(Unavailable):
        await running


def test_what_is_known_is_bounded_and_forgotten() -> None:
    known = Known(days=1, bound=5)
    ids = np.array([9, 3, 9, 7], dtype=np.uint64)
    held_ = known.load("d", "series", lambda: np.array([7], dtype=np.uint64))
    at = absent(held_, ids)
    assert ids[at].tolist() == [3, 9]
    known.add("d", "series", ids[at])
    assert known.load("d", "series", lambda: ids).tolist() == [3, 7, 9]
    known.check("d", "series", 2)
    with pytest.raises(TooLarge):
        known.check("d", "series", 3)
    known.forget("d")
    assert known.load("d", "series", lambda: np.empty(0, np.uint64)).tolist() == []
    assert keys(1, ids).tolist() != keys(2, ids).tolist()


async def test_after_a_failed_commit_the_series_is_stored_with_the_next(tmp_path: Path, monkeypatch: Any) -> None:
    store = EmbeddedMetrics(Engine(tmp_path))
    await store.start()
    await store.append(ONE, points("old", {NOON: 1.0}))

    def full(*_: Any) -> None:
        raise StoreFull("no room")

    with monkeypatch.context() as patch:
        patch.setattr(store._writer, "_insert_digests", full)  # the last step before the commit
        with pytest.raises(StoreFull):
            await store.append(ONE, points("new", {NOON: 2.0}), b"n")
    assert [one.name for one in await store.series(ONE, None, NOON, NOON + 1)] == ["old"]
    assert (await store.append(ONE, points("new", {NOON: 2.0}), b"n")).rows == 1
    found = await store.series(ONE, None, NOON, NOON + 1)
    assert [(one.name, one.labels) for one in found] == [(name, {"service.name": "shop"}) for name in ("new", "old")]
    await store.close()


@pytest.mark.parametrize(
    "bad",
    [
        {"value": np.zeros(2)},
        {"value": np.zeros(1, dtype=np.float32)},
        {"value": [1.0]},
        {"series_id": np.zeros(1, dtype=np.int64)},
    ],
)
async def test_columns_of_a_wrong_shape_or_type_are_named(tmp_path: Path, bad: dict[str, Any]) -> None:
    store = EmbeddedMetrics(Engine(tmp_path))
    await store.start()
    with pytest.raises(Invalid) as caught:
        await store.append(ONE, replace(points("m", {NOON: 1.0}), **bad))
    assert caught.value.details["field"] in bad
    assert (await store.usage()).rows == 0
    await store.close()


async def test_queries_go_on_while_rows_are_erased_and_days_dropped(tmp_path: Path) -> None:
    store = EmbeddedSpans(Engine(tmp_path))
    await store.start()
    await store.append(ONE, spans(*(Span(i + 1, 1, NOON + i * DAY_NS) for i in range(4))))
    other = ProjectId("other")
    await store.append(other, spans(*(Span(i + 1, 1, NOON + i * DAY_NS) for i in range(4))))
    query = TraceQuery(NOON, NOON + 5 * DAY_NS)
    searches = [store.search(ONE, query) for _ in range(20)]
    results = await asyncio.gather(*searches, store.erase_project(other), store.drop_before("2024-10-05"))
    assert all(3 <= len(page.items) <= 4 for page in results[:20])
    assert results[20] == 4
    assert len((await store.search(ONE, query)).items) == 3
    assert (await store.search(other, query)).items == []
    await store.close()


async def test_values_that_no_column_can_hold_are_the_callers_error_or_find_nothing(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    log_store, span_store, metric_store = EmbeddedLogs(engine), EmbeddedSpans(engine), EmbeddedMetrics(engine)
    for store in (log_store, span_store, metric_store):
        await store.start()
    await log_store.append(ONE, logs(Log(NOON)))
    await span_store.append(ONE, spans(Span(1, 1, NOON)))
    await metric_store.append(ONE, points("m", {NOON: 1.0}))
    all_logs, all_traces = LogQuery(NOON, NOON + 1), TraceQuery(NOON, NOON + 1)
    calls: list[Callable[[], Any]] = [
        lambda: log_store.search(ONE, replace(all_logs, text="\ud800")),
        lambda: log_store.search(ONE, replace(all_logs, trace_id=2**128)),
        lambda: log_store.search(ONE, replace(all_logs, trace_id=-1)),
        lambda: log_store.search(ONE, replace(all_logs, limit=0)),
        lambda: log_store.search(ONE, replace(all_logs, limit=10**9)),
        lambda: log_store.search(ONE, replace(all_logs, end_ns=2**70)),
        lambda: log_store.counts(ONE, NOON, NOON + NS, 0),
        lambda: log_store.counts(ONE, 0, 2**62, 1),
        lambda: span_store.red(ONE, 0, 2**62, 1),
        lambda: span_store.search(ONE, replace(all_traces, name="\udfff")),
        lambda: span_store.trace(ONE, 1, limit=0),
        lambda: metric_store.points(ONE, [1], 5, 4),
    ]
    for call in calls:
        with pytest.raises(Invalid):
            await call()
    assert (await log_store.search(ONE, replace(all_logs, severity=10**6))).items == []
    assert (await log_store.search(ONE, replace(all_logs, template=2**64))).items == []
    assert (await span_store.search(ONE, replace(all_traces, min_duration_ms=float("nan")))).items == []
    assert (await span_store.search(ONE, replace(all_traces, min_duration_ms=float("inf")))).items == []
    assert (await log_store.search(ONE, LogQuery(-(2**63), 2**63 - 1))).items
    for store in (log_store, span_store, metric_store):
        await store.close()

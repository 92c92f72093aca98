"""What a kill, a full disk or a second process does to the embedded stores."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from triops.adapters.embedded.engine import Engine
from triops.adapters.embedded.logs import EmbeddedLogs
from triops.adapters.embedded.metrics import EmbeddedMetrics
from triops.adapters.embedded.spans import EmbeddedSpans
from triops.kernel.clock import DAY_NS
from triops.kernel.errors import StoreFull, TriopsError, Unavailable
from triops.kernel.ids import ProjectId
from triops.ports.logs import LogQuery
from triops.testing.batches import Log, logs, points

ONE = ProjectId("one")
NOON = 20_000 * DAY_NS + DAY_NS // 2

_CHILD = """
import asyncio, sys
from pathlib import Path
from triops.adapters.embedded.engine import Engine
from triops.adapters.embedded.logs import EmbeddedLogs
from triops.testing.batches import Log, logs

NOON = {noon}

async def main():
    store = EmbeddedLogs(Engine(Path(sys.argv[1])))
    await store.start()
    first = int(sys.argv[2])
    print("ready", flush=True)

    async def send(n):
        # Two days, so that a kill can fall between their commits.
        body = f"request {{n}} row {{{{row}}}} " + "x" * 200
        rows = [Log(NOON + day * {day_ns} + n, body.format(row=row)) for day in (0, 1) for row in range(8)]
        await store.append("one", logs(*rows), b"%d" % n)
        print(n, flush=True)

    n = first
    while True:
        await asyncio.gather(*(send(n + i) for i in range(8)))
        n += 8

asyncio.run(main())
"""


def child(folder: Path, first: int) -> "subprocess.Popen[str]":
    code = _CHILD.format(noon=NOON, day_ns=DAY_NS)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder), str(first)], stdout=subprocess.PIPE, text=True, env=environment
    )


def rows_of(n: int) -> list[Log]:
    return [Log(NOON + day * DAY_NS + n, f"request {n} row {row} " + "x" * 200) for day in (0, 1) for row in range(8)]


async def bodies(store: EmbeddedLogs) -> Counter[str]:
    found: Counter[str] = Counter()
    cursor = None
    while True:
        page = await store.search(ONE, LogQuery(0, 2**62, limit=1000, cursor=cursor))
        found.update(f"{row.time_ns} {row.body}" for row in page.items)
        if page.next is None:
            return found
        cursor = page.next


async def test_a_kill_loses_nothing_acknowledged_and_a_retry_stores_nothing_twice(tmp_path: Path) -> None:
    acknowledged: set[int] = set()
    last = 0
    for round_ in range(5):
        process = child(tmp_path, first := last + 1)
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        for _ in range(30 + 17 * round_):
            acknowledged.add(int(process.stdout.readline()))
        process.send_signal(signal.SIGKILL)
        acknowledged.update(
            int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")
        )
        process.wait()
        last = max(acknowledged) + 16  # what was in flight when it died
        store = EmbeddedLogs(Engine(tmp_path))
        await store.start()
        found = await bodies(store)
        expected = {f"{log.time_ns} {log.body}" for n in acknowledged for log in rows_of(n)}
        assert not expected - found.keys()
        assert max(found.values()) == 1
        # A sender that saw no answer sends again: each request is then there once, whole.
        await asyncio.gather(*(store.append(ONE, logs(*rows_of(n)), b"%d" % n) for n in range(first, last + 1)))
        acknowledged.update(range(first, last + 1))
        found = await bodies(store)
        assert set(found.values()) == {1}
        assert len(found) == 16 * len(acknowledged)
        await store.close()


async def test_a_second_process_is_refused_and_told_why(tmp_path: Path) -> None:
    process = child(tmp_path, 1)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        with pytest.raises(Unavailable, match="another process holds"):
            await EmbeddedSpans(Engine(tmp_path)).start()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]
    store = EmbeddedSpans(Engine(tmp_path))
    await store.start()
    await store.close()


async def test_the_kinds_share_one_engine(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    stores = (EmbeddedMetrics(engine), EmbeddedLogs(engine), EmbeddedSpans(engine))
    for store in stores:
        await store.start()
    await stores[0].append(ONE, points("cpu", {NOON: 1.0}))
    await stores[0].close()
    await stores[1].append(ONE, logs(Log(NOON)))
    assert (await stores[1].usage()).rows == 1
    await stores[1].close()
    await stores[2].close()
    with pytest.raises(Unavailable):
        engine.cursor()
    await stores[0].start()
    assert (await stores[0].usage()).rows == 1
    await stores[0].close()


async def fill(store: EmbeddedLogs, first: int = 0) -> set[int]:
    """Append until the disk is full; answers what was acknowledged."""
    acknowledged = set()
    for n in range(first, first + 2000):
        rows = [Log(NOON + n, f"{n} " + os.urandom(1000).hex()) for _ in range(20)]
        try:
            await store.append(ONE, logs(*rows), b"%d" % n)
        except StoreFull:
            return acknowledged
        acknowledged.add(n)
    raise AssertionError("the disk was never full")


@contextmanager
def small_files(size: int) -> Iterator[None]:
    """No file of this process may grow over `size`: what a full disk is to one who is not root."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def times(store: EmbeddedLogs) -> Counter[int]:
    counts = await store.counts(ONE, NOON, NOON + 10_000, 1)
    return Counter(dict(zip(counts.time_ns.tolist(), counts.count.tolist(), strict=True)))


async def test_a_full_disk_refuses_writes_keeps_reads_and_recovers(tmp_path: Path) -> None:
    store = EmbeddedLogs(Engine(tmp_path))
    await store.start()
    with small_files(6 << 20):
        kept = await fill(store)
        assert kept
        assert await times(store) == {NOON + n: 20 for n in kept}
        with pytest.raises(StoreFull):
            await store.append(ONE, logs(*(Log(NOON, os.urandom(1000).hex()) for _ in range(5000))))
        assert await times(store) == {NOON + n: 20 for n in kept}
    more = range(5000, 5010)
    for n in more:
        await store.append(ONE, logs(*[Log(NOON + n)] * 20), b"%d" % n)
    assert await times(store) == {NOON + n: 20 for n in [*kept, *more]}
    await store.close()
    store = EmbeddedLogs(Engine(tmp_path))
    await store.start()
    assert await times(store) == {NOON + n: 20 for n in [*kept, *more]}
    await store.close()


async def test_a_day_that_cannot_be_begun_on_a_full_disk_can_be_later(tmp_path: Path) -> None:
    store = EmbeddedMetrics(Engine(tmp_path))
    await store.start()
    with small_files(1000):
        with pytest.raises(StoreFull):
            await store.append(ONE, points("cpu", {NOON: 1.0}), b"a")
        assert len((await store.since(ONE, 0, 2**62)).value) == 0
    assert (await store.append(ONE, points("cpu", {NOON: 1.0}), b"a")).rows == 1
    assert len(await store.series(ONE, None, NOON, NOON + 1)) == 1
    await store.close()


async def test_an_erasure_without_room_for_its_copy_changes_nothing(tmp_path: Path) -> None:
    store = EmbeddedLogs(Engine(tmp_path))
    await store.start()
    await store.append(ONE, logs(*(Log(NOON + i, os.urandom(1000).hex()) for i in range(2000))))
    await store.append(ONE, logs(Log(NOON, attributes={"user.id": "ann"})))
    with small_files(500_000):
        with pytest.raises(StoreFull):
            await store.erase_user(ONE, "ann")
        assert (await store.usage()).rows == 2001
    assert not list(tmp_path.rglob("*.rewrite*"))
    assert (await store.append(ONE, logs(Log(NOON)))).rows == 1
    assert await store.erase_user(ONE, "ann") == 1
    assert (await store.usage()).rows == 2001
    await store.close()


async def test_what_a_killed_erasure_left_is_removed(tmp_path: Path) -> None:
    store = EmbeddedLogs(Engine(tmp_path))
    await store.start()
    await store.append(ONE, logs(Log(NOON)))
    await store.close()
    left = tmp_path / "logs" / "2024-10-04.rewrite"
    left.write_bytes(b"half a file")
    await store.start()
    assert not left.exists()
    assert sum((await times(store)).values()) == 1
    await store.close()


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "2024-10-04.duckdb").write_bytes(b"nonsense" * 1000)
    store = EmbeddedLogs(Engine(tmp_path))
    await store.start()
    with pytest.raises(TriopsError, match="logs/2024-10-04"):
        await store.search(ONE, LogQuery(NOON, NOON + 1))
    assert (tmp_path / "logs" / "2024-10-04.duckdb").exists()
    await store.append(ONE, logs(Log(NOON + 5 * DAY_NS)))
    await store.close()

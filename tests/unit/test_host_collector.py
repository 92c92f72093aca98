"""The collector against psutil itself."""

import os
import subprocess
import sys
import time

import orjson
import psutil
import pytest

from triops.kernel.signal import MetricBatch, fingerprint
from triops.lenses.aiops.host.collector import HostCollector
from triops.lenses.aiops.host.points import Points
from triops.lenses.aiops.host.processes import Processes


def values(batch: MetricBatch, name: str) -> dict[str, float]:
    """Value by label set of one metric."""
    of_id = dict(zip(batch.series_id.tolist(), batch.value.tolist(), strict=True))
    series = batch.series
    return {
        str(labels): of_id[int(id_)]
        for id_, given, labels in zip(series.id, series.name, series.labels, strict=True)
        if given == name
    }


def one(batch: MetricBatch, name: str, **labels: str) -> float:
    found = [
        value
        for text, value in values(batch, name).items()
        if all(orjson.loads(text).get(key.replace("_", ".")) == given for key, given in labels.items())
    ]
    assert len(found) == 1, (name, labels, values(batch, name))
    return found[0]


@pytest.fixture(scope="module")
def batch() -> MetricBatch:
    collector = HostCollector()
    collector.collect(time.time())
    deadline = time.monotonic() + 5
    while sum(psutil.cpu_times()) < 0 or time.monotonic() < deadline - 4.7:  # some CPU time must pass
        sum(range(10_000))
    return collector.collect(time.time())


def test_batch_is_consistent(batch: MetricBatch) -> None:
    resource = orjson.loads(batch.resources.attributes[0])
    assert resource["host.name"]
    assert resource["os.type"] == sys.platform
    assert int(batch.resources.fingerprint[0]) == fingerprint(batch.resources.attributes[0])
    assert set(batch.series_id.tolist()) == set(batch.series.id.tolist())
    assert len(set(batch.series.id.tolist())) == len(batch.series.id)
    row = 0
    text = f"{int(batch.series.resource[row])}\0{batch.series.name[row]}\0{batch.series.labels[row]}"
    assert int(batch.series.id[row]) == fingerprint(text)


def test_cpu_modes_sum_to_one(batch: MetricBatch) -> None:
    shares = values(batch, "system.cpu.utilization")
    assert sum(shares.values()) == pytest.approx(1.0)
    busy = [one(batch, "system.cpu.utilization", cpu_mode=mode) for mode in ("user", "nice", "system")]
    assert sum(busy) > 0


def test_memory_disk_and_load_agree_with_psutil(batch: MetricBatch) -> None:
    memory = psutil.virtual_memory()
    assert one(batch, "system.memory.limit") == memory.total
    used = one(batch, "system.memory.utilization", system_memory_state="used")
    assert used == pytest.approx(memory.percent / 100, abs=0.1)
    root = psutil.disk_usage("/")
    where = {"system_filesystem_mountpoint": "/", "system_filesystem_state": "used"}
    if values(batch, "system.filesystem.usage"):  # some containers show no partition at all
        assert one(batch, "system.filesystem.usage", **where) == pytest.approx(root.used, rel=0.1)
        assert 0 <= one(batch, "system.filesystem.utilization", **where) <= 1
    assert one(batch, "system.cpu.load_average.1m") == pytest.approx(psutil.getloadavg()[0], abs=1.0)
    assert one(batch, "system.uptime") == pytest.approx(time.time() - psutil.boot_time(), abs=5)


def test_counters_agree_with_psutil_and_only_grow(batch: MetricBatch) -> None:
    cards = psutil.net_io_counters(pernic=True)
    for name, card in cards.items():
        if card.bytes_recv:
            seen = one(batch, "system.network.io", network_interface_name=name, network_io_direction="receive")
            assert seen <= card.bytes_recv
    types = dict(zip(batch.series.name, batch.series.type, strict=True))
    assert types["system.network.io"] == "counter"


def test_busy_process_is_seen_by_what_it_runs(tmp_path: os.PathLike[str]) -> None:
    script = os.path.join(tmp_path, "burner.py")
    with open(script, "w") as file:
        file.write("while True: pass\n")
    process = subprocess.Popen([sys.executable, script])
    try:
        processes, points = Processes(top=1000), Points({"host.name": "here"})  # whatever else is busy here
        child = psutil.Process(process.pid)
        started = time.time()
        processes.read(points, started)
        before = child.cpu_times().user
        deadline = time.monotonic() + 20
        while child.cpu_times().user - before < 0.3 and time.monotonic() < deadline:
            os.sched_yield()
        processes.read(points, time.time())
        shares = values(points.take(time.time()), "process.cpu.utilization")
        [busy] = [value for labels, value in shares.items() if "burner.py" in labels]
        expected = 0.3 / (time.time() - started) / (psutil.cpu_count() or 1)
        assert busy > expected / 2
    finally:
        process.kill()
        process.wait()


def test_commands_are_bounded_and_linger() -> None:
    processes = Processes(top=2)
    for tick in range(50):
        memory = {f"command-{tick}-{n}": 100 - n for n in range(10)}
        chosen = processes._chosen({}, memory)
        assert f"command-{tick}-0" in chosen
        assert len(chosen) <= 8
    assert "command-48-0" in chosen


def test_series_memory_is_bounded() -> None:
    points = Points({"host.name": "here"})
    for number in range(10_000):
        points.gauge("some.metric", "1", number, label=str(number))
        points.take(0.0)
    assert len(points._known) <= 4096

"""The metric detector on a noisy host and a service."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.unit.machine import DEFAULT, Host, batch, feed
from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.selector import parse_selector
from triops.kernel.signal import MetricBatch
from triops.lenses.aiops.metrics import MetricDetector, MetricProfile
from triops.loop.bus import Bus
from triops.loop.events import MetricsReceived

BEGIN = 1_800_000_000.0


async def run(
    value: Callable[[float, np.random.Generator], float | None],
    seconds: float,
    *,
    name: str = "queue.length",
    type_: str = "gauge",
    unit: str = "",
    labels: dict[str, str] | None = None,
    resource: dict[str, str] | None = None,
    every_s: float = 5.0,
) -> list[Anomaly]:
    """Claims about one metric whose value at a time since the beginning is `value` (None: not sent)."""
    rng, bus = np.random.default_rng(1), Bus()
    detector = MetricDetector(bus)

    def batches(at: float) -> list[MetricBatch]:
        now = value(at - BEGIN, rng)
        who = {"service.name": "shop"} if resource is None else resource
        return [] if now is None else [batch(who, [at], [(name, type_, unit, labels or {}, [now])])]

    return await feed(detector, batches, [BEGIN + every_s * n for n in range(int(seconds / every_s))], bus)


@pytest.mark.parametrize("seed", range(5))
async def test_half_an_hour_of_a_busy_healthy_host_has_no_symptom(seed: int) -> None:
    bus = Bus()
    claims = await feed(MetricDetector(bus), Host(seed), [BEGIN + 5 * n for n in range(360)], bus)
    assert not [c for c in claims if c.symptom]
    assert len({c.id for c in claims}) <= 3


async def test_a_large_lasting_shift_of_what_users_send_is_a_symptom_and_ends() -> None:
    claims = await run(lambda t, rng: rng.normal(20, 2) + (200 if 600 <= t < 900 else 0), 1200)
    assert len({c.id for c in claims}) == 1
    first = claims[0]
    assert (first.kind, first.direction, first.symptom) == ("level_shift", Direction.UP, True)
    assert first.entity == "service:shop"
    assert first.started_at == BEGIN + 600
    assert first.detected_at <= BEGIN + 620
    selector = parse_selector(first.evidence["selector"])
    assert selector.matches("queue.length", "", "gauge", {"service.name": "shop"})
    assert 900 <= claims[-1].ended_at - BEGIN <= 925


async def test_the_same_shift_of_a_host_is_evidence() -> None:
    claims = await run(
        lambda t, rng: rng.normal(0.2, 0.02) + (0.7 if t >= 600 else 0), 800, name="system.cpu.utilization", unit="1",
        resource={"host.name": "h1"},
    )  # fmt: skip
    assert {(c.entity, c.symptom) for c in claims} == {("host:h1", False)}


async def test_one_percent_of_cpu_to_three_is_nothing() -> None:
    assert not await run(
        lambda t, rng: rng.normal(0.01, 0.0005) + (0.02 if t >= 600 else 0),
        900,
        name="system.cpu.utilization",
        unit="1",
    )


async def test_a_counter_is_judged_by_its_rate_and_a_reset_is_nothing() -> None:
    total = 0.0

    def value(t: float, rng: np.random.Generator) -> float:
        nonlocal total
        total = 0.0 if t == 500 else total + rng.poisson(200 if t < 800 else 1000)
        return total

    claims = await run(value, 900, name="orders", type_="counter")
    assert {c.started_at for c in claims} == {BEGIN + 800}
    assert claims[0].value == pytest.approx(200, rel=0.2)
    assert claims[0].expected == pytest.approx(40, rel=0.2)


async def test_a_histogram_is_judged_by_the_mean_of_what_is_new() -> None:
    bus, rng = Bus(), np.random.default_rng(1)
    detector = MetricDetector(bus)
    count = total = 0.0

    def batches(at: float) -> list[MetricBatch]:
        nonlocal count, total
        count, total = count + 50, total + float(rng.normal(50 * (10 if at < BEGIN + 600 else 60), 40))
        series = [
            ("work.time_sum", "histogram", "ms", {}, [total]),
            ("work.time_count", "histogram", "ms", {}, [count]),
        ]
        return [batch({"service.name": "shop"}, [at], series)]

    claims = await feed(detector, batches, [BEGIN + 5 * n for n in range(140)], bus)
    assert {c.signal for c in claims} == {'work.time_sum{service.name="shop"}'}
    assert claims[0].value == pytest.approx(60, rel=0.1)


async def test_a_line_that_used_to_vary_and_is_flat_now_is_evidence() -> None:
    claims = await run(lambda t, rng: rng.normal(20, 2) if t < 900 else 20.0, 1200)
    assert {(c.kind, c.symptom) for c in claims} == {("flat", False)}


async def test_a_disk_that_fills_up_is_a_symptom_but_one_that_was_full_is_not() -> None:
    disk = {"name": "system.filesystem.utilization", "unit": "1", "resource": {"host.name": "h1"}}
    claims = await run(lambda t, rng: min(0.5 + t / 2000, 0.99), 1000, **disk)
    filling = [c for c in claims if c.kind == "saturation"]
    assert filling[0].symptom
    assert filling[0].value < 0.95, "told before it is full"
    assert not await run(lambda t, rng: 0.99, 1000, **disk)


async def test_a_scrape_target_that_went_down_is_critical() -> None:
    up = {"name": "up", "type_": "unknown", "resource": {"job": "node"}}
    claims = await run(lambda t, rng: 1.0 if t < 600 else 0.0, 700, every_s=15, **up)
    assert ("service:node", Severity.CRITICAL, True) in {(c.entity, c.severity, c.symptom) for c in claims}
    assert not [c for c in await run(lambda t, rng: 0.0, 700, every_s=15, **up) if c.symptom]


async def test_a_regular_sender_that_stopped_is_missing_once_and_comes_back() -> None:
    claims = await run(lambda t, rng: rng.normal() if not 900 <= t < 1200 else None, 1300)
    missing = [c for c in claims if c.kind == "missing"]
    assert len({c.id for c in missing}) == 1
    assert missing[0].symptom
    assert missing[0].started_at == BEGIN + 895
    assert missing[-1].ended_at == BEGIN + 1200
    assert not await run(lambda t, rng: rng.normal() if t < 300 else None, 900), "a short job is not missed"


async def test_the_inbox_is_bounded_and_a_backlog_keeps_the_newest() -> None:
    bus = Bus()
    detector = MetricDetector(bus, MetricProfile(points=1000, rounds=10))
    for n in range(30):
        at = [BEGIN + 5 * (100 * n + k) for k in range(100)]
        await detector.received(
            MetricsReceived(DEFAULT, batch({"service.name": "s"}, at, [("g", "gauge", "", {}, at)]))
        )
    await detector.tick(DEFAULT, BEGIN)
    status = detector.status(DEFAULT, BEGIN)
    assert status["dropped"] == 2000 + 990
    assert status["series"] == 1

"""The RED detector on a shop with noise, pauses, hiccups and a cold start."""

import pytest

from tests.unit.shop import CATALOGUE, DB, FRONT, PRICING, Shop, begun, watch
from triops.kernel.anomaly import Direction, Severity
from triops.lenses.aiops.traces import RedDetector

FAULT, HEALED = 47.5, 130.0


@pytest.mark.parametrize("seed", range(4))
async def test_ten_noisy_healthy_minutes_claim_nothing(seed: int) -> None:
    shop = Shop(seed=seed, seconds=640)
    assert await watch(RedDetector(shop), shop, 630) == []


@pytest.mark.parametrize(("slow_ms", "seed"), [(300, 1), (300, 2), (60, 3)])
async def test_a_slow_service_is_told_within_twenty_seconds_and_ends_when_healed(slow_ms: float, seed: int) -> None:
    shop = Shop(seed=seed, seconds=240, fault=FAULT, healed=HEALED, slow_ms=slow_ms)
    claims = await watch(RedDetector(shop), shop, 230)
    mine = [c for c in claims if c.entity == PRICING and c.symptom]
    first = mine[0]
    assert (first.kind, first.direction, first.unit) == ("latency", Direction.UP, "ms")
    assert FAULT < first.detected_at - shop.begin <= FAULT + 20
    assert abs(first.started_at - shop.begin - FAULT) <= 6
    assert first.score >= 4
    assert first.value is not None
    assert first.expected is not None
    assert first.value > 1.5 * first.expected
    assert first.evidence["service"] == "pricing"
    assert first.evidence["trace_ids"] == [f"{7:032x}"]
    assert len({c.id for c in mine}) == 1, "one anomaly from onset to end"
    ended = [c for c in mine if c.ended_at is not None]
    assert len(ended) == 1
    assert HEALED < ended[0].ended_at - shop.begin < HEALED + 45


async def test_the_callee_of_an_edge_is_evidence_and_its_callers_are_symptoms() -> None:
    shop = Shop(seed=2, seconds=200, fault=FAULT, healed=HEALED, slow_ms=300)
    first = begun(await watch(RedDetector(shop), shop, 100))
    assert {c.entity for c in first if c.symptom} >= {FRONT, CATALOGUE, PRICING}
    edge = next(c for c in first if c.evidence["source"] == CATALOGUE)
    assert (edge.entity, edge.symptom) == (PRICING, False)
    assert not [c for c in first if c.entity == DB]
    pricing = next(c for c in first if c.entity == PRICING and c.symptom)
    front = next(c for c in first if c.entity == FRONT)
    assert pricing.evidence["self_ms"] > 5 * pricing.evidence["self_ms_expected"]
    assert front.evidence["self_ms"] < 3 * front.evidence["self_ms_expected"], "front itself is well"


async def test_a_share_of_errors_is_told_by_the_binomial_and_ends() -> None:
    shop = Shop(seed=1, seconds=240, fault=FAULT, healed=HEALED, fail=0.3)
    claims = [c for c in await watch(RedDetector(shop), shop, 220) if c.entity == PRICING and c.symptom]
    assert claims[0].kind == "errors"
    assert claims[0].severity == Severity.CRITICAL
    assert claims[0].detected_at - shop.begin <= FAULT + 20
    assert 0.15 < claims[0].value < 0.45
    assert claims[-1].ended_at is not None


async def test_a_service_that_gets_nothing_is_missing_while_its_callers_run() -> None:
    shop = Shop(seed=1, seconds=240, fault=FAULT, healed=HEALED, gone=True)
    missing = [c for c in begun(await watch(RedDetector(shop), shop, 120)) if c.kind == "missing"]
    assert [c.entity for c in missing] == [PRICING]


async def test_the_end_of_all_load_is_not_an_anomaly() -> None:
    shop = Shop(seed=5, seconds=300, load_end=200)
    assert await watch(RedDetector(shop), shop, 300) == []


@pytest.mark.parametrize("seed", [1, 2])
async def test_two_milliseconds_to_four_are_no_incident(seed: int) -> None:
    shop = Shop(seed=seed, seconds=240, fault=FAULT, healed=HEALED, slow_ms=3, scale=0.1)
    assert not [c for c in await watch(RedDetector(shop), shop, 230) if c.symptom]


async def test_a_restart_learns_from_the_store_and_claims_nothing_of_the_past() -> None:
    shop = Shop(seed=2, seconds=400, fault=60, healed=120, slow_ms=300)
    assert await watch(RedDetector(shop), shop, 390, first=300) == []
    shop = Shop(seed=2, seconds=400, fault=320, healed=390, slow_ms=300)
    found = begun(await watch(RedDetector(shop), shop, 340, first=300))
    assert PRICING in {c.entity for c in found}


async def test_the_same_tick_twice_claims_nothing_new() -> None:
    shop = Shop(seed=2, seconds=240, fault=FAULT, healed=HEALED, slow_ms=300)
    detector = RedDetector(shop)
    assert await watch(detector, shop, 80)
    assert await detector.tick("default", shop.now) == []


async def test_status_says_when_it_will_be_ready() -> None:
    shop = Shop(seed=2, seconds=240)
    detector = RedDetector(shop)
    await watch(detector, shop, 34)
    learning = detector.status("default", shop.now)
    assert learning["learning"] > 0
    assert learning["ready_at"] > shop.now
    await watch(detector, shop, 80, first=36)
    ready = detector.status("default", shop.now)
    assert (ready["learning"], ready["ready_at"]) == (0, None)
    assert ready["series"] >= 18

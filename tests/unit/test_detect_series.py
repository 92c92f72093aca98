"""The online model of many series: slots, rounds, scores that mean the same for every series."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triops.loop.series import Profile, Seasons, SeriesModel, Slots, binomial_score, count_score, rounds


@given(st.lists(st.lists(st.integers(1, 40), max_size=20), max_size=20))
def test_slots_are_unique_stable_and_bounded(batches: list[list[int]]) -> None:
    slots, now = Slots(bound=16), 0.0
    for ids in batches:
        now += 1.0
        given_ids = np.array(ids, np.uint64)
        found, fresh = slots.assign(given_ids, now)
        assert len(slots) <= 16
        assert slots.top <= 16
        held = {}
        for id_, slot in zip(ids, found.tolist(), strict=True):
            assert held.setdefault(id_, slot) == slot
        assert len({slot for slot in held.values() if slot >= 0}) == len([s for s in held.values() if s >= 0])
        assert set(fresh.tolist()) <= set(range(16))
        assert np.array_equal(slots.find(given_ids), found)


def test_the_series_seen_longest_ago_loses_its_slot() -> None:
    slots = Slots(bound=8)
    slots.assign(np.arange(1, 9, dtype=np.uint64), 1.0)
    slots.assign(np.arange(2, 9, dtype=np.uint64), 2.0)
    slots.assign(np.array([100], np.uint64), 3.0)
    assert slots.find(np.array([1, 2, 100], np.uint64)).tolist()[0] == -1
    assert (slots.find(np.array([2, 8, 100], np.uint64)) >= 0).all()
    assert slots.evicted == 1


@given(st.lists(st.integers(0, 5), max_size=60))
def test_rounds_hold_each_slot_once_and_keep_its_order(slots: list[int]) -> None:
    groups = rounds(np.array(slots, np.int64))
    assert sorted(row for group in groups for row in group.tolist()) == list(range(len(slots)))
    seen: dict[int, int] = {}
    for group in groups:
        held = [slots[row] for row in group.tolist()]
        assert len(set(held)) == len(held)
        for row in group.tolist():
            assert seen.get(slots[row], -1) < row
            seen[slots[row]] = row


def walk(model: SeriesModel, values: np.ndarray) -> np.ndarray:
    """Scores of a (points, series) table, learned as it goes."""
    slots = np.arange(values.shape[1])
    model.ensure(values.shape[1])
    scores = np.zeros(values.shape)
    for at, row in enumerate(values):
        scores[at] = model.judge(slots, row).score
        model.learn(slots, np.full(len(slots), float(at)), row, doubtful=scores[at] >= 5)
    return scores


@pytest.mark.parametrize("family", ["normal", "lognormal", "student", "poisson", "bursts"])
def test_one_threshold_serves_every_family(family: str) -> None:
    """A score of 4 claims one in 10,000; every family stays within an order of magnitude of it once learned."""
    rng = np.random.default_rng(3)
    shape = (600, 400)
    values = {
        "normal": lambda: rng.normal(5, 2, shape),
        "lognormal": lambda: rng.lognormal(0, 1, shape),
        "student": lambda: rng.standard_t(2.5, shape),
        "poisson": lambda: rng.poisson(0.3, shape).astype(float),
        "bursts": lambda: rng.normal(0, 1, shape) + 100 * (rng.random(shape) < 0.02),
    }[family]()
    scores = walk(SeriesModel(Profile()), values)[200:]
    assert np.mean(scores >= 4) < (5e-3 if family == "bursts" else 1e-3)
    assert np.mean(scores[200:] >= 6) < 5e-4


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_scores_do_not_depend_on_the_unit(scale: float) -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(10, 1, (200, 20))
    plain = walk(SeriesModel(Profile(floor=1e-300)), values)
    scaled = walk(SeriesModel(Profile(floor=1e-300)), values * scale)
    assert np.allclose(plain, scaled, rtol=1e-6, atol=1e-6)


def test_a_spike_and_a_slow_drift_score_high_and_a_young_series_needs_more() -> None:
    rng = np.random.default_rng(5)
    model = SeriesModel(Profile())
    walk(model, rng.normal(100, 2, (300, 50)))
    slots = np.arange(50)
    assert (model.judge(slots, np.full(50, 130.0)).score > 4).mean() > 0.9
    young = SeriesModel(Profile(learn=12))
    walk(young, rng.normal(100, 2, (14, 50)))
    assert young.judge(slots, np.full(50, 130.0)).score.mean() < model.judge(slots, np.full(50, 130.0)).score.mean()
    assert (young.judge(slots, np.full(50, 300.0)).score > 4).mean() > 0.9
    score = np.zeros(50)
    for _ in range(25):
        drifted = 100 + rng.normal(6, 2, 50)
        score = np.maximum(score, model.judge(slots, drifted).score)
        model.learn(slots, np.zeros(50), drifted)
    assert np.median(score) > 3


def test_a_lasting_anomaly_is_not_absorbed_until_it_is_the_new_normal() -> None:
    model, slots = SeriesModel(Profile(relearn_s=3600)), np.arange(3)
    walk(model, np.random.default_rng(6).normal(10, 1, (100, 3)))
    frozen = np.ones(3, np.bool_)
    for at in range(0, 3600, 10):
        model.learn(slots, np.full(3, 1000.0 + at), np.full(3, 50.0), frozen=frozen)
    assert np.allclose(model.level[slots], 10, atol=1.0)
    for at in range(3600, 4200, 10):
        model.learn(slots, np.full(3, 1000.0 + at), np.full(3, 50.0), frozen=frozen & (at < 3620))
    assert np.allclose(model.level[slots], 50)


def test_values_that_are_not_finite_change_nothing() -> None:
    model, slots = SeriesModel(Profile()), np.arange(4)
    walk(model, np.random.default_rng(7).normal(10, 1, (50, 4)))
    before = model.level.copy(), model.count.copy()
    bad = np.array([np.nan, np.inf, -np.inf, np.nan])
    assert (model.judge(slots, bad).score == 0).all()
    model.learn(slots, np.zeros(4), bad)
    assert np.array_equal(before[0], model.level)
    assert np.array_equal(before[1], model.count)


@given(st.integers(1, 500), st.floats(0.001, 0.5), st.integers(0, 500))
def test_bounds_on_tails_never_promise_too_much(trials: int, chance: float, hits: int) -> None:
    hits = min(hits, trials)
    log_terms = [
        _log_choose(trials, k) + k * np.log(chance) + (trials - k) * np.log1p(-chance) for k in range(hits, trials + 1)
    ]
    exact = -np.logaddexp.reduce(log_terms) / np.log(10)
    score = binomial_score(np.array([float(hits)]), np.array([float(trials)]), np.array([chance]))[0]
    assert 0 <= score <= exact + 1e-6


def _log_choose(n: int, k: int) -> float:
    from math import lgamma

    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def test_counts_score_by_how_unsteady_they_are() -> None:
    count, mean = np.array([30.0]), np.array([5.0])
    steady = count_score(count, mean, np.array([1e6]))[0]
    unsteady = count_score(count, mean, np.array([1.0]))[0]
    assert steady > 8 > 3 > unsteady > 0
    assert count_score(mean, count, np.array([1.0]))[0] == 0


def test_a_season_is_believed_after_days_where_it_helps_and_never_where_it_does_not() -> None:
    rng, seasons = np.random.default_rng(8), Seasons()
    slots = np.arange(2)
    hour = 3600.0
    left, plain = [], []
    for at in np.arange(0, 12 * 86_400, 300.0) + 1_800_000_000 // 86_400 * 86_400:
        day = 10 * max(np.sin(2 * np.pi * at / 86_400), -0.2) * (1 if (int(at // 86_400) + 3) % 7 < 5 else 0.3)
        values = np.array([50 + day, 50.0]) + rng.normal(0, 1, 2)
        times = np.full(2, at)
        offset = seasons.offset(slots, times)
        left.append(values[0] - offset[0])
        plain.append(values[0])
        seasons.learn(slots, times, values)
        assert offset[1] == 0.0
    assert seasons.on.tolist()[:2] == [True, False]
    last = slice(-int(2 * 24 * hour / 300), None)
    assert np.std(left[last]) < 0.5 * np.std(plain[last])

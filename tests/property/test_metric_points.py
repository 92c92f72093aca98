"""Points as bytes come back as they were, in the order and with the latest values that a plain reading gives."""

import math
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from triops.kernel.run import MetricPoints
from triops.ledger.runs.points import keys_of, latest, ordered, pack, pack_chunk, unpack, unpack_chunk
from triops.lenses.mlops.tracking.sampling import LOOP_POINTS, evenly, told

WHOLE = st.integers(-(1 << 63), (1 << 63) - 1)
POINT = st.tuples(st.integers(0, 4), WHOLE | st.integers(0, 3), WHOLE | st.integers(0, 3), st.floats() | st.just(0.0))
ROWS = st.lists(POINT, max_size=60)


def points(rows: Sequence[tuple[int, int, int, float]], *, origins: bool = False) -> MetricPoints:
    keys = list(dict.fromkeys(f"metric/{row[0]} ü" for row in rows))
    return MetricPoints(
        keys,
        np.array([keys.index(f"metric/{row[0]} ü") for row in rows], np.uint32),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.int64),
        np.array([row[3] for row in rows], np.float64),
        np.array([row[0] % 2 - 1 for row in rows], np.int32) if origins else None,
        [("m-1", "data", "digest")] if origins else (),
    )


@given(ROWS, st.booleans())
def test_a_batch_comes_back_as_it_was(rows: list[tuple[int, int, int, float]], origins: bool) -> None:
    given_points = points(rows, origins=origins)
    body = pack(given_points)
    back = unpack(body)
    assert list(back.keys) == list(given_points.keys) == list(keys_of(body))
    for name in ("key", "time_ms", "step", "value"):
        np.testing.assert_array_equal(getattr(back, name), getattr(given_points, name))
    assert (back.origins is None) == (not origins)
    if origins:
        np.testing.assert_array_equal(back.origins, given_points.origins)
    assert list(back.origin_rows) == list(given_points.origin_rows)


@given(ROWS)
def test_a_chunk_comes_back_as_it_was(rows: list[tuple[int, int, int, float]]) -> None:
    given_points = points(rows)
    columns = (given_points.time_ms, given_points.step, given_points.value)
    for back, was in zip(unpack_chunk(pack_chunk(columns)), columns, strict=True):
        np.testing.assert_array_equal(back, was)


@given(ROWS, st.booleans())
def test_order_is_by_time_step_value_and_every_point_is_once(
    rows: list[tuple[int, int, int, float]], by_step: bool
) -> None:
    given_points = points(rows)
    plain = {
        (step, time, 0.0 if math.isnan(value) else value, math.isnan(value))
        if by_step
        else (time, step, 0.0 if math.isnan(value) else value, math.isnan(value))
        for _, time, step, value in rows
    }
    time_ms, step, value = ordered((given_points.time_ms, given_points.step, given_points.value), by_step=by_step)
    first, second = (step, time_ms) if by_step else (time_ms, step)
    found = [
        (a, b, 0.0 if math.isnan(v) else v, math.isnan(v))
        for a, b, v in zip(first.tolist(), second.tolist(), value.tolist(), strict=True)
    ]
    assert found == sorted(plain)


@given(ROWS)
def test_the_latest_point_has_the_highest_step_then_time_then_value(rows: list[tuple[int, int, int, float]]) -> None:
    given_points = points(rows)
    at = latest(given_points)
    assert sorted(given_points.key[at].tolist()) == list(range(len(given_points.keys)))
    for index in at.tolist():
        same = given_points.key == given_points.key[index]
        compared = zip(
            given_points.step[same].tolist(),
            given_points.time_ms[same].tolist(),
            np.nan_to_num(given_points.value[same], nan=0.0, posinf=math.inf, neginf=-math.inf).tolist(),
            strict=True,
        )
        value = float(given_points.value[index])
        mine = (int(given_points.step[index]), int(given_points.time_ms[index]), 0.0 if math.isnan(value) else value)
        assert mine == max(compared)


@given(st.integers(0, 500), st.integers(1, 60))
def test_a_sample_is_the_first_of_equal_parts_and_the_last(count: int, most: int) -> None:
    chosen = evenly(count, most).tolist()
    assert len(chosen) == min(count, most)
    assert chosen == sorted(set(chosen))
    assert not chosen or chosen[-1] == count - 1
    if most > 1 and count:
        assert chosen[0] == 0
    sizes = np.diff(chosen).tolist()
    assert count <= most or most < 3 or max(sizes[:-1]) - min(sizes[:-1]) <= 1


@given(st.integers(1, 1000), st.integers(1, 400))
def test_the_loop_is_told_of_each_metrics_latest_point(count: int, keys: int) -> None:
    numbers = np.arange(count)
    many = MetricPoints(
        [f"m{n}" for n in range(min(keys, count))],
        (numbers % keys).astype(np.uint32),
        numbers,
        numbers,
        numbers.astype(np.float64),
    )
    few = told(many)
    assert len(few) <= max(2 * LOOP_POINTS, 1)
    last = {int(many.key[at]): int(many.step[at]) for at in latest(many)}
    shown = {int(key): int(step) for key, step in zip(few.key, few.step, strict=True)}
    if keys <= LOOP_POINTS:
        assert shown == last
    else:
        assert set(shown) <= set(last)

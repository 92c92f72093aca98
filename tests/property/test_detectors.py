"""No telemetry, however odd, breaks a detector or poisons its state."""

import warnings

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from triops.kernel.ids import EntityId
from triops.kernel.selector import parse_selector
from triops.lenses.aiops.metrics.families import meaning_of, selector_of
from triops.lenses.aiops.metrics.model import Known, MetricProfile
from triops.lenses.aiops.metrics.service import MetricWatch
from triops.lenses.aiops.traces.model import RedProfile
from triops.lenses.aiops.traces.service import RedWatch
from triops.ports.spans import RedTable

odd = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 1.0, 1e300, -1e300, 1e-300])
NAMES = (("g", "gauge"), ("c", "counter"), ("h_sum", "histogram"), ("h_count", "histogram"), ("up", "unknown"))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 400), odd), max_size=60), max_size=8))
def test_any_points_are_taken(batches: list[list[tuple[int, int, float]]]) -> None:
    watch = MetricWatch(MetricProfile(rounds=20))
    known = []
    for name, type_ in NAMES:
        meaning = meaning_of(name, type_, "", {})
        known.append(Known(EntityId("service:s"), name, "", selector_of(name, {}, {}), meaning, meaning.stem))
    watch.learn_names(np.arange(5, dtype=np.uint64), known, 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # sums of 1e300 overflow; what counts is what follows
        for n, points in enumerate(batches):
            ids, seconds, values = zip(*points, strict=True) if points else ((), (), ())
            times: npt.NDArray[np.int64] = np.array(seconds, np.int64) * 1_000_000_000
            watch.take(np.array(ids, np.uint64), times, np.array(values, np.float64), float(n))
            watch.presence(float(n))
    healthy = np.arange(1000, 1400, 10)
    rng = np.random.default_rng(1)
    fresh = MetricWatch(MetricProfile())
    for one in (watch, fresh):
        one.learn_names(np.array([77], np.uint64), [known[0]], 1000.0)
        for at in healthy:
            one.take(np.array([77], np.uint64), np.array([at * 10**9]), np.array([rng.normal(10, 1)]), float(at))
        slot = one.slots.find(np.array([77], np.uint64))
        assert abs(one.series.level[slot][0] - 10) < 1.5, "other series are not touched"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 30), st.sampled_from(["", "service:a"]), st.sampled_from(["service:a", "database:d"]),
            st.integers(0, 1000), st.integers(0, 2000), odd, odd, odd, odd,
        ),
        max_size=40,
    )
)  # fmt: skip
def test_any_red_table_is_judged(rows: list[tuple[int, str, str, int, int, float, float, float, float]]) -> None:
    watch, step = RedWatch(RedProfile()), 5_000_000_000
    begin = 360_000_000  # steps
    columns = list(zip(*sorted(rows, key=lambda r: r[0]), strict=True)) if rows else [()] * 9
    floats = [np.array(column, np.float64) for column in columns[5:]]
    table = RedTable(
        (np.array(columns[0], np.int64) + begin) * step, columns[1], columns[2], np.array(columns[3], np.int64),
        np.array(columns[4], np.int64), floats[0], floats[1], floats[2], floats[2], floats[3],
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for at in range(0, 200, 7):
            now = begin * 5.0 + at
            first, end = watch.window(now)
            if end > first:
                watch.take(table, first, end, now)
                watch.verdicts.runs()
    known = np.arange(len(watch.keys))
    for model in (watch.avg, watch.p50, watch.p95, watch.own, watch.rate):
        assert np.isfinite(model.level[known]).all()
        assert np.isfinite(model.scale_of(known)).all()


@given(
    st.text(min_size=1, max_size=30),
    st.dictionaries(st.text(min_size=1, max_size=10), st.text(min_size=1, max_size=20), max_size=4),
)
def test_a_selector_finds_its_own_series(name: str, labels: dict[str, str]) -> None:
    selector = parse_selector(selector_of(name, labels, {"service.name": "s"}))
    assert selector.matches(name, "", "gauge", {"service.name": "s", **labels})

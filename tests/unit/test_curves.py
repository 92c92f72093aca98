"""Few points that look like all of them; and what a metric hangs on."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from triops.lenses.mlops.search.curves import extremes
from triops.lenses.mlops.search.importance import explained, importances, ranked


@settings(max_examples=300, deadline=None)
@given(st.lists(st.floats(width=32), max_size=300), st.integers(4, 60))
def test_ends_and_extremes_stay(values: list[float], most: int) -> None:
    column = np.array(values, np.float64)
    chosen = extremes(column, most)
    assert len(chosen) <= max(4, most)
    assert list(chosen) == sorted(set(chosen))
    if values:
        assert (chosen[0], chosen[-1]) == (0, len(values) - 1)
    known = column[~np.isnan(column)]
    if len(known):
        shown = column[chosen]
        assert np.nanmin(shown) == known.min()
        assert np.nanmax(shown) == known.max()


def test_all_of_a_short_curve() -> None:
    assert list(extremes(np.arange(5.0), 5)) == [0, 1, 2, 3, 4]


def test_ranks_share_what_is_equal() -> None:
    assert list(ranked(np.array([5.0, 1.0, 5.0, 9.0]))) == [1.5, 0.0, 1.5, 3.0]


def test_what_groups_explain() -> None:
    values = np.array([1.0, 1.0, 5.0, 5.0])
    assert explained(values, np.array([0, 0, 1, 1])) == 1.0
    assert explained(values, np.array([0, 1, 0, 1])) == 0.0
    assert explained(values, np.array([0, 1, 2, 3])) == 0.0  # every run its own group: nothing is known


def test_importance_of_params() -> None:
    chance = np.random.default_rng(3)
    rate = chance.random(400)
    noise = [str(value) for value in chance.random(400)]
    depth = [str(at % 4) for at in range(400)]
    metric = (rate - 0.5) ** 2 + 0.01 * chance.random(400)
    found = importances(
        metric,
        {
            "noise": noise,
            "rate": [str(value) for value in rate],
            "same": ["x"] * 400,
            "kind": [None if value > 0.9 else "a" for value in rate],
            "depth": depth,
        },
    )
    by_name = {one.param: one for one in found}
    assert found[0].param == "rate"
    assert by_name["rate"].importance > 0.85  # though it rises on both sides, which a correlation misses
    assert abs(by_name["rate"].correlation or 0.0) < 0.2
    assert "same" not in by_name
    assert by_name["kind"].correlation is None
    assert by_name["kind"].importance > 0.1
    assert by_name["noise"].importance < 0.1
    assert by_name["depth"].importance < 0.1


def test_too_few_runs() -> None:
    assert importances(np.array([1.0, 2.0]), {"a": ["1", "2"]}) == []

"""A batch from JSON: whatever comes, it is read or refused; the quick way and the careful one say the same."""

from typing import Any

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from triops.edges.mlflow.logged import points_of, texts_of
from triops.kernel.errors import Invalid
from triops.kernel.run import MetricPoints

SCALAR = st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.floats() | st.text(max_size=5)
NUMBER = st.integers(-(1 << 63), (1 << 63) - 1) | st.floats(allow_nan=False, allow_infinity=False)
WHOLE = st.integers(-(1 << 63), (1 << 63) - 1)
METRIC = st.fixed_dictionaries(
    {"key": st.text(min_size=1, max_size=8), "value": NUMBER, "timestamp": WHOLE},
    optional={"step": WHOLE, "model_id": st.text(max_size=4)},
)
ANY_ROW = st.dictionaries(
    st.sampled_from(["key", "value", "timestamp", "step", "model_id", "dataset_name", "dataset_digest", "other"]),
    SCALAR | st.lists(SCALAR, max_size=2),
)


def told(points: MetricPoints) -> list[tuple[Any, ...]]:
    columns = (points.time_ms.tolist(), points.step.tolist(), points.value.tolist())
    return [(points.keys[key], *row) for key, *row in zip(points.key.tolist(), *columns, strict=True)]


@given(st.lists(METRIC, max_size=30))
def test_what_is_well_formed_is_read(rows: list[dict[str, Any]]) -> None:
    expected = [(row["key"], row["timestamp"], row.get("step", 0), float(row["value"])) for row in rows]
    assert told(points_of(rows)) == expected


@given(st.lists(METRIC, min_size=1, max_size=10))
def test_numbers_as_strings_are_the_same_numbers(rows: list[dict[str, Any]]) -> None:
    """As protobuf's JSON has 64-bit integers."""
    texts = [row | {"timestamp": str(row["timestamp"]), "value": repr(float(row["value"]))} for row in rows]
    assert told(points_of(texts)) == told(points_of(rows))


@given(SCALAR | st.lists(ANY_ROW | SCALAR, max_size=5))
def test_anything_else_is_read_or_refused(given_rows: Any) -> None:
    for read in (points_of, lambda rows: texts_of(rows, "params")):
        try:
            found = read(given_rows)
        except Invalid as error:
            orjson.dumps(error.message.encode("utf-8", "replace").decode())
        else:
            assert len(found) == len(given_rows or ())


def test_origins_are_told_of_the_points_that_have_them() -> None:
    point = {"key": "m", "value": 1.0, "timestamp": 1}
    points = points_of([point, point | {"model_id": "m-1"}, point | {"dataset_name": "d", "dataset_digest": "g"}])
    assert points.origins is not None
    np.testing.assert_array_equal(points.origins, [-1, 0, 1])
    assert list(points.origin_rows) == [("m-1", "", ""), ("", "d", "g")]
    assert points_of([point]).origins is None

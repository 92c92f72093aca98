"""Whatever a client sends as records, scorers or tokens: it is read, or refused as Invalid."""

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st

from triops.kernel.errors import Invalid, NotFound
from triops.lenses.mlops.evaluation.datasets import _after, checked_tags
from triops.lenses.mlops.evaluation.examples import batch_of, schema_of
from triops.lenses.mlops.evaluation.scorers import check_serialized
from triops.lenses.mlops.logged_models.search import _offset

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
PART = st.sampled_from(["inputs", "outputs", "expectations", "tags", "source"])
RECORD = st.dictionaries(PART, JSON | st.dictionaries(st.text(max_size=3), JSON, max_size=3), max_size=5)
SCORER = st.dictionaries(
    st.sampled_from(["builtin_scorer_pydantic_data", "memory_augmented_judge_data", "base_judge", "model", "x"]),
    st.deferred(lambda: SCORER | JSON),
    max_size=3,
)


@given(st.lists(RECORD, max_size=4).map(json.dumps) | st.text(max_size=20) | JSON.map(json.dumps))
def test_records(text: str) -> None:
    with contextlib.suppress(Invalid):
        batch = batch_of(text)
        schema = schema_of(None, batch)
        assert schema_of(schema, batch) == schema
        for example in batch.examples:
            assert json.loads(example.inputs) == json.loads(example.inputs) or "NaN" in example.inputs
            assert len(example.hash) == 64


@given(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), min_size=2, max_size=5))
def test_the_order_of_inputs_tells_no_two_examples_apart(inputs: dict[str, object]) -> None:
    reverse = dict(reversed(inputs.items()))
    batch = batch_of(json.dumps([{"inputs": inputs}, {"inputs": reverse}]))
    assert len({example.hash for example in batch.examples}) == 1


@given(SCORER.map(json.dumps) | st.text(max_size=20))
def test_scorers(text: str) -> None:
    with contextlib.suppress(Invalid, NotFound):
        check_serialized(text)


@given(st.text(max_size=60), JSON)
def test_tokens_and_tags(token: str, tags: object) -> None:
    with contextlib.suppress(Invalid):
        _after(token)
    with contextlib.suppress(Invalid):
        _offset(token, ["1"], None, None)
    with contextlib.suppress(Invalid):
        assert all(isinstance(value, str) for value in checked_tags(tags).values())

"""Filters and orders, against MLflow's own reading of them: what it takes is read alike, what it refuses is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triops.kernel.errors import Invalid
from triops.lenses.mlops.filters import (
    EVALUATION_DATASETS,
    EXPERIMENTS,
    LOGGED_MODELS,
    MODELS,
    RUNS,
    TRACES,
    VERSIONS,
    Clause,
    Order,
    offset_of,
    page_token,
    parse_filter,
    parse_order_by,
)

GRAMMARS = (EVALUATION_DATASETS, EXPERIMENTS, LOGGED_MODELS, MODELS, RUNS, TRACES, VERSIONS)

_KEYS = st.sampled_from(
    (
        "metrics.a",
        "metric.`a b`",
        "params.lr",
        'param."x.y"',
        "tags.mlflow.user",
        "tag.'k'",
        "status",
        "run_id",
        "attributes.start_time",
        "attr.`Run name`",
        "user",
        "tags.in",
        "params.end",
        "foo.bar",
        "dataset.name",
        "metrics.a/b",
        "metrics . a",
        "1",
        "'x'",
    )
)
_COMPARATORS = st.sampled_from(
    ("=", "!=", "<", "<=", ">", ">=", "LIKE", "ilike", "IN", "not in", "IS NULL", "is not null", "NOT LIKE", "==", "")
)
_VALUES = st.sampled_from(
    (
        "1",
        "-1.5",
        "1e5",
        ".5",
        "'x'",
        "'a''b'",
        '"v"',
        "`v`",
        "OK",
        "('a','b')",
        "('a',)",
        "()",
        "(1,2)",
        "NULL",
        "'x",
        "'%y_'",
        "+1",
        "sum(1)",
        "",
    )
)
_BETWEEN = st.sampled_from((" AND ", " and ", " OR ", " ", ", ", "; ", "\nAND\t"))


@st.composite
def filters(draw: st.DrawFn) -> str:
    def clause() -> str:
        comparator = draw(_COMPARATORS)
        space = " " if comparator[:1].isalpha() else draw(st.sampled_from(("", " ")))
        value = "" if "null" in comparator.lower() else draw(_VALUES)
        return draw(_KEYS) + space + comparator + space + value

    text = clause()
    for _ in range(draw(st.integers(0, 2))):
        text += draw(_BETWEEN) + clause()
    return text + draw(st.sampled_from(("", "", "", ";", " AND", " foo")))


@pytest.fixture(scope="module")
def utils():
    return pytest.importorskip("mlflow.utils.search_utils").SearchUtils


def _theirs(utils, text: str) -> list[tuple[object, ...]] | None:
    """What MLflow's search of runs makes of it; None: refused."""
    try:
        found = []
        for clause in utils.parse_search_filter(text):
            kind, comparator = clause["type"], clause["comparator"].upper()
            key = utils.translate_key_alias(clause["key"]) if kind == "attribute" else clause["key"]
            checks = (utils.is_metric, utils.is_param, utils.is_tag, utils.is_dataset)
            known = utils.is_attribute(kind, key, comparator) if kind == "attribute" else False
            assert known or any(check(kind, comparator) for check in checks)
            if isinstance(clause["value"], tuple) != (comparator in ("IN", "NOT IN")):
                return None  # MLflow lets it pass, and its database fails
            found.append((kind, key, comparator, float(clause["value"]) if kind == "metric" else clause["value"]))
        return found
    except Exception:
        return None


@settings(max_examples=400, deadline=None)
@given(filters())
def test_read_as_mlflow_does(utils, text: str) -> None:
    theirs = _theirs(utils, text)
    try:
        ours = [(c.kind, c.key, c.comparator, c.value) for c in parse_filter(text, RUNS)]
    except Invalid:
        ours = None
    assert ours == theirs


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), filters(), st.text("'\"`()[];., =<>!-ANDinotlke1%\\", max_size=60)))
def test_any_text_is_read_or_refused(text: str) -> None:
    for grammar in GRAMMARS:
        try:
            assert all(isinstance(clause, Clause) for clause in parse_filter(text, grammar))
        except Invalid as error:
            assert error.message
        try:
            parse_order_by([text], grammar)
        except Invalid as error:
            assert error.message


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.text(max_size=20),
        st.tuples(_KEYS, st.sampled_from(("", " asc", " DESC", " foo", " desc x", " "))).map("".join),
    )
)
def test_orders_as_mlflow_reads_them(utils, text: str) -> None:
    try:
        kind, key, ascending = utils.parse_order_by_for_search_runs(text)
        theirs = None if kind == "dataset" else (kind, utils.translate_key_alias(key), ascending)
    except Exception:
        theirs = None
    try:
        (order,) = parse_order_by([text], RUNS)
        ours = (order.kind, order.key, order.ascending)
    except Invalid:
        ours = None
    assert ours == theirs


@given(st.integers(1, 1 << 30))
def test_tokens_come_back(offset: int) -> None:
    assert offset_of(page_token(offset)) == offset


@given(st.text())
def test_any_token_is_read_or_refused(token: str) -> None:
    try:
        assert offset_of(token) >= 0
    except Invalid as error:
        assert "Invalid page token" in error.message


def test_order_of_words() -> None:
    assert parse_order_by(["metrics.`a b` DESC", "Created"], RUNS) == (
        Order("metric", "a b", False),
        Order("attribute", "start_time", True),
    )

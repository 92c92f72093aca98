"""Filters in the words that MLflow's users know."""

import pytest

from triops.kernel.clause import Clause
from triops.kernel.errors import Invalid
from triops.lenses.mlops.filters import (
    EVALUATION_DATASETS,
    EXPERIMENTS,
    LOGGED_MODELS,
    MODELS,
    RUNS,
    TRACES,
    VERSIONS,
    Order,
    offset_of,
    parse_filter,
    parse_order_by,
)


def test_clauses_of_runs() -> None:
    text = "metrics.`a b/c` >= 0.5 and params.lr LIKE '1%' AND tags.mlflow.user = \"me\" AND run_id IN ('a', 'b')"
    assert parse_filter(text, RUNS) == (
        Clause("metric", "a b/c", ">=", 0.5),
        Clause("parameter", "lr", "LIKE", "1%"),
        Clause("tag", "mlflow.user", "=", "me"),
        Clause("attribute", "run_id", "IN", ("a", "b")),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metrics.a > 1 OR params.b = '1'", "Invalid clause(s) in filter string: 'OR'"),
        ("metrics.a >", "Invalid clause(s) in filter string: 'metrics.a', '>'"),
        ("foo.bar = 1", "Invalid entity type 'foo'. Valid values are ['metric', 'parameter', 'tag', 'attribute'"),
        ("params.a = 1", "Expected a quoted string value for parameter (e.g. 'my-value'). Got value 1"),
        ("metrics.a = 'x'", "Expected numeric value type for metric. Found 'x'"),
        ("params.a = b", "Parameter value is either not quoted or unidentified quote types used for string value b."),
        ("metrics.a LIKE 1", "Invalid comparator 'LIKE' not one of"),
        ("status IN ('a')", "Only ['run_id'] attributes support comparison with a list of quoted string values."),
        ("run_id IN ()", "expected a non-empty list of string values, but got empty list"),
        ("run_id IN (1)", "got different type in list: (1,)"),
        ("metrics.a > 1; metrics.b > 1", "Search filter contained multiple expression"),
        ("attribute.foo = 'x'", "Invalid attribute key 'foo' specified."),
        ("1 = 1", "Invalid comparison clause. Expected 'Identifier' found '1'"),
        ("status IS NULL", "IS NULL / IS NOT NULL is only supported for tags and params, not for 'attribute' 'status'"),
    ],
)
def test_refusals_of_runs(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_filter(text, RUNS)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("grammar", "text", "clause"),
    [
        (EXPERIMENTS, "creation_time > 5", Clause("attribute", "creation_time", ">", 5)),
        (EXPERIMENTS, "experiment_id IN ('1','2')", Clause("attribute", "experiment_id", "IN", ("1", "2"))),
        (MODELS, "name ilike '%x'", Clause("attribute", "name", "ILIKE", "%x")),
        (MODELS, "tags.`mlflow.prompt.is_prompt` = 'true'", Clause("tag", "mlflow.prompt.is_prompt", "=", "true")),
        (VERSIONS, "version_number >= 3", Clause("attribute", "version_number", ">=", 3)),
        (VERSIONS, "run_id IN ('a')", Clause("attribute", "run_id", "IN", ("a",))),
        (LOGGED_MODELS, "creation_time > 5", Clause("attribute", "creation_timestamp", ">", 5.0)),
        (LOGGED_MODELS, "metrics.f1 > 0.5", Clause("metric", "f1", ">", 0.5)),
        (TRACES, "timestamp > 5", Clause("attribute", "timestamp_ms", ">", 5)),
        (TRACES, "trace.name = 'x'", Clause("tag", "mlflow.traceName", "=", "x")),
        (TRACES, "feedback.good > 0.5", Clause("feedback", "good", ">", 0.5)),
        (TRACES, "span.attributes.model RLIKE '^g'", Clause("span", "attributes.model", "RLIKE", "^g")),
        (TRACES, "metadata.s IS NOT NULL", Clause("request_metadata", "s", "IS NOT NULL", None)),
        (EVALUATION_DATASETS, "created_time > 5", Clause("attribute", "created_time", ">", 5)),
        (EVALUATION_DATASETS, "tags.a = 'b'", Clause("tag", "a", "=", "b")),
    ],
)
def test_other_grammars(grammar, text: str, clause: Clause) -> None:
    assert parse_filter(text, grammar) == (clause,)


@pytest.mark.parametrize(
    ("grammar", "text", "message"),
    [
        (EXPERIMENTS, "attributes.name = 'x'", "Valid entity types are ('attribute', 'tag', 'tags')"),
        (EXPERIMENTS, "tags.a > 'x'", "Invalid comparator for tag: >"),
        (MODELS, "name > 'x'", "Invalid comparator for attribute: >"),
        (MODELS, "version = 'x'", "Invalid clause(s) in filter string: version, =, 'x'"),
        (VERSIONS, "version_number = 1.5", "Invalid value for numeric attribute 'version_number': '1.5'"),
        (LOGGED_MODELS, "metrics.a > 1 OR metrics.b > 1", "Expected a list of comparisons separated by 'AND'"),
        (TRACES, "issue.foo = 'x'", "Invalid issue attribute 'foo'. Supported attributes: id"),
        (TRACES, "span.foo = 'x'", "Invalid span attribute 'foo'."),
        (EVALUATION_DATASETS, "params.a = 'x'", "Invalid identifier token 'params' specified"),
    ],
)
def test_other_refusals(grammar, text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_filter(text, grammar)
    assert message in caught.value.message


def test_bounds() -> None:
    many = " AND ".join(["metrics.a > 1"] * 201)
    for text in (many, "params.a = '" + "x" * (1 << 18) + "'"):
        with pytest.raises(Invalid, match="at most"):
            parse_filter(text, RUNS)


def test_orders() -> None:
    assert parse_order_by(["timestamp DESC"], MODELS) == (Order("attribute", "last_updated_timestamp", False),)
    assert parse_order_by(["version_number"], VERSIONS) == (Order("attribute", "version_number", True),)
    assert parse_order_by(["name DESC"], TRACES) == (Order("tag", "mlflow.traceName", False),)
    with pytest.raises(Invalid, match="duplicate fields"):
        parse_order_by(["metrics.a", "metrics.a DESC"], RUNS)
    with pytest.raises(Invalid, match="Invalid ordering key"):
        parse_order_by(["metrics.a sideways"], RUNS)


def test_refused_tokens() -> None:
    for token in ("x", "e30=", "MTI=", "eyJvZmZzZXQiOiAiYSJ9", "eyJvZmZzZXQiOiAtNX0="):
        with pytest.raises(Invalid, match="Invalid page token"):
            offset_of(token)

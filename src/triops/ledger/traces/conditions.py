"""Clauses of a search of traces as conditions of SQL. What a span holds beyond its name, type and status is not in
columns: such clauses are left to who reads the spans (`needs_spans`)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, cast, exists, func, not_, or_, select
from sqlalchemy.types import Text

from triops.kernel.clause import Clause, Order, Value
from triops.kernel.errors import Invalid
from triops.kernel.ids import ProjectId
from triops.kernel.selector import check_regex
from triops.kernel.trace import COST, NAME_TAG, SESSION, USAGE
from triops.ledger.matching import matching
from triops.ledger.traces import tables
from triops.ledger.traces.assessing import dumps
from triops.ledger.traces.links import PROMPT, RUN

_T = tables.traces.c
_S = tables.trace_spans.c
_A = tables.assessments.c
_L = tables.trace_links.c
_PROMPTS, _SOURCE_RUN = "mlflow.linkedPrompts", "mlflow.sourceRun"
_NUMBERED = ("<", "<=", ">", ">=")
_COLUMNS: dict[str, ColumnElement[Any]] = {
    "request_id": _T.id,
    "timestamp_ms": _T.request_ms,
    "execution_time_ms": _T.duration_ms,
    "end_time_ms": _T.request_ms + func.coalesce(_T.duration_ms, 0),
    "status": _T.state,
    "client_request_id": _T.client_request_id,
    "experiment_id": _T.experiment,
}
_SPAN_COLUMNS: dict[str, ColumnElement[Any]] = {"name": _S.name, "type": _S.type, "status": _S.status}


def needs_spans(clause: Clause) -> bool:
    return clause.kind == "span" and clause.key not in _SPAN_COLUMNS


def condition(project: ProjectId, experiments: Sequence[int], clauses: Sequence[Clause]) -> ColumnElement[bool]:
    """All clauses but those that need spans. Clauses of spans are of one and the same span. Raises: Invalid."""
    found: list[ColumnElement[bool]] = [_T.project == project, _T.experiment.in_(experiments)]
    spans: list[ColumnElement[bool]] = []
    for clause in clauses:
        if clause.kind == "span":
            if not needs_spans(clause):
                spans.append(_compared(_SPAN_COLUMNS[clause.key], clause.comparator, clause.value))
        elif clause.kind in ("feedback", "expectation"):
            found.append(_assessed(project, experiments, clause))
        elif clause.kind == "issue":
            found.append(_any(tables.assessments, _A.trace, _A.kind == "issue", _A.name == clause.value))
        elif clause.kind == "attribute":
            found.append(_compared(_COLUMNS[clause.key], clause.comparator, clause.value))
        elif clause.kind == "tag":
            found.append(_tagged(project, clause))
        else:
            found.append(_described(project, clause))
    if spans:
        found.append(_any(tables.trace_spans, _S.trace, *spans))
    return and_(*found)


def ordering(orders: Sequence[Order]) -> list[ColumnElement[Any]]:
    """What has no value comes last; then newest first. Raises: Invalid."""
    found: list[ColumnElement[Any]] = []
    named = {order.key for order in orders if order.kind == "attribute"}
    for order in orders:
        if order.kind == "attribute":
            column = _COLUMNS[order.key]
        elif order.kind == "tag" and order.key == NAME_TAG:
            column = _T.name
        elif order.kind == "request_metadata" and order.key in (USAGE, COST):
            raise Invalid(
                f"Ordering by reserved metadata '{order.key}' is not supported because it is represented by multiple "
                "columns.",
                field="order_by",
            )
        else:
            table = tables.trace_tags if order.kind == "tag" else tables.trace_metadata
            column = select(table.c.value).where(table.c.trace == _T.no, table.c.key == order.key).scalar_subquery()
        found += [column.is_(None), column.asc() if order.ascending else column.desc()]
    if "timestamp_ms" not in named:
        found.append(_T.request_ms.desc())
    if "request_id" not in named:
        found.append(_T.id)
    return found


def _tagged(project: ProjectId, clause: Clause) -> ColumnElement[bool]:
    if clause.key == NAME_TAG:
        return _compared(_T.name, clause.comparator, clause.value)
    if clause.key == _PROMPTS:
        prompt = str(clause.value)
        if clause.comparator != "=":
            raise Invalid(
                f"Invalid comparator '{clause.comparator}' for prompts filter. Only '=' is supported with format: "
                'prompt = "name/version"',
                field="filter",
            )
        if prompt.count("/") != 1:
            raise Invalid(
                f"Invalid prompts filter value '{prompt[:500]}'. Expected format: prompt = \"name/version\"",
                field="filter",
            )
        return _linked(project, PROMPT, prompt)
    return _keyed(tables.trace_tags, clause)


def _described(project: ProjectId, clause: Clause) -> ColumnElement[bool]:
    key, comparator = clause.key, clause.comparator
    if key == _SOURCE_RUN and comparator == "=":
        return or_(_linked(project, RUN, str(clause.value)), _keyed(tables.trace_metadata, clause))
    if key == SESSION:
        return _compared(_T.session, comparator, clause.value)
    if key in (USAGE, COST) and comparator not in ("=", "!=", "IS NULL", "IS NOT NULL"):
        raise Invalid(
            f"Comparator '{comparator}' is not supported for reserved metadata '{key}'. "
            "Only '=', '!=', 'IS NULL', and 'IS NOT NULL' are supported.",
            field="filter",
        )
    return _keyed(tables.trace_metadata, clause)


def _assessed(project: ProjectId, experiments: Sequence[int], clause: Clause) -> ColumnElement[bool]:
    """By a valid assessment of the trace, or of another trace of its session that is meant for the whole session."""
    own = [_A.kind == clause.kind, _A.name == clause.key, _A.valid == 1]
    if clause.comparator in _NUMBERED:
        own.append(_compared(_A.number, clause.comparator, clause.value))
    elif clause.comparator in ("=", "!="):
        equal = _A.value.in_([str(clause.value), dumps(clause.value)])
        own.append(equal if clause.comparator == "=" else not_(equal))
    elif clause.comparator not in ("IS NULL", "IS NOT NULL"):
        own.append(_compared(_A.value, clause.comparator, clause.value))
    other = tables.traces.alias("of_session")
    sessions = (
        select(other.c.session)
        .join(tables.assessments, _A.trace == other.c.no)
        .where(
            other.c.project == project,
            other.c.experiment.in_(experiments),
            other.c.session.is_not(None),
            _A.of_session == 1,
            *own,
        )
    )
    judged = or_(_T.no.in_(select(_A.trace).where(*own)), and_(_T.session.is_not(None), _T.session.in_(sessions)))
    return not_(judged) if clause.comparator == "IS NULL" else judged


def _keyed(table: Any, clause: Clause) -> ColumnElement[bool]:
    if clause.comparator in ("IS NULL", "IS NOT NULL"):
        there = _any(table, table.c.trace, table.c.key == clause.key)
        return not_(there) if clause.comparator == "IS NULL" else there
    return _any(
        table, table.c.trace, table.c.key == clause.key, _compared(table.c.value, clause.comparator, clause.value)
    )


def _linked(project: ProjectId, kind: str, target: str) -> ColumnElement[bool]:
    return _T.id.in_(select(_L.trace_id).where(_L.project == project, _L.kind == kind, _L.target == target))


def _any(table: Any, trace: ColumnElement[Any], *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(trace == _T.no, *conditions).correlate(tables.traces)


def _compared(column: ColumnElement[Any], comparator: str, value: Value) -> ColumnElement[bool]:
    if comparator == "IS NULL":
        return column.is_(None)
    if comparator == "IS NOT NULL":
        return column.is_not(None)
    if comparator == "RLIKE":
        check_regex(str(value))
        return cast(column, Text).regexp_match(str(value))
    return matching(column, comparator, value)

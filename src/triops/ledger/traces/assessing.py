"""Assessments as rows."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select

from triops.kernel.trace import SESSION, Assessment, AssessmentKind
from triops.ledger.prepared import Prepared, Rows
from triops.ledger.traces import tables

_A = tables.assessments.c
COLUMNS = (
    _A.trace, _A.id, _A.name, _A.kind, _A.value, _A.error, _A.source_type, _A.source_id, _A.span_id, _A.rationale,
    _A.metadata, _A.overrides, _A.valid, _A.created_ms, _A.updated_ms,
)  # fmt: skip
_WRITTEN = (
    "trace", "id", "name", "kind", "value", "number", "error", "source_type", "source_id", "span_id", "rationale",
    "metadata", "of_session", "overrides", "valid", "created_ms", "updated_ms",
)  # fmt: skip
WRITE = Rows(
    tables.assessments,
    _WRITTEN,
    lambda rows: rows.on_conflict_do_update(
        index_elements=["trace", "id"], set_={name: rows.excluded[name] for name in _WRITTEN[2:]}
    ),
)
ONE = Prepared(select(*COLUMNS).where(_A.trace == bindparam("trace"), _A.id == bindparam("id")))


def row_of(trace: int, assessment: Assessment) -> tuple[Any, ...]:
    return (
        trace,
        assessment.id,
        assessment.name,
        assessment.kind.value,
        dumps(assessment.value),
        number_of(assessment.value),
        dumps(assessment.error) if assessment.error is not None else None,
        assessment.source_type,
        assessment.source_id,
        assessment.span_id,
        assessment.rationale,
        dumps(assessment.metadata),
        int(SESSION in assessment.metadata),
        assessment.overrides,
        int(assessment.valid),
        assessment.created_ms,
        assessment.updated_ms,
    )


def assessment_of(row: Sequence[Any]) -> Assessment:
    """`COLUMNS` as the noun."""
    (
        _,
        id,
        name,
        kind,
        value,
        error,
        source_type,
        source_id,
        span_id,
        rationale,
        metadata,
        overrides,
        valid,
        made,
        at,
    ) = row
    kept: Mapping[str, str] = json.loads(metadata)
    return Assessment(
        id=id,
        name=name,
        kind=AssessmentKind(kind),
        value=json.loads(value),
        error=json.loads(error) if error is not None else None,
        source_type=source_type,
        source_id=source_id,
        span_id=span_id,
        rationale=rationale,
        metadata=kept,
        overrides=overrides,
        valid=bool(valid),
        created_ms=made,
        updated_ms=at,
    )


def dumps(value: Any) -> str:
    """JSON in the form that filters compare with."""
    return json.dumps(value)


def number_of(value: Any) -> float | None:
    """What `<` and `>` compare; texts and truths are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if number - number == 0 else None

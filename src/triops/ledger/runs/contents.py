"""What was logged to many runs at once: params, tags, latest metrics, inputs and outputs.

It comes as JSON that the database made, which takes a third of the time that rows take. Metrics' values alone come as
rows and are put in their places here, since SQLite shortens numbers that it writes as JSON.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import orjson
from sqlalchemy import BindParameter, ColumnElement, Connection, Select, bindparam, case, literal, select

from triops.kernel.run import Dataset, Input, Links, ModelOutput
from triops.ledger.json_text import ListOf, MapOf, last_member, object_of
from triops.ledger.runs import tables

LARGEST: Final = 1.7976931348623157e308  # what MLflow's stores make of an infinity
_BETWEEN: Final = "\n"  # never in JSON of the database's making, whose strings have it escaped


class Shape(Enum):
    """Of the JSON."""

    PAIRS = "pairs"  # [{"key": …, "value": …}], metrics with timestamp (ms) and step, as MLflow has them
    OBJECT = "object"  # {key: value}, metrics' values being {"value", "step", "at" (s)}


@dataclass(frozen=True, slots=True)
class Contents:
    """By the runs' numbers; a run without any is not there. All but `links`: JSON, each run's by key."""

    params: Mapping[int, str]
    tags: Mapping[int, str]
    metrics: Mapping[int, str]
    links: Mapping[int, Links]


def contents_of(connection: Connection, runs: Sequence[int], shape: Shape) -> Contents:
    """Of a thousand or so."""
    return Contents(
        dict(bare_rows(connection, _PARAMS[shape], runs)),
        dict(bare_rows(connection, _TAGS[shape], runs)),
        _metrics(connection, runs, shape),
        links_of_many(connection, runs),
    )


def links_of_many(connection: Connection, runs: Sequence[int]) -> dict[int, Links]:
    """Of those that have any."""
    links: dict[int, tuple[list[Input], list[str], list[ModelOutput]]] = {}
    for run, *dataset, tags in bare_rows(connection, _INPUTS, runs):
        links.setdefault(run, ([], [], []))[0].append(Input(Dataset(*dataset), orjson.loads(tags)))
    for run, model, role, step in bare_rows(connection, _MODELS, runs):
        found = links.setdefault(run, ([], [], []))
        if role == "input":
            found[1].append(model)
        else:
            found[2].append(ModelOutput(model, step))
    return {run: Links(*found) for run, found in links.items()}


def _metrics(connection: Connection, runs: Sequence[int], shape: Shape) -> dict[int, str]:
    rows = bare_rows(connection, _METRICS[shape], runs)
    if not rows:
        return {}
    values = bare_rows(connection, _VALUES, runs)
    text = orjson.dumps(values)
    if b"null" in text:  # of NaN and of the infinities
        text = orjson.dumps([(value if _finite(value) else _unusual(value, shape),) for (value,) in values])
    places = text[2:-2].decode().replace("],[", "}" + _BETWEEN + '"value":').split(_BETWEEN)
    parts = _BETWEEN.join([row[1] for row in rows]).split(last_member(connection.dialect, "value", "0"))
    if len(parts) != len(places) + 1:
        raise AssertionError("metrics and their values are read of one snapshot")
    whole = [""] * (2 * len(places) + 1)
    whole[0::2] = parts
    whole[1::2] = places
    whole[1] = '"value":' + whole[1]
    whole[-2] += "}"
    return dict(zip([row[0] for row in rows], "".join(whole).split(_BETWEEN), strict=True))


def _finite(value: float | None) -> bool:
    return value is not None and value - value == 0


def _unusual(value: float | None, shape: Shape) -> float | str:
    if value is None:
        return "NaN"
    if shape is Shape.PAIRS:
        return LARGEST if value > 0 else -LARGEST
    return "Infinity" if value > 0 else "-Infinity"


def bare_rows(connection: Connection, statement: Select[Any], runs: Sequence[int]) -> list[Any]:
    """Of a statement with `among`, bare tuples: for the many there are, more would cost more than the reading."""
    cursor: Any = connection.execute(statement, {"runs": runs}).cursor
    rows: list[Any] = cursor.fetchall()
    return rows


def among() -> BindParameter[Any]:
    """Stands for the runs in a statement of `bare_rows`."""
    return bindparam("runs", expanding=True, literal_execute=True)


_P = tables.run_params.c
_T = tables.run_tags.c
_M = tables.run_metrics.c
_D = tables.datasets.c
_I = tables.run_inputs.c
_L = tables.run_models.c

_NOUGHT: Final = literal(0)


def _grouped(run: ColumnElement[int], made: ColumnElement[str]) -> Select[Any]:
    columns: tuple[Any, ...] = (run, made)
    return select(*columns).where(run.in_(among())).group_by(run)


_PARAMS: Final = {
    Shape.PAIRS: _grouped(_P.run, ListOf(_P.key, object_of(key=_P.key, value=_P.value))),
    Shape.OBJECT: _grouped(_P.run, MapOf(_P.key, _P.value)),
}
_TAGS: Final = {
    Shape.PAIRS: _grouped(_T.run, ListOf(_T.key, object_of(key=_T.key, value=_T.value))),
    Shape.OBJECT: _grouped(_T.run, MapOf(_T.key, _T.value)),
}
_METRICS: Final = {
    Shape.PAIRS: _grouped(
        _M.run, ListOf(_M.key, object_of(key=_M.key, timestamp=_M.time_ms, step=_M.step, value=_NOUGHT))
    ),
    Shape.OBJECT: _grouped(_M.run, MapOf(_M.key, object_of(at=_M.time_ms / 1000.0, step=_M.step, value=_NOUGHT))),
}
_VALUES: Final = select(case((_M.nan == 1, None), else_=_M.value)).where(_M.run.in_(among())).order_by(_M.run, _M.key)
_INPUTS: Final = (
    select(_I.run, _D.name, _D.digest, _D.source_type, _D.source, _D.schema, _D.profile, _I.tags)
    .join_from(tables.run_inputs, tables.datasets, _D.no == _I.dataset)
    .where(_I.run.in_(among()))
    .order_by(_I.run, _I.dataset)
)
_MODELS: Final = (
    select(_L.run, _L.model_id, _L.role, _L.step).where(_L.run.in_(among())).order_by(_L.run, _L.step, _L.model_id)
)

"""What a day file of each kind holds: one wide table of rows, and small ones beside it.

`project` is the 64-bit fingerprint of the project's name: a column of one value costs no space, and zone maps skip it.
Digests of requests are 128 bits in two columns; `at_s` is when the request was stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass

_U64, _I64, _U8, _TEXT = "UBIGINT", "BIGINT", "UTINYINT", "VARCHAR"

DTYPES = {_U64: "uint64", _I64: "int64", _U8: "uint8", "DOUBLE": "float64", _TEXT: "object"}


@dataclass(frozen=True, slots=True)
class Layout:
    """`columns` are those of the batch, in the order of the table after `project`; `subject` is the table with the
    attributes that may name a user (the rows themselves, or the series they belong to)."""

    kind: str
    table: str
    columns: Mapping[str, str]
    series: Mapping[str, str]
    user_column: str

    @property
    def tables(self) -> list[tuple[str, str]]:
        found = [(self.table, _sql(self.columns)), ("resources", _sql(RESOURCES)), ("requests", REQUESTS)]
        return [*found, ("series", _sql(self.series))] if self.series else found


RESOURCES = {"fingerprint": _U64, "service": _TEXT, "host": _TEXT, "attributes": _TEXT}
REQUESTS = "hi UBIGINT, lo UBIGINT, at_s DOUBLE"

METRICS = Layout(
    "metrics",
    "points",
    {"series_id": _U64, "time_ns": _I64, "value": "DOUBLE"},
    {"id": _U64, "resource": _U64, "name": _TEXT, "labels": _TEXT, "type": _TEXT, "unit": _TEXT},
    "labels",
)
LOGS = Layout(
    "logs",
    "records",
    {
        "resource": _U64, "time_ns": _I64, "severity": _U8, "body": _TEXT, "template": _U64, "trace_hi": _U64,
        "trace_lo": _U64, "span_id": _U64, "attributes": _TEXT,
    },
    {},
    "attributes",
)  # fmt: skip
SPANS = Layout(
    "spans",
    "spans",
    {
        "resource": _U64, "trace_hi": _U64, "trace_lo": _U64, "span_id": _U64, "parent_id": _U64, "name": _TEXT,
        "kind": _U8, "time_ns": _I64, "duration_ns": _I64, "status": _U8, "status_message": _TEXT, "scope": _TEXT,
        "peer": _TEXT, "attributes": _TEXT, "events": _TEXT, "links": _TEXT,
    },
    {},
    "attributes",
)  # fmt: skip


def _sql(columns: Mapping[str, str]) -> str:
    return ", ".join(["project UBIGINT", *(f"{name} {type_}" for name, type_ in columns.items())])

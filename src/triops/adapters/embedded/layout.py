"""What a day file of each kind holds: one wide table of rows, and small ones beside it.

`project` is the 64-bit fingerprint of the project's name: a column of one value costs no space, and zone maps skip it.
Digests of requests are 128 bits in two columns; `at_s` is when the request was stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

WORDS = tuple(f"w{number}" for number in range(64))  # of a signature (`grams.py`)
_U64, _I64, _U8, _TEXT = "UBIGINT", "BIGINT", "UTINYINT", "VARCHAR"

DTYPES = {_U64: "uint64", _I64: "int64", _U8: "uint8", "DOUBLE": "float64", _TEXT: "object"}


@dataclass(frozen=True, slots=True)
class Layout:
    """`columns` are those of the batch, in the order of the table after `project`; `subject` is the table with the
    attributes that may name a user (the rows themselves, or the series they belong to). `beside`: further tables, of
    which one that has a `trace_lo` holds rows of the same traces. `added`: (table, column definition) of each column
    that files of earlier versions lack, with what their rows hold then."""

    kind: str
    table: str
    columns: Mapping[str, str]
    series: Mapping[str, str]
    user_column: str
    beside: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    added: Sequence[tuple[str, str]] = ()

    @property
    def tables(self) -> list[tuple[str, str]]:
        found = [(self.table, _sql(self.columns)), ("resources", _sql(RESOURCES)), ("requests", REQUESTS)]
        if self.series:
            found.append(("series", _sql(self.series)))
        return [*found, *((table, _sql(columns)) for table, columns in self.beside.items())]


RESOURCES = {"fingerprint": _U64, "service": _TEXT, "host": _TEXT, "attributes": _TEXT}
# Spans of models' calls and of applications around them (`kernel/genai/sayings.py`): -1 is what was not said. `said`
# are the texts that can be searched for, case folded; `block` is where they are signed in `grams`.
LLM = {
    "block": _U64, "resource": _U64, "trace_hi": _U64, "trace_lo": _U64, "span_id": _U64, "parent_id": _U64,
    "time_ns": _I64, "duration_ns": _I64, "status": _U8, "type": _TEXT, "call": _U8, "name": _TEXT, "model": _TEXT,
    "provider": _TEXT, "application": _TEXT, "prompt": _TEXT, "prompt_version": _TEXT, "prompt_label": _TEXT,
    "person": _TEXT, "session": _TEXT, "key": _TEXT, "tags": _TEXT, "input_tokens": _I64, "output_tokens": _I64,
    "cached_tokens": _I64, "cache_write_tokens": _I64, "cost": _I64, "estimated": _U8, "first_ns": _I64,
    "output_chars": _I64, "answer_id": _TEXT, "gateway": _U8, "error": _TEXT, "input": _TEXT, "output": _TEXT,
    "said": _TEXT,
}  # fmt: skip
# Bits by a hash do not compress: looking for a way costs more than it saves.
GRAMS = {"block": _U64, **dict.fromkeys(WORDS, f"{_U64} USING COMPRESSION uncompressed")}
# Which two ASCII characters stand side by side in the texts of the blocks from `first` to `last` (`pairs.py`).
PAIRS = {"first": _U64, "last": _U64, "texts": _U64, "held": _TEXT}
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
    {"llm": LLM, "grams": GRAMS, "pairs": PAIRS},
    (("llm", f"cache_write_tokens {_I64} DEFAULT 0"),),
)  # fmt: skip


def _sql(columns: Mapping[str, str]) -> str:
    return ", ".join(["project UBIGINT", *(f"{name} {type_}" for name, type_ in columns.items())])

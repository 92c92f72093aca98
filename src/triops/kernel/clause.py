"""What a search asks for: clauses that must all hold, and an order. Which words they came from is an edge's or lens's
matter."""

from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = str | int | float | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Clause:
    """`kind` of thing compared (attribute, metric, parameter, tag, dataset, ...), its `key`, the comparator in upper
    case (=, !=, <, <=, >, >=, LIKE, ILIKE, RLIKE, IN, NOT IN, IS NULL, IS NOT NULL) and the value: a tuple for IN and
    NOT IN, None for IS."""

    kind: str
    key: str
    comparator: str
    value: Value


@dataclass(frozen=True, slots=True)
class Order:
    kind: str
    key: str
    ascending: bool = True

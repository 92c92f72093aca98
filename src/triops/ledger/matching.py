"""A clause's comparison as a condition of SQL, with one meaning in SQLite and PostgreSQL."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import Boolean

from triops.kernel.clause import Value
from triops.kernel.errors import Invalid

_PLAIN: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def matching(column: ColumnElement[Any], comparator: str, value: Value) -> ColumnElement[bool]:
    """`column` compares so with `value`. LIKE heeds case, ILIKE does not (of ASCII letters); `%` and `_` are wild and
    nothing escapes them. Raises: Invalid for a comparator that SQL is not asked, such as RLIKE and IS NULL."""
    if comparator in _PLAIN:
        result: ColumnElement[bool] = _PLAIN[comparator](column, value)
    elif comparator == "LIKE":
        result = like(column, str(value))
    elif comparator == "ILIKE":
        result = like(func.lower(column), str(value).lower())
    elif comparator == "IN" and isinstance(value, tuple):
        result = column.in_(value)
    elif comparator == "NOT IN" and isinstance(value, tuple):
        result = column.not_in(value)
    else:
        raise Invalid(f"Invalid comparator '{comparator}'", field="filter")
    return result


class like(GenericFunction[bool]):
    """`column` is like the pattern, which is the same in both databases though SQLite's own LIKE forgets case."""

    type = Boolean()
    inherit_cache = True
    name = "triops_like"


@compiles(like, "sqlite")
def _glob(element: like, compiler: SQLCompiler, **options: Any) -> str:
    column, pattern = element.clauses
    return f"{compiler.process(column, **options)} GLOB {compiler.process(func.triops_glob(pattern), **options)}"

"""A clause's comparison as a condition of SQL, with one meaning in SQLite and PostgreSQL."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, func, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
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
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        value = float(value)  # over what databases have for integers
    if comparator in _PLAIN:
        result: ColumnElement[bool] = _PLAIN[comparator](column, value)
    elif comparator == "LIKE":
        result = _Like(column, literal(_as_glob(str(value))), literal(str(value)))
    elif comparator == "ILIKE":
        result = _Like(func.lower(column), func.lower(_as_glob(str(value))), func.lower(str(value)))
    elif comparator == "IN" and isinstance(value, tuple):
        result = column.in_(value)
    elif comparator == "NOT IN" and isinstance(value, tuple):
        result = column.not_in(value)
    else:
        raise Invalid(f"Invalid comparator '{comparator}'", field="filter")
    return result


def _as_glob(pattern: str) -> str:
    """SQLite's LIKE forgets case; its GLOB does not."""
    special = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return "".join(special.get(character, character) for character in pattern)


class _Like(FunctionElement[bool]):
    """Of a column, the pattern as a glob, and the pattern."""

    type = Boolean()
    inherit_cache = True


@compiles(_Like)
def _compiled_like(element: _Like, compiler: SQLCompiler, **options: Any) -> str:
    column, _, pattern = element.clauses
    return f"({compiler.process(column, **options)} LIKE {compiler.process(pattern, **options)} ESCAPE '')"


@compiles(_Like, "sqlite")
def _compiled_glob(element: _Like, compiler: SQLCompiler, **options: Any) -> str:
    column, glob, _ = element.clauses
    return f"({compiler.process(column, **options)} GLOB {compiler.process(glob, **options)})"

"""How the books list: bounded pages in a total order, and substrings that mean just themselves."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import ColumnElement, Row, Select, literal, tuple_

from triops.kernel.errors import Invalid
from triops.kernel.limits import DEFAULT_LIMITS
from triops.kernel.page import Page, decode_cursor, encode_cursor
from triops.ports.records import Records

T = TypeVar("T")
AnyRow: TypeAlias = Row[*tuple[Any, ...]]
_CHUNK = 400


def checked_limit(limit: int) -> int:
    """Raises: Invalid unless it is 1 to `Limits.page`."""
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= DEFAULT_LIMITS.page:
        raise Invalid("not a page's size", field="limit", got=limit, expected=f"1 to {DEFAULT_LIMITS.page}")
    return limit


def after(cursor: str | None, columns: Sequence[ColumnElement[Any]], types: Sequence[type], *, newest: bool) -> Any:
    """The condition for rows behind a cursor in the order of `columns` (descending when `newest`), or None at the
    beginning. Raises: Invalid cursor."""
    if cursor is None:
        return None
    key = decode_cursor(cursor, *types)
    if any(isinstance(value, int) and not -(1 << 63) <= value < 1 << 63 for value in key):
        raise Invalid("not a cursor that a list gave", field="cursor", got=cursor)
    left = tuple_(*columns)
    right = tuple_(*(literal(value, column.type) for value, column in zip(key, columns, strict=True)))
    return left < right if newest else left > right


def page_of(
    rows: Sequence[AnyRow], limit: int, read: Callable[[AnyRow], T], key: Callable[[AnyRow], Sequence[Any]]
) -> Page[T]:
    """A page of `limit` out of rows that were selected with `limit + 1`."""
    shown = rows[:limit]
    return Page([read(row) for row in shown], encode_cursor(*key(shown[-1])) if len(rows) > limit else None)


async def newest_page(
    records: Records,
    statement: Select[Any],
    at: ColumnElement[float],
    id: ColumnElement[str],
    limit: int,
    cursor: str | None,
    read: Callable[[AnyRow], T],
) -> Page[T]:
    """A page of what `statement` selects, newest first by the time `at`, equal times by `id`; both are its first two
    columns. Raises: Invalid limit or cursor."""
    behind = after(cursor, (at, id), (float, str), newest=True)
    if behind is not None:
        statement = statement.where(behind)
    statement = statement.order_by(at.desc(), id.desc()).limit(checked_limit(limit) + 1)
    rows = await records.read(lambda c: c.execute(statement).all())
    return page_of(rows, limit, read, lambda row: (row[0], row[1]))


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Keys by the few hundred: databases bound the parameters of one statement."""
    iterator = iter(items)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


def searchable(*texts: str) -> str:
    """Text as `containing` searches it: the column beside what is shown."""
    return "\n".join(texts).casefold()


def containing(column: ColumnElement[str], query: str) -> ColumnElement[bool]:
    """Case-insensitive substring of a `searchable` column; `%` and `_` are themselves."""
    return column.contains(query.casefold(), autoescape=True)

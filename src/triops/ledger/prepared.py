"""Statements of hot paths: written in Core like every other, but made into text once a dialect and not at each
execution, which costs more than what they do. They answer plain rows: no conversion of types takes place.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, TypeAlias

from sqlalchemy import ClauseElement, Connection, CursorResult, Dialect, Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

Upsert: TypeAlias = Callable[[SqliteInsert | PostgresInsert], SqliteInsert | PostgresInsert]


class Prepared:
    """`run(connection, name=value, …)`: values of its `bindparam`s by name. A statement that only dialects have, an
    upsert, is given as what makes it of the dialect's own `insert`."""

    def __init__(self, statement: ClauseElement | Callable[[Any], ClauseElement]) -> None:
        self._statement = statement
        self._texts: dict[str, tuple[str, tuple[str, ...] | None, dict[str, Any]]] = {}

    def run(self, connection: Connection, **values: Any) -> CursorResult[*tuple[Any, ...]]:
        text, names, constants = self._texts.get(connection.dialect.name) or self._text(connection.dialect)
        if constants:
            values = {**constants, **values}
        if names is None:
            return connection.exec_driver_sql(text, values)
        return connection.exec_driver_sql(text, tuple([values[name] for name in names]))

    def _text(self, dialect: Dialect) -> tuple[str, tuple[str, ...] | None, dict[str, Any]]:
        statement = self._statement
        made = statement if isinstance(statement, ClauseElement) else statement(_insert(dialect))
        compiled: Any = made.compile(dialect=dialect)
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        names = tuple(compiled.positiontup) if compiled.positional else None
        self._texts[dialect.name] = (str(compiled), names, constants)
        return self._texts[dialect.name]


class Rows:
    """Inserts rows of `table`, given as tuples of `columns`: as many a statement as pay, since each statement gives up
    the interpreter and has to win it back. `conflict` makes of the insert what is done with a row that is there."""

    _SIZES = (128, 32, 8, 4, 2, 1)

    def __init__(self, table: Table, columns: Sequence[str], conflict: Upsert | None = None) -> None:
        self._table = table
        self._columns = tuple(columns)
        self._conflict = conflict
        self._texts: dict[tuple[str, int], tuple[str, tuple[str, ...] | None]] = {}

    def write(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Answers how many rows were inserted or changed."""
        dialect, done, written = connection.dialect, 0, 0
        execute: Any = connection.exec_driver_sql
        if dialect.name == "sqlite":  # its driver answers as much, for a fifth of the price
            execute = connection.connection.dbapi_connection.execute  # type: ignore[union-attr]
        for size in self._SIZES:
            while len(rows) - done >= size:
                text, names = self._texts.get((dialect.name, size)) or self._text(dialect, size)
                values = tuple(chain.from_iterable(rows[done : done + size]))
                bound: Any = values if names is None else dict(zip(names, values, strict=True))
                written += execute(text, bound).rowcount
                done += size
        return written

    def _text(self, dialect: Dialect, size: int) -> tuple[str, tuple[str, ...] | None]:
        names = [[f"{column}_{row}" for column in self._columns] for row in range(size)]
        rows: Iterable[dict[str, Any]] = (
            {column: bindparam(name) for column, name in zip(self._columns, row, strict=True)} for row in names
        )
        statement = _insert(dialect)(self._table).values(list(rows))
        compiled: Any = (self._conflict(statement) if self._conflict else statement).compile(dialect=dialect)
        flat = tuple(chain.from_iterable(names))
        if compiled.positional and tuple(compiled.positiontup) != flat:
            raise AssertionError("the driver's order of values is not the rows' own")
        self._texts[dialect.name, size] = (str(compiled), None if compiled.positional else flat)
        return self._texts[dialect.name, size]


def _insert(dialect: Dialect) -> Any:
    return postgresql.insert if dialect.name == "postgresql" else sqlite.insert

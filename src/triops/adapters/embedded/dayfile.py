"""Writing into one day file: rows, new resources and series, and the digests of the requests, in one transaction."""
# ruff: noqa: S608 (only our own catalog and column names are put into statements; every value is a parameter)

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import duckdb
import numpy as np

from triops.adapters.embedded.engine import Connection
from triops.adapters.embedded.faults import is_conversion, write_error
from triops.adapters.embedded.known import Known, absent, keys
from triops.adapters.embedded.layout import Layout
from triops.adapters.embedded.partitions import Partitions
from triops.adapters.embedded.request import Columns, Part, cleaned
from triops.adapters.embedded.told import Told
from triops.kernel.clock import DAY_S
from triops.kernel.errors import StoreFull, Unavailable
from triops.kernel.loading import loads_object
from triops.kernel.signal import host_of, service_of


class Beside(Protocol):
    """What else a kind keeps of its rows, in tables of its own in the day's file."""

    def prepare(self, part: Part) -> None:
        """What of writing it needs no transaction, at most once; `write` does it where this was not called."""
        ...

    def write(self, connection: Connection, day: str, name: str, parts: Sequence[Part]) -> None:
        """Within the transaction that stores the parts."""
        ...

    def copy(self, connection: Connection, day: str, old: str, new: str, where: str, values: Sequence[Any]) -> None:
        """Into a rewritten file, without the rows for which `where` holds."""
        ...

    def forget(self, day: str) -> None:
        """What was written may not be there."""
        ...


class DayWriter:
    """Used by the writer thread of its kind alone."""

    def __init__(
        self,
        layout: Layout,
        partitions: Partitions,
        known: Known,
        told: Told,
        now: Callable[[], float],
        beside: Beside | None = None,
    ) -> None:
        self._layout = layout
        self._partitions = partitions
        self._known = known
        self._told = told
        self._now = now
        self._beside = beside

    def write(self, connection: Connection, day: str, parts: Sequence[Part]) -> None:
        """Store the parts together; where that fails for a row, each alone, so that only the culprit fails. Sets
        `stored` or `error` of each part's request; raises nothing."""
        try:
            self._write(connection, day, parts)
        except Exception as error:
            failure = write_error(error)
            if isinstance(failure, StoreFull | Unavailable):
                for part in parts:
                    part.request.error = failure
                return
            for part in parts:
                if is_conversion(error):
                    _clean(part)
                try:
                    self._write(connection, day, [part])
                except Exception as own:
                    part.request.error = write_error(own)

    def _write(self, connection: Connection, day: str, parts: Sequence[Part]) -> None:
        committing = False
        try:
            with self._partitions.writing(day) as name:
                fresh = self._fresh(connection, day, name, parts)
                if not fresh:
                    return
                besides = _besides(fresh)
                connection.execute("BEGIN")
                try:
                    self._insert(connection, f"{name}.{self._layout.table}", _rows(self._layout, fresh))
                    added = [
                        self._insert_new(connection, day, name, table, id_column, columns)
                        for table, id_column, columns in besides
                    ]
                    if self._beside is not None:
                        self._beside.write(connection, day, name, fresh)
                    self._insert_digests(connection, day, name, fresh)
                    committing = True
                    connection.execute("COMMIT")
                except BaseException:
                    if self._beside is not None:
                        self._beside.forget(day)
                    with contextlib.suppress(duckdb.Error):
                        connection.execute("ROLLBACK")
                    raise
        except duckdb.Error as error:
            if committing or isinstance(error, duckdb.IOException | duckdb.FatalException | duckdb.InternalException):
                # The end of the log may be torn: only a replay makes the file safe to write again.
                self._known.forget(day)
                self._told.forget(day)
                with contextlib.suppress(StoreFull, Unavailable, duckdb.Error):
                    self._partitions.reopen(day)
            raise
        for (table, _, _), new in zip(besides, added, strict=True):
            self._known.add(day, table, new)
        for part in fresh:
            part.request.stored += part.rows

    def _fresh(self, connection: Connection, day: str, name: str, parts: Sequence[Part]) -> list[Part]:
        """The parts whose request is not stored on this day yet; of equal requests the first."""

        def stored() -> Any:
            rows = connection.execute(f"SELECT hi, lo FROM {name}.requests").fetchnumpy()
            return np.asarray(rows["hi"], np.uint64), np.asarray(rows["lo"], np.uint64)

        asked = [part.request.digest for part in parts if part.request.digest is not None]
        maybe = self._told.maybe(day, asked, stored) if asked else []
        seen = set()
        if maybe:
            found = connection.execute(
                f"SELECT r.hi, r.lo FROM {name}.requests r SEMI JOIN (SELECT unnest(?::UBIGINT[]) AS hi) q USING (hi)"
                " WHERE r.at_s >= ?",
                [[hi for hi, _ in maybe], self._now() - DAY_S],
            ).fetchall()
            seen = set(found)
        fresh = []
        for part in parts:
            if part.request.digest is not None:
                if part.request.digest in seen:
                    continue
                seen.add(part.request.digest)
            fresh.append(part)
        return fresh

    def _insert(self, connection: Connection, table: str, columns: Columns) -> None:
        # DuckDB finds the columns by the name of this variable: a third of the time of registering them as a view.
        incoming = columns  # noqa: F841
        connection.execute(f"INSERT INTO {table} SELECT * FROM incoming")

    def _insert_new(
        self, connection: Connection, day: str, name: str, table: str, id_column: str, columns: Columns
    ) -> Any:
        """Store those of the resources or series that the day lacks; answers their keys."""
        key = columns.pop("key")

        def stored() -> Any:
            rows = connection.execute(f"SELECT project, {id_column} AS id FROM {name}.{table}").fetchnumpy()
            projects = np.asarray(rows["project"], dtype=np.uint64)
            ids = np.asarray(rows["id"], dtype=np.uint64)
            out = ids.copy()
            for project in np.unique(projects).tolist():
                mine = projects == project
                out[mine] = keys(project, ids[mine])
            return out

        at = absent(self._known.load(day, table, stored), key)
        if len(at):
            self._known.check(day, table, len(at))
            new = {column: values[at] for column, values in columns.items()}
            if table == "resources":
                new = _with_service(new)
            self._insert(connection, f"{name}.{table}", new)
        return key[at]

    def _insert_digests(self, connection: Connection, day: str, name: str, parts: Sequence[Part]) -> None:
        digests = [part.request.digest for part in parts if part.request.digest is not None]
        if digests:
            self._told.add(day, digests)  # before they are stored: "perhaps" is never wrong
            halves = np.array(digests, dtype=np.uint64)
            at = np.full(len(digests), self._now())
            self._insert(connection, f"{name}.requests", {"hi": halves[:, 0], "lo": halves[:, 1], "at_s": at})


def _rows(layout: Layout, parts: Sequence[Part]) -> Columns:
    rows: Columns = {"project": _projects(parts, [part.rows for part in parts])}
    for column in layout.columns:
        rows[column] = _joined([part.columns[column] for part in parts])
    return rows


def _besides(parts: Sequence[Part]) -> list[tuple[str, str, Columns]]:
    """(table, id column, columns with `project` and `key`) of the resources and the series of the requests."""
    found: list[tuple[str, str, Columns]] = []
    for table, id_column in (("resources", "fingerprint"), ("series", "id")):
        sources = [part.request.resources if table == "resources" else part.request.series for part in parts]
        held = [source for source in sources if source is not None]
        if not held:
            continue
        columns: Columns = {
            "key": _joined([keys(p.request.project, s[id_column]) for p, s in zip(parts, held, strict=True)]),
            "project": _projects(parts, [len(source[id_column]) for source in held]),
        }
        for column in held[0]:
            columns[column] = _joined([source[column] for source in held])
        found.append((table, id_column, columns))
    return found


def _projects(parts: Sequence[Part], counts: list[int]) -> Any:
    return np.repeat(np.array([part.request.project for part in parts], dtype=np.uint64), counts)


def _joined(columns: list[Any]) -> Any:
    return columns[0] if len(columns) == 1 else np.concatenate(columns)


def _with_service(columns: Columns) -> Columns:
    services = np.empty(len(columns["attributes"]), dtype=object)
    hosts = services.copy()
    for row, text in enumerate(columns["attributes"]):
        attributes = loads_object(text)
        services[row], hosts[row] = service_of(attributes), host_of(attributes)
    return {
        "project": columns["project"],
        "fingerprint": columns["fingerprint"],
        "service": services,
        "host": hosts,
        "attributes": columns["attributes"],
    }


def _clean(part: Part) -> None:
    part.columns, part.beside = cleaned(part.columns), None
    part.request.resources = cleaned(part.request.resources)
    if part.request.series is not None:
        part.request.series = cleaned(part.request.series)

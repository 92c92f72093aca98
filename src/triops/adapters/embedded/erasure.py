"""Rewriting a day file without the rows of a project or a user, so that the disk gets their space back.

The survivors are copied to a new file, which then takes the old one's place at once: a kill leaves either the old or
the new file, and what is left of a copy is removed at the next start. Runs on the kind's writer thread, so that no
row is added meanwhile; queries go on until the swap.
"""
# ruff: noqa: S608 (only our own catalog and column names are put into statements; every value is a parameter)

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from triops.adapters.embedded.dayfile import Beside
from triops.adapters.embedded.engine import Connection
from triops.adapters.embedded.faults import write_error
from triops.adapters.embedded.layout import Layout
from triops.adapters.embedded.partitions import REWRITE_ENDING, Partitions

Rewriting = tuple[Layout, Partitions, Connection, str, Beside | None]

_LOW = 2**64 - 1
_OF_TRACES = "project = ? AND trace_hi IN (SELECT unnest(?::UBIGINT[])) AND trace_lo IN (SELECT unnest(?::UBIGINT[]))"


def rewrite_without_project(rewriting: Rewriting, project: int) -> int:
    """Answers the rows erased."""
    mine = ("project = ?", [project])
    return _rewrite(rewriting, mine, mine, mine)


def rewrite_without_user(rewriting: Rewriting, project: int, user: str, traces: Sequence[int] = ()) -> int:
    """Rows whose own attributes, series or resource name the user, and those of `traces`. Answers how many."""
    layout = rewriting[0]
    resources = (f"project = ? AND {_names_user('attributes')}", [project, user, user])
    of_user = f"resource IN (SELECT fingerprint FROM {{day}}.resources WHERE {resources[0]})"
    direct = f"project = ? AND ({_names_user(layout.user_column)} OR {of_user})"
    values: list[Any] = [project, user, user, *resources[1]]
    if traces:
        direct = f"({direct}) OR ({_OF_TRACES})"
        values += [project, [trace >> 64 for trace in traces], [trace & _LOW for trace in traces]]
    if not layout.series:
        return _rewrite(rewriting, (direct, values), resources, None)
    rows = f"project = ? AND series_id IN (SELECT id FROM {{day}}.series WHERE {direct})"
    return _rewrite(rewriting, (rows, [project, *values]), resources, (direct, values))


def _names_user(column: str) -> str:
    # The substring test comes first because it is many times faster, and most rows name no user.
    paths = [f"json_extract_string({column}, '$.\"{key}\"') = ?" for key in ("user.id", "enduser.id")]
    return (
        f"(CASE WHEN contains({column}, 'user.id') AND json_valid({column}) THEN {' OR '.join(paths)} ELSE false END)"
    )


def _rewrite(rewriting: Rewriting, rows: Any, resources: Any, series: Any) -> int:
    layout, partitions, connection, day, beside = rewriting

    def fill(old: str, copy: str) -> int:
        where = {layout.table: rows, "resources": resources, "series": series, "requests": None}
        conditions = {
            table: (condition[0].format(day=old), condition[1]) if condition else None
            for table, condition in where.items()
        }
        condition, values = conditions[layout.table]  # type: ignore[misc]
        (erased,) = connection.execute(
            f"SELECT count(*) FROM {old}.{layout.table} WHERE {condition}", values
        ).fetchone()
        if not erased:
            return 0
        partitions.attach_file(connection, path_of_copy(partitions, day), copy)
        for table, _ in layout.tables:
            if table in layout.beside:
                continue
            source, found = f"INSERT INTO {copy}.{table} SELECT * FROM {old}.{table}", conditions[table]
            if found:
                connection.execute(f"{source} WHERE ({found[0]}) IS NOT TRUE", found[1])
            else:
                connection.execute(source)
        if beside is not None:
            erased_too = (
                "(project, trace_lo, span_id) IN (SELECT (project, trace_lo, span_id)"
                f" FROM {old}.{layout.table} WHERE {condition})"
            )
            beside.copy(connection, day, old, copy, erased_too, values)
        return int(erased)

    return rewritten(partitions, connection, day, fill)


def path_of_copy(partitions: Partitions, day: str) -> Path:
    return partitions.path_of(day).with_name(f"{day}{REWRITE_ENDING}")


def rewritten(partitions: Partitions, connection: Connection, day: str, fill: Callable[[str, str], int]) -> int:
    """`fill(old, copy)`: attaches the copy (at `path_of_copy`) and fills it, or answers 0 where the day stays as it is.
    Answers what it does. Raises: StoreFull, Unavailable."""
    new = path_of_copy(partitions, day)
    copy = f"{partitions.name_of(day)}_rewrite"
    try:
        try:
            with partitions.reading([day]) as names:
                changed = fill(names[0], copy) if names else 0
                if not changed:
                    return 0
                connection.execute(f"CHECKPOINT {copy}")
        finally:
            with contextlib.suppress(duckdb.Error):
                connection.execute(f"DETACH {copy}")
        partitions.replace(day, new)
    except duckdb.Error as error:
        raise write_error(error) from error
    finally:
        new.unlink(missing_ok=True)
        new.with_name(new.name + ".wal").unlink(missing_ok=True)
    return changed

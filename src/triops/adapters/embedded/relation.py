"""Pieces of SQL over the day files of a range, and the checks of a range."""
# ruff: noqa: S608 (only our own catalog and column names are put into statements; every value is a parameter)

from collections.abc import Sequence
from typing import Any

from triops.adapters.embedded.engine import Connection
from triops.kernel.errors import Invalid
from triops.kernel.loading import loads_object
from triops.kernel.page import decode_cursor


def union(names: Sequence[str], select: str) -> str:
    """`select` with `{day}` for each day file, as one relation."""
    return "(" + " UNION ALL ".join(select.replace("{day}", name) for name in names) + ")"


def resources_of(
    connection: Connection, names: Sequence[str], project: int, fingerprints: Sequence[int]
) -> dict[int, tuple[str, dict[str, Any]]]:
    """fingerprint → (service, attributes) of those resources."""
    select = "SELECT DISTINCT fingerprint, service, attributes FROM {day}.resources WHERE project = $project"
    found = connection.execute(
        f"SELECT * FROM {union(names, select)} SEMI JOIN (SELECT unnest($ids::UBIGINT[]) AS fingerprint) q"
        " USING (fingerprint)",
        {"project": project, "ids": list(set(fingerprints))},
    ).fetchall()
    return {row[0]: (row[1], loads_object(row[2])) for row in found}


def check_range(start_ns: int, end_ns: int) -> None:
    """Raises: Invalid unless both are 64-bit times, in order."""
    for field, value in (("start", start_ns), ("end", end_ns)):
        if not -(2**63) <= value < 2**63:
            raise Invalid("a time out of range", field=field, got=value, expected="nanoseconds since 1970 in 64 bits")
    if end_ns < start_ns:
        raise Invalid("the range ends before it starts", field="end", got=end_ns, expected=f"at least {start_ns}")


def check_limit(limit: int, most: int = 1000) -> None:
    if not 1 <= limit <= most:
        raise Invalid("a page of this size is not given", field="limit", got=limit, expected=f"1 to {most}")


def check_step(step_ns: int, start_ns: int, end_ns: int, most: int = 100_000) -> None:
    """A bound on the number of steps in the range."""
    if step_ns <= 0 or (end_ns - start_ns) // step_ns > most:
        raise Invalid(
            "the step is too small for the range", field="step", got=step_ns, expected=f"at most {most} steps"
        )


def position(cursor: str | None, parts: int = 2) -> tuple[int, ...] | None:
    """What a cursor holds: a time, and `parts` - 1 unsigned 64-bit tie-breakers. Raises: Invalid."""
    if not cursor:
        return None
    time_ns, *ties = decode_cursor(cursor, *[int] * parts)
    if not 0 <= time_ns < 2**63 or not all(0 <= tie < 2**64 for tie in ties):
        raise Invalid("not a cursor that a list gave", field="cursor", got=cursor)
    return time_ns, *ties

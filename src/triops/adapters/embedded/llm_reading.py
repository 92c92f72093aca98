"""Traces of models' calls out of the narrow columns beside the spans (`llm_index.py`).

As with other traces (`traces.py`), what of a trace lies more than `AROUND_NS` outside of the range is not counted.
"""
# ruff: noqa: S608 (only our own catalog and column names are put into statements; every value is a parameter)

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import orjson

from triops.adapters.embedded.engine import Connection
from triops.adapters.embedded.llm_among import Among
from triops.adapters.embedded.llm_text import holding
from triops.adapters.embedded.placed import rows_of_traces
from triops.adapters.embedded.relation import union
from triops.adapters.embedded.traces import AROUND_NS, summaries_of
from triops.kernel.errors import Invalid
from triops.kernel.genai.counting import counted
from triops.kernel.genai.values import short
from triops.ports.llm_spans import LlmQuery, LlmRows, LlmTraces, Tree
from triops.ports.spans import TraceSummary

_LOW = 2**64 - 1
_ODD = np.uint64(0x9E3779B97F4A7C15)
_COLUMNS = tuple(column.name for column in fields(LlmRows) if column.name != "counts")
_LOOK = 50_000  # spans of the first look; each further takes 4 times as many
ALWAYS = (0, 2**63 - 1)
MOST_SPANS = 100_000  # of one trace
MOST_ROWS = 500_000
_GROUPED = """
SELECT trace_hi, trace_lo, min(time_ns) AS began FROM {rows} GROUP BY trace_hi, trace_lo
HAVING bool_or(telling) AND began >= $floor AND began < $top AND began >= $start AND began < $end{having}
ORDER BY began DESC, trace_hi DESC, trace_lo DESC
"""
_ASKED = ("is_", "least_")  # how the names of the values of conditions begin
Key = tuple[int, int, int]  # start, and the trace's halves: what traces are sorted by


def newest_llm(
    connection: Connection, names: Sequence[str], project: int, query: LlmQuery, before: tuple[int, ...] | None
) -> tuple[LlmTraces, Key | None]:
    found: list[Key] = []
    for keys in _found(connection, names, project, query, before, query.limit + 1):
        found += keys
        if len(found) > query.limit:
            break
    more = len(found) > query.limit
    found = found[: query.limit]
    around = (found[-1][0] - AROUND_NS, found[0][0] + AROUND_NS) if found else ALWAYS
    loaded = loaded_traces(connection, names, project, [hi << 64 | lo for _, hi, lo in found], around)
    return loaded, found[-1] if more else None


def rows_in(connection: Connection, names: Sequence[str], project: int, query: LlmQuery) -> LlmRows:
    """Those of all traces that a query means. Raises: Invalid over `MOST_ROWS` spans."""
    traces: list[int] = []
    for keys in _found(connection, names, project, query, None, MOST_ROWS + 1):
        traces += [hi << 64 | lo for _, hi, lo in keys]
        if len(traces) > MOST_ROWS:
            raise too_many(MOST_ROWS)
    around = (query.start_ns - AROUND_NS, query.end_ns + AROUND_NS)
    return with_inherited(loaded_traces(connection, names, project, traces, around, summed=False).rows)


def persons_traces(connection: Connection, names: Sequence[str], project: int, user: str) -> list[int]:
    select = "SELECT DISTINCT trace_hi, trace_lo FROM {day}.llm WHERE project = $project AND "
    named, telling = union(names, select + "person = $user"), union(names, select + "type <> ''")
    sql = f"SELECT DISTINCT * FROM {named} WHERE (trace_hi, trace_lo) IN (SELECT (trace_hi, trace_lo) FROM {telling})"
    rows = connection.execute(sql, {"project": project, "user": user})
    return [hi << 64 | lo for hi, lo in rows.fetchall()]


def persons_sessions(connection: Connection, names: Sequence[str], project: int, user: str) -> list[str]:
    """Sessions that name this user and no other."""
    select = "SELECT session, person FROM {day}.llm WHERE project = $project AND session <> '' AND person <> ''"
    rows = connection.execute(
        f"SELECT session FROM {union(names, select)} GROUP BY session HAVING bool_and(person = $user)",
        {"project": project, "user": user},
    )
    return [session for (session,) in rows.fetchall()]


def with_inherited(rows: LlmRows) -> LlmRows:
    """Each row with the user and the session of its trace where it names none: frameworks say them once."""
    filled = {}
    for name in ("person", "session"):
        column = getattr(rows, name)
        of_trace: dict[int, str] = {}
        for trace, value in zip(rows.trace_lo.tolist(), column, strict=True):
            if value:
                of_trace.setdefault(trace, value)
        if of_trace:
            whole = np.empty(len(column), dtype=object)
            whole[:] = [
                value or of_trace.get(trace, "") for trace, value in zip(rows.trace_lo.tolist(), column, strict=True)
            ]
            filled[name] = whole
    return replace(rows, **filled)


def too_many(most: int) -> Invalid:
    return Invalid("too much to be summed at once", field="start", expected=f"at most {most} spans")


def _found(
    connection: Connection,
    names: Sequence[str],
    project: int,
    query: LlmQuery,
    before: tuple[int, ...] | None,
    wanted: int,
) -> Iterator[list[Key]]:
    """Sorted keys of matching traces, newest first, look by look; fewer looks where at most `wanted` are taken."""
    flags, parts, values = _conditions(query)
    sums = _sums(query)
    having = "".join(f" AND {part}" for part in [*parts, *sums])
    values |= {"project": project, "start": query.start_ns, "end": query.end_ns, "to": query.end_ns + AROUND_NS}
    top = min(query.end_ns, before[0] + 1) if before else query.end_ns
    columns = (
        "SELECT trace_hi, trace_lo, time_ns, duration_ns, status, input_tokens, output_tokens, type <> '' AS telling"
    )
    columns += "".join(f", {condition} AS {name}" for name, condition in flags.items())
    columns += " FROM {day}.llm WHERE project = $project AND time_ns >= $from AND time_ns < $to"
    if query.text:
        columns += " AND trace_lo IN (SELECT unnest($traces::UBIGINT[]))"
    sql = _GROUPED.replace("{rows}", union(names, columns)).replace("{having}", having)

    def grouped(floor: int, **more: list[int]) -> list[Key]:
        window = {"floor": floor, "top": top, "from": floor - AROUND_NS}
        rows = connection.execute(sql, {**values, **window, **more}).fetchall()
        return [(at, hi, lo) for hi, lo, at in rows if before is None or (at, hi, lo) < before]

    if not query.text:
        for floor in _floors(connection, names, project, query.start_ns, top):
            yield grouped(floor)
            top = floor  # of what is looked at next
        return
    pending: set[int] = set()  # traces with the text: they begin further down, or do not meet the rest
    alone = [*flags.values(), *(["status = 2"] if query.status == "error" else [])]
    said = {name: value for name, value in values.items() if name.startswith(_ASKED)}
    around = (query.start_ns - AROUND_NS, query.end_ns + AROUND_NS)
    among = Among(connection, names, alone, sums, said, project, *around)
    for floor, traces in holding(connection, names, project, query.text, query.start_ns, top + AROUND_NS, among):
        pending.update(traces)
        if not pending or (len(pending) < wanted and floor > query.start_ns):
            continue
        keys = grouped(floor, traces=[trace & _LOW for trace in pending])
        keys = [key for key in keys if (key[1] << 64 | key[2]) in pending]
        pending.difference_update(hi << 64 | lo for _, hi, lo in keys)
        wanted -= len(keys)
        yield keys


def _floors(connection: Connection, names: Sequence[str], project: int, start_ns: int, top: int) -> Iterator[int]:
    """Times down from `top`, in steps of more and more spans; the last is `start_ns`."""
    times = union(
        names, "SELECT time_ns FROM {day}.llm WHERE project = $project AND time_ns >= $start AND time_ns < $to"
    )
    look = _LOOK
    while True:
        floor, count = connection.execute(
            f"SELECT min(time_ns), count(*) FROM (SELECT time_ns FROM {times} ORDER BY time_ns DESC LIMIT $look)",
            {"project": project, "start": start_ns, "to": top, "look": look},
        ).fetchone()
        if count < look or floor <= start_ns:
            yield start_ns
            return
        yield floor
        top, look = floor, look * 4


def _conditions(query: LlmQuery) -> tuple[dict[str, str], list[str], dict[str, Any]]:
    """Columns to compute a row, conditions on a trace's rows together (also `_sums`), values."""
    flags: dict[str, str] = {}
    values: dict[str, Any] = {}
    asked = {
        "application": query.application, "model": query.model, "provider": query.provider, "person": query.user,
        "session": query.session, "key": query.key,
    }  # fmt: skip
    for column, value in asked.items():
        if value:
            flags[f"is_{column}"] = f"{column} = $is_{column}"
            values[f"is_{column}"] = short(value)
    if query.prompt:
        name, at, version = query.prompt.rpartition("@")
        flags["is_prompt"] = "prompt = $is_prompt" + (" AND prompt_version = $is_version" if at else "")
        values["is_prompt"] = name if at else query.prompt
        if at:
            values["is_version"] = version
    if query.tag:
        flags["is_tag"] = "contains(tags, $is_tag)"
        values["is_tag"] = orjson.dumps(query.tag).decode()
    parts = [f"bool_or({name})" for name in flags]
    if query.status:
        parts.append("bool_or(status = 2)" if query.status == "error" else "NOT bool_or(status = 2)")
    if query.min_duration_ms:
        values["least_duration"] = query.min_duration_ms * 1e6
    if query.min_tokens:
        values["least_tokens"] = query.min_tokens
    return flags, parts, values


def _sums(query: LlmQuery) -> list[str]:
    """What more spans of a trace can only bring nearer."""
    sums = []
    if query.min_duration_ms:
        sums.append("max(time_ns + duration_ns) - min(time_ns) >= $least_duration")
    if query.min_tokens:  # at most that many: calls that are told of twice are told apart later
        sums.append("sum(greatest(input_tokens, 0) + greatest(output_tokens, 0)) >= $least_tokens")
    return sums


def loaded_traces(
    connection: Connection,
    names: Sequence[str],
    project: int,
    traces: Sequence[int],
    around: tuple[int, int] = ALWAYS,
    most: int = MOST_ROWS,
    summed: bool = True,
) -> LlmTraces:
    """In the order that is asked for; what of them lies outside of `around` is not read. `summed`: with what all of
    their spans say together. Raises: Invalid over `most` spans."""
    if not traces:
        return NOTHING
    values = {
        "project": project,
        "traces": [trace & _LOW for trace in traces],
        "most": most + 1,
        "from": around[0],
        "to": around[1],
    }
    where = "WHERE project = $project AND time_ns >= $from AND time_ns < $to"
    where += " AND trace_lo IN (SELECT unnest($traces::UBIGINT[]))"
    ids = union(names, f"SELECT trace_lo, span_id, parent_id FROM {{day}}.spans {where}")
    found = _once(connection.execute(f"SELECT * FROM {ids} LIMIT $most", values).fetchnumpy())
    tree = Tree(found["span_id"], found["parent_id"])
    if len(tree.span) > most:
        raise too_many(most)
    told = rows_of_traces(connection, names, "llm", ", ".join(_COLUMNS), project, traces, around, most + 1)
    rows = rows_of(_once(told) if told else {}, tree)
    if not summed:
        return LlmTraces([], rows, tree)
    by_id = {summary.trace_id: summary for summary in summaries_of(connection, names, project, traces, *around)}
    listed: list[TraceSummary] = [by_id[trace] for trace in traces if trace in by_id]
    return LlmTraces(listed, rows, tree)


def _once(found: dict[str, Any]) -> dict[str, Any]:
    """Each span once, by time where there is one: an append may come twice, and one that was sent before its end comes
    again; the longest counts."""
    columns = {name: np.ma.getdata(column) for name, column in found.items()}
    keys = columns["span_id"] ^ (columns["trace_lo"] * _ODD)
    if "duration_ns" in columns:
        longest = np.argsort(-columns["duration_ns"], kind="stable")
        _, first = np.unique(keys[longest], return_index=True)
        first = longest[first]
    else:
        _, first = np.unique(keys, return_index=True)
    if "time_ns" in columns:
        first = first[np.lexsort((columns["span_id"][first], columns["time_ns"][first]))]
    return {name: column[first] for name, column in columns.items()}


def rows_of(found: dict[str, Any], tree: Tree | None = None) -> LlmRows:
    columns = {name: found[name] if found else np.zeros(0, dtype=_DTYPES.get(name, object)) for name in _COLUMNS}
    rows = LlmRows(**columns, counts=np.zeros(len(columns["time_ns"]), dtype=bool))
    if tree is None or not len(rows):
        return rows
    call = rows.call > 0
    said = call & ((rows.input_tokens >= 0) | (rows.output_tokens >= 0) | (rows.cost >= 0))
    return replace(rows, counts=counted(tree.span, tree.parent, rows.span_id, call, said))


_DTYPES: dict[str, Any] = {
    **dict.fromkeys(("trace_hi", "trace_lo", "span_id", "parent_id"), np.uint64),
    **dict.fromkeys(
        (
            "time_ns",
            "duration_ns",
            "input_tokens",
            "output_tokens",
            "cached_tokens",
            "cache_write_tokens",
            "cost",
            "first_ns",
            "output_chars",
        ),
        np.int64,
    ),
    **dict.fromkeys(("status", "call", "estimated", "gateway"), np.uint8),
}
NOTHING = LlmTraces([], rows_of({}), Tree(np.zeros(0, np.uint64), np.zeros(0, np.uint64)))

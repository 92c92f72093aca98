"""Beside the spans of a day: what those of models' calls say, in narrow columns, and the signatures of their texts.

Written in the transaction of the spans, so that neither is ever without the other. A span that says nothing of a model
costs a look for a few names in its attributes (`kernel/genai/heard.py`).
"""
# ruff: noqa: S608 (only our own catalog and column names are put into statements; every value is a parameter)

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import orjson

from triops.adapters.embedded.engine import Connection
from triops.adapters.embedded.grams import signed
from triops.adapters.embedded.layout import LLM, WORDS
from triops.adapters.embedded.request import Columns, Part
from triops.kernel.genai.heard import Heard, heard
from triops.kernel.genai.messages import length
from triops.kernel.genai.said import Said

_COPIED = ("resource", "trace_hi", "trace_lo", "span_id", "parent_id", "time_ns", "duration_ns", "status", "name")
_SPOKEN = ("input", "output", "said")
_SAID = [
    *((name, attrgetter(name)) for name in (
        "model", "provider", "prompt", "prompt_version", "prompt_label", "session", "key", "answer_id",
    )),
    ("person", attrgetter("user")),
]  # fmt: skip
_COUNTS = [(name, attrgetter(name)) for name in ("input_tokens", "output_tokens", "cached_tokens", "cost", "first_ns")]
_AT_ONCE = 5_000  # rows that a rewrite holds in memory


class LlmIndex:
    """Used by the writer thread of the spans alone."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}  # block, by day

    def write(self, connection: Connection, day: str, name: str, parts: Sequence[Part]) -> None:
        """Within the transaction that stores the parts."""
        rows = _rows(parts)
        if rows is not None:
            self._insert(connection, day, name, rows)

    def copy(
        self,
        connection: Connection,
        day: str,
        old: str,
        new: str,
        where: str,
        values: Sequence[Any],
        texts: bool = True,
    ) -> None:
        """Into a rewritten file: the rows for which `where` does not hold, their texts signed anew, since a signature
        tells of the erased ones too. `texts` False: without what was said."""
        self.forget(day)
        columns = ", ".join(["project", *LLM])
        last = -1
        while True:
            found = connection.execute(
                f"SELECT rowid AS place, {columns} FROM {old}.llm WHERE rowid > ? AND ({where}) IS NOT TRUE"
                f" ORDER BY rowid LIMIT {_AT_ONCE}",
                [last, *values],
            ).fetchnumpy()
            if not len(found["place"]):
                break
            last = int(found.pop("place")[-1])
            rows = {name: np.ma.getdata(column) for name, column in found.items()}
            if not texts:
                rows |= dict.fromkeys(_SPOKEN, _texts([""] * len(rows["said"])))
            self._insert(connection, day, new, rows)
        self.forget(day)

    def forget(self, day: str) -> None:
        self._next.pop(day, None)

    def _insert(self, connection: Connection, day: str, name: str, rows: Columns) -> None:
        texts = [text.encode("utf-8", "replace") for text in rows["said"]]
        found = signed(texts, rows["project"])
        first = self._next.get(day)
        if first is None:
            first = connection.execute(f"SELECT coalesce(max(block) + 1, 0) FROM {name}.llm").fetchone()[0]
        rows["block"] = found.block + np.uint64(first)
        _put(connection, f"{name}.llm", {"project": rows["project"], **{column: rows[column] for column in LLM}})
        owner = dict(zip(found.block.tolist(), rows["project"].tolist(), strict=True))
        signatures = {
            "project": np.array([owner[block] for block in found.of.tolist()], dtype=np.uint64),
            "block": found.of + np.uint64(first),
            **{column: np.ascontiguousarray(found.words[:, at]) for at, column in enumerate(WORDS)},
        }
        _put(connection, f"{name}.grams", signatures)
        self._next[day] = first + int(found.block[-1]) + 1


def _put(connection: Connection, table: str, columns: Columns) -> None:
    incoming = columns  # noqa: F841 (DuckDB finds the columns by the name of this variable)
    connection.execute(f"INSERT INTO {table} SELECT * FROM incoming")


def _rows(parts: Sequence[Part]) -> Columns | None:
    """Also leaves on each part what was heard of it."""
    gathered: list[Columns] = []
    for part in parts:
        found = heard(part.columns, part.request.resources)
        part.heard = found[0] if found is not None else None
        if found is not None:
            gathered.append(_columns(part, *found))
    if not gathered:
        return None
    if len(gathered) == 1:
        return gathered[0]
    return {name: np.concatenate([columns[name] for columns in gathered]) for name in gathered[0]}


def _columns(part: Part, read: Heard, texts: Sequence[str]) -> Columns:
    columns, found, places = part.columns, read.said, read.rows
    rows: Columns = {"project": np.full(len(read), part.request.project, dtype=np.uint64)}
    rows |= {name: columns[name][places] for name in _COPIED}
    rows["application"] = _texts(read.application)
    rows["type"] = _texts(one.type for one in found)
    rows["call"] = np.array([one.call for one in found], dtype=np.uint8)
    for name, said in _SAID:
        rows[name] = _texts(map(said, found))
    rows["tags"] = _texts(orjson.dumps(one.tags).decode() if one.tags else "" for one in found)
    for name, count in _COUNTS:
        rows[name] = np.array(list(map(count, found)), dtype=np.int64)
    rows["estimated"] = np.array([one.estimated for one in found], dtype=np.uint8)
    rows["gateway"] = np.array([one.gateway for one in found], dtype=np.uint8)
    rows["output_chars"] = np.array([_length(one) for one in found], dtype=np.int64)
    rows["status"] = read.status
    rows["error"] = _texts(
        one.error or (str(note)[:256] if status == 2 else "")
        for one, note, status in zip(found, columns["status_message"][places], read.status.tolist(), strict=True)
    )
    rows["input"], rows["output"] = _texts(read.input), _texts(read.output)
    rows["said"] = _texts(texts)
    return rows


def _length(one: Said) -> int:
    if one.output_chars >= 0 or not one.call:
        return one.output_chars
    return length(one.output, "assistant")


def _texts(values: Iterable[str]) -> Any:
    listed = list(values)
    column = np.empty(len(listed), dtype=object)
    column[:] = listed
    return column

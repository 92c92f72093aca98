"""Beside the spans of a day: what those of models' calls say, in narrow columns, and the signatures of their texts.

Written in the transaction of the spans, so that neither is ever without the other. A span that says nothing of a model
costs a look for a few names in its attributes (`kernel/genai/heard.py`).
"""
# ruff: noqa: S608 (only our own catalog and column names are put into statements; every value is a parameter)

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson

from triops.adapters.embedded.engine import Connection
from triops.adapters.embedded.grams import signed
from triops.adapters.embedded.layout import LLM, WORDS
from triops.adapters.embedded.pairs import paired
from triops.adapters.embedded.request import Columns, Part, Prepared
from triops.kernel.genai.heard import Heard, heard
from triops.kernel.genai.messages import length
from triops.kernel.genai.plans import Plans
from triops.kernel.genai.sayings import Sayings
from triops.kernel.signal import I64, text_column

_COPIED = ("resource", "trace_hi", "trace_lo", "span_id", "parent_id", "time_ns", "duration_ns", "status", "name")
_SPOKEN = ("input", "output", "said")
_SAID = (
    "type", "model", "provider", "prompt", "prompt_version", "prompt_label", "session", "key", "answer_id",
    "input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "cost", "first_ns",
)  # fmt: skip
_NOTE = 256  # characters of an error
_AT_ONCE = 5_000  # rows that a rewrite holds in memory


class LlmIndex:
    """Used by the writer thread of the spans alone."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}  # block, by day
        self._plans = Plans()

    def prepare(self, part: Part) -> None:
        found = heard(part.columns, part.request.resources, self._plans)
        part.beside = Prepared() if found is None else Prepared(_columns(part, *found), found[0])

    def write(self, connection: Connection, day: str, name: str, parts: Sequence[Part]) -> None:
        """Within the transaction that stores the parts."""
        rows = self._rows(parts)
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
                rows |= dict.fromkeys(_SPOKEN, np.full(len(rows["said"]), "", object))
            self._insert(connection, day, new, rows)
        self.forget(day)

    def forget(self, day: str) -> None:
        self._next.pop(day, None)

    def _rows(self, parts: Sequence[Part]) -> Columns | None:
        """Also leaves on each part what was heard of it."""
        gathered: list[Columns] = []
        for part in parts:
            if part.beside is None:
                self.prepare(part)
            prepared = part.beside or Prepared()
            part.heard = prepared.heard
            if prepared.columns is not None:
                gathered.append(prepared.columns)
        if not gathered:
            return None
        if len(gathered) == 1:
            return gathered[0]
        return {name: np.concatenate([columns[name] for columns in gathered]) for name in gathered[0]}

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
        _put(connection, f"{name}.pairs", paired(texts, rows["project"], rows["block"]))
        self._next[day] = first + int(found.block[-1]) + 1


def _put(connection: Connection, table: str, columns: Columns) -> None:
    incoming = columns  # noqa: F841 (DuckDB finds the columns by the name of this variable)
    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")


def _columns(part: Part, read: Heard, texts: Sequence[str]) -> Columns:
    columns, said = part.columns, read.said
    notes = [str(note)[:_NOTE] for note in columns["status_message"][read.rows]]
    fallback = np.where(read.status == 2, text_column(notes), "")
    return {
        "project": np.full(len(read), part.request.project, dtype=np.uint64),
        **{name: columns[name][read.rows] for name in _COPIED},
        **{name: getattr(said, name) for name in _SAID},
        "call": said.call.astype(np.uint8),
        "person": said.user,
        "application": read.application,
        "tags": text_column([orjson.dumps(tags).decode() if tags else "" for tags in said.tags]),
        "estimated": said.estimated.astype(np.uint8),
        "gateway": said.gateway.astype(np.uint8),
        "output_chars": _lengths(said),
        "status": read.status,
        "error": np.where(said.error == "", fallback, said.error),
        "input": read.input,
        "output": read.output,
        "said": text_column(texts),
    }


def _lengths(said: Sayings) -> I64:
    """Of what was answered, counted where its sender did not."""
    counted = said.output_chars.copy()
    for row in np.flatnonzero(said.call & (counted < 0)).tolist():
        counted[row] = length(said.output[row], "assistant")
    return counted

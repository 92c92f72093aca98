"""Rewriting a day of spans without what people and models said: the spans stay, with their tokens, costs and times."""
# ruff: noqa: S608 (only our own catalog and column names are put into statements; every value is a parameter)

from typing import Any

import numpy as np
import orjson

from triops.adapters.embedded.engine import Connection
from triops.adapters.embedded.erasure import path_of_copy, rewritten
from triops.adapters.embedded.layout import SPANS
from triops.adapters.embedded.llm_index import LlmIndex
from triops.adapters.embedded.partitions import Partitions
from triops.kernel.genai.content import is_content, is_event_content
from triops.kernel.loading import loads_array, loads_object

_AT_ONCE = 2_000  # spans that are held in memory
# What is shown as a span's error is its type, or else what its exception said: types alone stay.
_WITHOUT_WORDS = """
UPDATE {copy}.llm SET error = 'error' FROM {old}.spans said
WHERE llm.error <> '' AND said.project = llm.project AND said.trace_lo = llm.trace_lo AND said.span_id = llm.span_id
AND NOT contains(said.attributes, '"error.type":"' || llm.error || '"')
"""
_OURS = "(project, trace_lo, span_id) IN (SELECT (project, trace_lo, span_id) FROM {old}.llm)"


def rewrite_without_contents(partitions: Partitions, connection: Connection, day: str, index: LlmIndex) -> int:
    """Answers how many spans were rewritten: none where the day holds no text of theirs any more."""

    def fill(old: str, copy: str) -> int:
        if connection.execute(f"SELECT 1 FROM {old}.llm WHERE said <> '' LIMIT 1").fetchone() is None:
            return 0
        ours = _OURS.replace("{old}", old)
        partitions.attach_file(connection, path_of_copy(partitions, day), copy)
        for table in ("resources", "requests"):
            connection.execute(f"INSERT INTO {copy}.{table} SELECT * FROM {old}.{table}")
        connection.execute(f"INSERT INTO {copy}.spans SELECT * FROM {old}.spans WHERE NOT {ours}")
        changed = _copy_ours(connection, old, copy, ours)
        index.copy(connection, day, old, copy, "false", [], texts=False)
        connection.execute(_WITHOUT_WORDS.format(copy=copy, old=old))
        return changed

    return rewritten(partitions, connection, day, fill)


def _copy_ours(connection: Connection, old: str, copy: str, ours: str) -> int:
    columns = ", ".join(["project", *SPANS.columns])
    changed, last = 0, -1
    while True:
        found = connection.execute(
            f"SELECT rowid AS place, {columns} FROM {old}.spans WHERE rowid > ? AND {ours}"
            f" ORDER BY rowid LIMIT {_AT_ONCE}",
            [last],
        ).fetchnumpy()
        if not len(found["place"]):
            return changed
        last = int(found["place"][-1])
        incoming = {name: np.ma.getdata(column) for name, column in found.items() if name != "place"}
        for name, clean in (("attributes", _attributes), ("events", _events)):
            column = np.empty(len(found["place"]), dtype=object)
            column[:] = [clean(text) for text in incoming[name]]
            incoming[name] = column
        incoming["status_message"] = np.full(len(found["place"]), "", dtype=object)
        connection.execute(f"INSERT INTO {copy}.spans SELECT * FROM incoming")
        changed += len(found["place"])


def _attributes(text: str) -> str:
    given = loads_object(text)
    kept = _kept(given)
    return text if len(kept) == len(given) else orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()


def _events(text: str) -> str:
    """Events stay, with their names and times."""
    if not text:
        return text
    kept: list[Any] = []
    for event in loads_array(text):
        inside = event.get("attributes")
        if isinstance(inside, dict):
            event = {**event, "attributes": {} if is_event_content(event.get("name")) else _kept(inside)}
        kept.append(event)
    return orjson.dumps(kept).decode()


def _kept(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if not is_content(name)}

"""Bytes that a span must hold for a clause to be true of it: most spans are told off without being parsed.

Only words of letters tell: numbers, ids and JSON's own signs are written otherwise in a span's bytes, and words that
the searched form adds by itself (`_ADDED`) are in none of them.
"""

import re
from collections.abc import Sequence

from triops.kernel.clause import Clause

_WORD = re.compile(r"[A-Za-z]{4,}")
_ADDED = (
    "trace_id span_id parent_span_id name start_time_unix_nano end_time_unix_nano events status code message links "
    "attributes null true false nan infinity status_code_ok status_code_error status_code_unset mlflow.tracerequestid "
    "mlflow.spantype mlflow.spaninputs mlflow.spanoutputs mlflow.chat.tokenusage mlflow.llm.model mlflow.llm.provider "
    "input_tokens output_tokens total_tokens cache_read_input_tokens cache_creation_input_tokens unknown chat_model "
    "agent embedding tool llm retriever chain reranker guardrail evaluator workflow task"
)


def needles(clauses: Sequence[Clause]) -> tuple[bytes, ...]:
    """In lower case, to be looked for in lower case."""
    found: list[str] = []
    for clause in clauses:
        if clause.kind != "span" or clause.comparator in ("!=", "NOT IN", "RLIKE"):
            continue
        if clause.key.startswith("attributes."):
            found += _words(clause.key.removeprefix("attributes."))
        if isinstance(clause.value, str) and (clause.key == "content" or clause.key.startswith("attributes.")):
            found += _words(clause.value)
    return tuple(dict.fromkeys(word.encode() for word in found))


def _words(text: str) -> list[str]:
    return [word for word in (found.lower() for found in _WORD.findall(text)) if word not in _ADDED]


def may_hold(body: bytes, wanted: Sequence[bytes]) -> bool:
    folded = body.lower()
    return all(word in folded for word in wanted)

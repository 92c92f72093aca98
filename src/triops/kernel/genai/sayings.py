"""What spans say of models' calls, in columns: one pass a field over all of them, for lists, filters and sums.

On the way of every span that is stored, so: no regular expressions, no table of conventions walked a span.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from triops.kernel.clock import NS
from triops.kernel.genai.names import BEST, TYPES
from triops.kernel.genai.plans import Plan
from triops.kernel.genai.spoken import first_ns, spoken
from triops.kernel.genai.spread import gathered
from triops.kernel.genai.values import MOST_TOKENS, OPENING, TEXT, UNKNOWN, opened, pico, short, tags, tokens
from triops.kernel.signal import I64, Text, text_column

Bool = npt.NDArray[np.bool_]
Found = dict[str, list[Any]]  # field → a value a row, None where nothing was said
_MODELS = frozenset(("llm", "embedding", "reranker"))
_SAY_NOTHING = frozenset(
    ("user", "session", "tags", "error", "note", "level", "usage", "answer_id", "gateway", "cache")
)


@dataclass(frozen=True, slots=True)
class Sayings:
    """One row a span that says something of a model or of an application around one. `rows`: which of those that were
    given. `type`: llm, embedding, chain, tool, agent, retriever, … or span. `call`: a model was asked, so that its
    tokens and cost count. Tokens and `cost` (pico-dollars) are -1 where nothing was said; those read from a provider's
    cache and written to it, which `input_tokens` holds too, 0. `first_ns` counts from the span's start, 0 where
    unknown. `cached`: answered out of the gateway's cache. `output_chars`: of the whole answer,
    where its sender counted. `answer_id`: as the provider gave it; `gateway`: our own gateway's span. `finish`,
    `input`, `output` and `system` are as they were sent, the last three without the JSON around them, or None."""

    rows: Sequence[int]
    type: Text
    call: Bool
    model: Text
    provider: Text
    application: Text
    prompt: Text
    prompt_version: Text
    prompt_label: Text
    user: Text
    session: Text
    key: Text
    tags: Sequence[Sequence[str]]
    input_tokens: I64
    output_tokens: I64
    cached_tokens: I64
    cache_write_tokens: I64
    cost: I64
    estimated: Bool
    cached: Bool
    first_ns: I64
    error: Text
    failed: Bool
    output_chars: I64
    answer_id: Text
    gateway: Bool
    finish: Sequence[Any]
    input: Sequence[Any]
    output: Sequence[Any]
    system: Sequence[Any]

    def __len__(self) -> int:
        return len(self.rows)


def sayings(
    attributes: Sequence[Mapping[str, Any]],
    planned: Sequence[Plan],
    events: Sequence[Sequence[Mapping[str, Any]]],
    start_ns: Sequence[int],
    whose: bool = False,
) -> Sayings | None:
    """`planned`: of each span, by its attributes' names. `whose`: with those that say no more than whose their trace
    is, as of the type "". None where none says anything."""
    found = _found(attributes, planned, events)
    rows: Sequence[int] = range(len(attributes))
    telling = [column for field, column in found.items() if field not in _SAY_NOTHING]
    if any(None not in column for column in telling):
        return _columns(rows, found, events, start_ns)
    tells = [any(column[row] is not None for column in telling) for row in rows]
    named = [found[field] for field in ("user", "session") if field in found] if whose else []
    rows = [row for row in rows if tells[row] or any(column[row] is not None for column in named)]
    if not rows:
        return None
    found = {field: [column[row] for row in rows] for field, column in found.items()}
    read = _columns(rows, found, [events[row] for row in rows], [start_ns[row] for row in rows])
    read.type[[at for at, row in enumerate(rows) if not tells[row]]] = ""
    return read


def _found(
    attributes: Sequence[Mapping[str, Any]], planned: Sequence[Plan], events: Sequence[Sequence[Mapping[str, Any]]]
) -> Found:
    found: Found = {}
    alike: dict[Plan, list[int]] = {}
    for row, plan in enumerate(planned):
        alike.setdefault(plan, []).append(row)
    for plan, rows in alike.items():
        own = [attributes[row] for row in rows]
        for field, names in plan.fields:
            _put(found, len(attributes), field, rows, _values(own, names))
    for row, its in enumerate(events):
        for field, value in spoken(its).items() if its else ():
            if field not in found or found[field][row] is None:
                _put(found, len(attributes), field, [row], [value])
    for plan, rows in alike.items():
        for row in rows if plan.spread else ():
            own_one = attributes[row]
            for field, value in gathered(own_one).items():
                if own_one.get(BEST[field]) in (None, ""):  # better than a whole request as JSON
                    _put(found, len(attributes), field, [row], [value])
    return found


def _put(found: Found, count: int, field: str, rows: Sequence[int], values: list[Any]) -> None:
    if len(rows) == count:
        found[field] = values
        return
    column = found.get(field)
    if column is None:
        column = found[field] = [None] * count
    for row, value in zip(rows, values, strict=True):
        column[row] = value


def _values(attributes: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Any]:
    """Under the most telling of the names that says anything."""
    values = [None if value == "" else value for value in map(itemgetter(names[0]), attributes)]
    for name in names[1:]:
        if None not in values:
            break
        other = map(itemgetter(name), attributes)
        values = [
            value if value is not None else None if also == "" else also
            for value, also in zip(values, other, strict=True)
        ]
    return values


def _columns(
    rows: Sequence[int], found: Found, events: Sequence[Sequence[Mapping[str, Any]]], start_ns: Sequence[int]
) -> Sayings:
    count = len(rows)

    def texts(field: str) -> Text:
        return _texts(found.get(field), count)

    def whole(field: str) -> Sequence[Any]:
        column = found.get(field) or [None] * count
        return [opened(value) if type(value) is str and value[:1] in OPENING else value for value in column]

    def where(field: str, meets: Callable[[Any], bool]) -> Bool:
        return np.fromiter(map(meets, found[field]), np.bool_, count) if field in found else np.zeros(count, np.bool_)

    sent, made, cached, written = _tokens(found, count)
    model = texts("model")
    asked = (model != "") | (sent >= 0)
    type_ = _types(found.get("kind"), asked)
    failed = where("level", lambda value: value == "ERROR")
    error = texts("error")
    if "note" in found and failed.any():
        error = np.where(failed & (error == ""), texts("note"), error)
    return Sayings(
        rows=rows,
        type=type_,
        call=np.fromiter(map(_MODELS.__contains__, type_), np.bool_, count) & (asked | (made >= 0)),
        model=model,
        provider=texts("provider"),
        application=texts("application"),
        prompt=texts("prompt"),
        prompt_version=texts("prompt_version"),
        prompt_label=texts("prompt_label"),
        user=texts("user"),
        session=texts("session"),
        key=texts("key"),
        tags=[tags(value) for value in found.get("tags", ())] or [()] * count,
        input_tokens=sent,
        output_tokens=made,
        cached_tokens=cached,
        cache_write_tokens=written,
        cost=_costs(found, count),
        estimated=where("estimated", lambda value: value is True),
        cached=where("cache", lambda value: value == "hit"),
        first_ns=_first(found, events, start_ns),
        error=error,
        failed=failed,
        output_chars=_counts(found.get("output_chars"), count),
        answer_id=texts("answer_id"),
        gateway=where("gateway", lambda value: value is not None),
        finish=found.get("finish") or [None] * count,
        input=whole("input"),
        output=whole("output"),
        system=found.get("system") or [None] * count,
    )


def _texts(column: list[Any] | None, count: int) -> Text:
    if column is None:
        return np.full(count, "", object)
    return text_column([value[:TEXT] if type(value) is str and value[:1] != '"' else short(value) for value in column])


def _used(column: list[Any] | None, count: int) -> I64:
    used = _counts(column, count)
    return np.where(used <= MOST_TOKENS, used, UNKNOWN)


def _counts(column: list[Any] | None, count: int) -> I64:
    if column is None:
        return np.full(count, UNKNOWN, np.int64)
    return np.fromiter(map(tokens, column), np.int64, count)


def _types(kinds: list[Any] | None, asked: Bool) -> Text:
    if kinds is None:
        return np.where(asked, "llm", "span").astype(object)
    types = [TYPES.get(kind, "span") if isinstance(kind, str) else "span" for kind in kinds]
    for row in np.flatnonzero(asked).tolist():
        if types[row] == "span" and "agent" not in str(kinds[row]):
            types[row] = "llm"
    return text_column(types)


def _tokens(found: Found, count: int) -> tuple[I64, I64, I64, I64]:
    """Of what went in, came out, was read from a provider's cache and written to it."""
    sent, made = _used(found.get("input_tokens"), count), _used(found.get("output_tokens"), count)
    cached = np.maximum(_used(found.get("cached_tokens"), count), 0)
    written = np.maximum(_used(found.get("cache_write_tokens"), count), 0)
    for row, value in enumerate(found.get("usage", ())):
        usage = opened(value)
        if isinstance(usage, dict):
            if sent[row] < 0:
                sent[row] = _of(usage, "input", "input_tokens", "prompt_tokens")
            if made[row] < 0:
                made[row] = _of(usage, "output", "output_tokens", "completion_tokens")
            if not cached[row]:
                names = ("cache_read_input_tokens", "input_cached_tokens", "input_cache_read")
                cached[row] = max(_of(usage, *names), 0)
            if not written[row]:
                names = ("cache_creation_input_tokens", "cache_write_input_tokens", "input_cache_creation")
                written[row] = max(_of(usage, *names), 0)
    # A sender whose number cannot hold them counted what was neither read from a cache nor written to one.
    beside = (sent >= 0) & (cached + written > sent)
    return np.where(beside, sent + cached + written, sent), made, cached, written


def _costs(found: Found, count: int) -> I64:
    cost = _counts(found.get("cost_pico"), count)
    for row, value in enumerate(found.get("cost", ())):
        if cost[row] < 0:
            cost[row] = pico(value)
    for row, value in enumerate(found.get("costs", ())):
        costs = opened(value)
        if cost[row] < 0 and isinstance(costs, dict):
            whole = next((costs[name] for name in ("total", "total_cost") if name in costs), None)
            parts = [pico(part) for part in costs.values()] if whole is None else [pico(whole)]
            cost[row] = tokens(sum(parts)) if parts and min(parts) >= 0 else UNKNOWN
    return cost


def _of(usage: Mapping[str, Any], *names: str) -> int:
    told = next((tokens(usage[name]) for name in names if name in usage), UNKNOWN)
    return told if told <= MOST_TOKENS else UNKNOWN


def _first(found: Found, events: Sequence[Sequence[Mapping[str, Any]]], start_ns: Sequence[int]) -> I64:
    said = [(found[field], unit) for field, unit in (("first_ms", 10**6), ("first_s", NS)) if field in found]
    at = found.get("first_at")
    first = np.zeros(len(start_ns), np.int64)
    if said or at is not None or any(events):
        for row, (its, start) in enumerate(zip(events, start_ns, strict=True)):
            first[row] = first_ns([(column[row], unit) for column, unit in said], at and at[row], its, start)
    return first

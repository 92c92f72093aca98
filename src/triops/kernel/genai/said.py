"""What one span says of a model's call, in one pass over its attributes: for lists, filters and sums.

On the way of every span that is stored, so: no regular expressions, no table of conventions walked a field; a wrong
value (text where a number belongs) is as if it were not said, never an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from triops.kernel.clock import NS
from triops.kernel.genai.names import SAID, SPREAD, TYPES
from triops.kernel.genai.spread import gathered
from triops.kernel.money import PICO

UNKNOWN = -1
_MOST = 2**62
_FIRST = ("First Token Stream Event", "llm.content.completion.chunk", "gen_ai.content.first_token")
_MODELS = ("llm", "embedding", "reranker")
NAME = 256  # characters of a name or an id that are kept beside the span
_TEXTS = frozenset(
    (
        "model",
        "provider",
        "user",
        "session",
        "application",
        "key",
        "prompt",
        "prompt_label",
        "prompt_version",
        "answer_id",
    )
)
_SAY_NOTHING = frozenset(("user", "session", "tags", "error", "level", "usage", "answer_id", "gateway", "cache"))
_FIRST_FIELDS = frozenset(("first_ms", "first_s", "first_at"))
_TAGS = 20


@dataclass(slots=True)
class Said:
    """`type`: llm, embedding, chain, tool, agent, retriever, … or span. `call`: a model was asked, so that its tokens
    and cost count. Tokens and `cost` (pico-dollars) are -1 where nothing was said; `first_ns` counts from the span's
    start, 0 where unknown. `cached`: answered out of the gateway's cache. `output_chars`: of the whole answer, where
    its sender counted. `answer_id`: as the provider gave it; `gateway`: our own gateway's span. `input` and `output`
    are as they were sent, JSON opened."""

    type: str = "span"
    call: bool = False
    model: str = ""
    provider: str = ""
    application: str = ""
    prompt: str = ""
    prompt_version: str = ""
    prompt_label: str = ""
    user: str = ""
    session: str = ""
    key: str = ""
    tags: Sequence[str] = ()
    input_tokens: int = UNKNOWN
    output_tokens: int = UNKNOWN
    cached_tokens: int = 0
    cost: int = UNKNOWN
    estimated: bool = False
    cached: bool = False
    first_ns: int = 0
    error: str = ""
    failed: bool = False
    output_chars: int = UNKNOWN
    answer_id: str = ""
    gateway: bool = False
    finish: Any = None
    input: Any = None
    output: Any = None
    system: Any = None


def said(attributes: Mapping[str, Any], events: Sequence[Mapping[str, Any]] = (), start_ns: int = 0) -> Said | None:
    """None for a span that says nothing of a model or of an application around one."""
    found: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    spread = False
    for name, value in attributes.items():
        place = SAID.get(name)
        if place is None:
            if not spread and name[:4] in ("llm.", "gen_", "retr", "embe") and name.startswith(tuple(SPREAD)):
                spread = True
            continue
        if value is None or value == "":
            continue
        field, rank = place
        if rank < ranks.get(field, 99):
            ranks[field], found[field] = rank, value
    spoken = _spoken(events) if events else None
    if spoken:
        found = {**spoken, **found}
    if spread:
        for field, value in gathered(attributes).items():
            if ranks.get(field, 99) > 0:  # better than a whole request as JSON
                found[field] = value
    if not found or ("kind" not in found and "model" not in found and found.keys() <= _SAY_NOTHING):
        return None
    one = Said()
    get = found.get
    for field, value in found.items():  # only what was said: most fields are not
        if field in _TEXTS:
            setattr(one, field, value[:NAME] if type(value) is str and value[:1] != '"' else _short(value))
    _count(one, found)
    kind = get("kind")
    one.type = TYPES.get(kind, "span") if isinstance(kind, str) else "span"
    asked = one.model != "" or one.input_tokens >= 0
    if asked and one.type == "span" and "agent" not in str(kind):
        one.type = "llm"
    one.call = one.type in _MODELS and (asked or one.output_tokens >= 0)
    if "tags" in found:
        one.tags = _tags(found["tags"])
    one.estimated = get("estimated") is True
    one.gateway = "gateway" in found
    one.cached = get("cache") == "hit"
    one.failed = get("level") == "ERROR"
    if "error" in found and (one.failed or ranks.get("error") == 0):
        one.error = _short(found["error"])
    if events or not _FIRST_FIELDS.isdisjoint(found):
        one.first_ns = _first(found, events, start_ns)
    one.finish, one.system = get("finish"), get("system")
    one.input, one.output = opened(get("input")), opened(get("output"))
    return one


def opened(value: Any) -> Any:
    """A text that is a JSON object, list or text as that."""
    if isinstance(value, str) and value[:1] in ("{", "[", '"'):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def tokens(value: Any) -> int:
    """A count, or -1."""
    if type(value) is int:
        return value if 0 <= value < _MOST else UNKNOWN
    if isinstance(value, str) and value.isdecimal() and len(value) < 18:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST else UNKNOWN


def pico(value: Any) -> int:
    """Dollars, as a sender wrote them, in pico-dollars to the nearest; -1 for what is no amount."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return UNKNOWN
    try:
        amount = Decimal(str(value)) * PICO
        return int(amount.to_integral_value()) if amount.is_finite() and 0 <= amount < _MOST else UNKNOWN
    except InvalidOperation:
        return UNKNOWN


def _count(one: Said, found: Mapping[str, Any]) -> None:
    get = found.get
    if "input_tokens" in found:
        one.input_tokens = tokens(found["input_tokens"])
    if "output_tokens" in found:
        one.output_tokens = tokens(found["output_tokens"])
    if "cached_tokens" in found:
        one.cached_tokens = max(tokens(found["cached_tokens"]), 0)
    if "output_chars" in found:
        one.output_chars = tokens(found["output_chars"])
    if (usage := get("usage")) is not None and isinstance(usage := opened(usage), dict):
        if one.input_tokens < 0:
            one.input_tokens = _of(usage, "input", "input_tokens", "prompt_tokens")
        if one.output_tokens < 0:
            one.output_tokens = _of(usage, "output", "output_tokens", "completion_tokens")
        if not one.cached_tokens:
            one.cached_tokens = max(_of(usage, "cache_read_input_tokens", "input_cached_tokens", "input_cache_read"), 0)
    if "cost_pico" in found:
        one.cost = tokens(found["cost_pico"])
    if one.cost < 0 and "cost" in found:
        one.cost = pico(found["cost"])
    if one.cost < 0 and "costs" in found and isinstance(costs := opened(get("costs")), dict):
        whole = next((costs[name] for name in ("total", "total_cost") if name in costs), None)
        parts = [pico(part) for part in costs.values()] if whole is None else [pico(whole)]
        one.cost = sum(parts) if parts and min(parts) >= 0 else UNKNOWN


def _of(usage: Mapping[str, Any], *names: str) -> int:
    return next((tokens(usage[name]) for name in names if name in usage), UNKNOWN)


def _short(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        inner = opened(value) if value[:1] == '"' else None
        return (inner if isinstance(inner, str) else value)[:NAME]
    return str(value)[:NAME] if isinstance(value, int | float) else ""


def _tags(value: Any) -> Sequence[str]:
    value = opened(value)
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return ()
    return [tag.strip()[:NAME] for tag in value[:_TAGS] if isinstance(tag, str) and tag.strip()]


def _first(found: Mapping[str, Any], events: Sequence[Mapping[str, Any]], start_ns: int) -> int:
    for field, unit in (("first_ms", 10**6), ("first_s", NS)):
        value = found.get(field)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 10**9:
            return int(value * unit)
    at = opened(found.get("first_at"))
    if isinstance(at, str) and start_ns:
        try:
            return max(0, round(datetime.fromisoformat(at).timestamp() * 1e6) * 1000 - start_ns)
        except (ValueError, OverflowError):
            return 0
    for event in events:
        if event.get("name") in _FIRST and isinstance(time := event.get("time_ns"), int):
            return max(0, time - start_ns)
    return 0


def _spoken(events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Messages that were recorded as events: one a message, or all in the details of one."""
    heard: list[Any] = []
    answered: list[Any] = []
    found: dict[str, Any] = {}
    for event in events:
        name, inside = event.get("name"), event.get("attributes")
        if not isinstance(name, str) or not isinstance(inside, dict) or not name.startswith("gen_ai."):
            continue
        if name == "gen_ai.client.inference.operation.details":
            for key, field in (("gen_ai.input.messages", "input"), ("gen_ai.output.messages", "output")):
                if key in inside:
                    found[field] = inside[key]
        elif name == "gen_ai.content.prompt":
            heard.append(opened(inside.get("gen_ai.prompt")))
        elif name == "gen_ai.content.completion":
            answered.append(opened(inside.get("gen_ai.completion")))
        elif name == "gen_ai.choice":
            message = opened(inside.get("message", inside))
            answered.append({"role": "assistant", **message} if isinstance(message, dict) else message)
        elif name.endswith(".message"):
            heard.append({"role": name[7:-8], **inside})
    if heard:
        found.setdefault("input", heard)
    if answered:
        found.setdefault("output", answered)
    return found

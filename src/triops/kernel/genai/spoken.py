"""What the events of a span say of a model's call: messages, and when the first token came."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from triops.kernel.genai.values import MOST, opened

_FIRST = ("First Token Stream Event", "llm.content.completion.chunk", "gen_ai.content.first_token")


def spoken(events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`input` and `output`: messages as events, one a message, or all in the details of one."""
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


def first_ns(told: Sequence[tuple[Any, int]], at: Any, events: Sequence[Mapping[str, Any]], start_ns: int) -> int:
    """From the span's start to the first token, 0 where nothing tells. `told`: times after the start, each with its
    unit in nanoseconds; `at`: a time of the day, as ISO 8601."""
    for value, unit in told:
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 10**9:
            return int(value * unit)
    at = opened(at)
    if isinstance(at, str) and start_ns:
        try:
            return _after(round(datetime.fromisoformat(at).timestamp() * 1e6) * 1000, start_ns)
        except (ValueError, OverflowError):
            return 0
    for event in events:
        if event.get("name") in _FIRST and isinstance(time := event.get("time_ns"), int):
            return _after(time, start_ns)
    return 0


def _after(time_ns: int, start_ns: int) -> int:
    return min(max(0, time_ns - start_ns), MOST)

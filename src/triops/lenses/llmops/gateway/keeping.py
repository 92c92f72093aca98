"""What of a call's records may be written where its project has a rule of redaction: as of the spans that they become,
and of errors too, for providers quote in them what they were sent."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from triops.lenses.llmops.guards.texts import Steps, drained
from triops.lenses.llmops.redaction.cleaning import CUT, Redact, cleaned
from triops.lenses.llmops.redaction.rule import Rule

# The span's attribute of a request's parameter.
SETTINGS: Final = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "max_tokens": "gen_ai.request.max_tokens",
    "seed": "gen_ai.request.seed",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "stop": "gen_ai.request.stop_sequences",
    "n": "gen_ai.request.choice.count",
}
# Those of members that the books of spend do not need: what they do need stays, and goes from the spans alone.
_DISPENSABLE: Final[Mapping[str, tuple[str, ...]]] = {
    "tags": ("tag.tags",),
    "session": ("session.id", "gen_ai.conversation.id"),
}
_INPUT: Final = "gen_ai.input.messages"
_OUTPUT: Final = "gen_ai.output.messages"
_LABELS: Final = frozenset({"kind", "finish", "parts"})
_UNFINISHED: Final = frozenset({"error", "length"})
_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "model", "tool", "function"})


def intent_kept(rule: Rule, members: dict[str, Any]) -> dict[str, Any]:
    """Of an intent whose `input` and `settings` were kept before."""
    for member, names in _DISPENSABLE.items():
        if all(map(rule.goes, names)):
            members[member] = type(members[member])()
    return members


def input_kept(rule: Rule, text: str, most: int) -> Steps:
    return _said(rule, _INPUT, text, most)


def output_kept(rule: Rule, text: str, most: int) -> Steps:
    return _said(rule, _OUTPUT, text, most)


def settings_kept(rule: Rule, settings: Mapping[str, Any]) -> Steps:
    """Where nothing of what is said stays, numbers alone do."""
    kept = {
        name: value for name, value in settings.items() if not rule.goes(SETTINGS.get(name) or f"gen_ai.request.{name}")
    }
    if rule.keep == "none":
        return {name: value for name, value in kept.items() if isinstance(value, int | float)}
    if rule.redact is not None:
        for name, value in kept.items():
            if name != "tools" or not all(tool.replace("-", "_").isidentifier() for tool in value):
                kept[name] = yield from cleaned(value, rule.redact)
    return kept


def message_kept(rule: Rule, message: str, most: int) -> str:
    """Of an error, at once. `most`: characters that are kept of one."""
    if rule.keep != "all":
        return ""
    if rule.redact is None or not message:
        return message[:most]
    kept = drained(rule.redact.steps(message[:most], len(message) >= most))
    return kept[:most]


def _said(rule: Rule, name: str, text: str, most: int) -> Steps:
    """`text` as `said.py` writes it. `most`: bytes that are kept of it, near which its texts may have been cut."""
    if rule.goes(name):
        return ""
    if rule.redact is None or not text:
        return text
    said = orjson.loads(text)
    for message in said:
        role = message.get("role")
        if role is not None and role not in _ROLES:
            message["role"] = yield from cleaned(role, rule.redact)
        parts, unfinished = message["parts"], message.get("finish") in _UNFINISHED
        if unfinished and parts and (last := parts[-1].get("text")):
            parts[-1]["text"] = last.removesuffix(CUT) + CUT
        yield from _parts(parts, rule.redact, unfinished or 2 * len(text) >= most)
    return orjson.dumps(said).decode()


def _parts(parts: Sequence[dict[str, Any]], redact: Redact, cut: bool) -> Steps:
    for part in parts:
        for name, value in part.items():
            if name not in _LABELS:
                part[name] = yield from cleaned(value, redact, cut=cut)
        yield from _parts(part.get("parts", ()), redact, cut)

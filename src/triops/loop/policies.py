"""Policies as documents, and which of them speaks for a proposal."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from triops.kernel.document import Document
from triops.kernel.policy import Level, Policy, frozen
from triops.loop.documents import Kind

SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "How far Triops goes by itself with a runbook, and the limits that bind people too.",
    "required": ["level"],
    "additionalProperties": False,
    "properties": {
        "runbook": {
            "type": "string",
            "minLength": 1,
            "maxLength": 100,
            "default": "*",
            "description": "The name of a runbook; `*`: any.",
        },
        "entity": {
            "type": "string",
            "minLength": 1,
            "maxLength": 300,
            "default": "*",
            "description": "An entity's id, or a glob: `service:*`.",
        },
        "level": {
            "enum": [level.value for level in Level],
            "description": "observe notes what it would do, suggest shows it, ask waits for a person, act runs it.",
        },
        "cool_down_s": {
            "type": "number",
            "minimum": 0,
            "maximum": 604800,
            "default": 600,
            "description": "Between two runs of one runbook on one entity; binds people too.",
        },
        "max_per_hour": {
            "type": "integer",
            "minimum": 0,
            "maximum": 1000,
            "default": 3,
            "description": "Runs that this policy allows in an hour; binds people too.",
        },
        "max_entities": {
            "type": "integer",
            "minimum": 1,
            "maximum": 10000,
            "default": 1,
            "description": "How many entities an action may touch; binds people too.",
        },
        "min_probability": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.5,
            "description": "Of the cause; below it `act` asks.",
        },
        "freeze": {
            "type": "array",
            "maxItems": 24,
            "items": {"type": "string"},
            "description": "Daily windows HH:MM-HH:MM, UTC, in which nothing runs without a person.",
        },
    },
}
UNSET = Policy("default")  # where no document speaks


def policy_of(document: Document) -> Policy:
    spec = dict(document.spec)
    spec["level"] = Level(spec["level"])
    spec["freeze"] = tuple(spec.get("freeze", ()))
    return Policy(document.name, **spec)


def policy_kind() -> Kind:
    def check(document: Document) -> None:
        for window in document.spec.get("freeze", ()):
            frozen(window, 0.0)

    return Kind("Policy", SCHEMA, check)


def policy_for(policies: Sequence[Policy], runbook: str, entity: str) -> Policy:
    """The most specific that covers both: a named runbook before any, a named entity before a glob before any; of
    equals the first by name. `UNSET` (suggest) when none does."""
    fitting = [p for p in policies if p.runbook in ("*", runbook) and fnmatchcase(entity, p.entity)]
    return min(fitting, key=lambda p: (p.runbook == "*", p.entity == "*", p.entity != entity, p.name), default=UNSET)

"""Runbooks as documents: when one is proposed, what it does, and how it is taken back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from triops.kernel.action import Effect
from triops.kernel.change import Change
from triops.kernel.document import Document
from triops.kernel.errors import Invalid
from triops.kernel.hypothesis import Hypothesis
from triops.loop.documents import Kind
from triops.loop.templates import check

_EFFECT: dict[str, Any] = {
    "type": "object",
    "required": ["actuator", "spec"],
    "additionalProperties": False,
    "description": "What is done: an actuator and its spec, in which `{{entity.name}}` and the like stand for facts.",
    "properties": {
        "actuator": {"type": "string", "minLength": 1, "maxLength": 64, "description": "command, http, or a plugin's."},
        "spec": {"type": "object", "description": "The actuator's own members."},
    },
}
_NAMES: dict[str, Any] = {
    "type": "array",
    "maxItems": 50,
    "items": {"type": "string", "minLength": 1, "maxLength": 64},
    "description": "Empty or absent means any.",
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "An effect to propose when the most probable cause matches, and its undo.",
    "required": ["title", "effect"],
    "additionalProperties": False,
    "properties": {
        "title": {"type": "string", "minLength": 1, "maxLength": 200, "description": "What it does; a template, too."},
        "when": {
            "type": "object",
            "additionalProperties": False,
            "description": "Which most probable cause it is for; absent: any that names an entity.",
            "properties": {"change_kinds": _NAMES, "entity_types": _NAMES, "anomaly_kinds": _NAMES},
        },
        "effect": _EFFECT,
        "undo": {**_EFFECT, "description": "How it is taken back, likewise; without one it never runs unasked."},
        "reach": {"type": "string", "maxLength": 200, "description": "How far it reaches, in words."},
        "entities": {
            "type": "integer",
            "minimum": 1,
            "maximum": 10000,
            "default": 1,
            "description": "How many entities it touches.",
        },
        "verify_s": {
            "type": "number",
            "minimum": 1,
            "maximum": 86400,
            "default": 120,
            "description": "How long the symptoms may take to end.",
        },
    },
}


@dataclass(frozen=True, slots=True)
class Runbook:
    """`effect` and `undo` may hold templates (`templates.py`); `entities` is how many it touches."""

    name: str
    title: str
    effect: Effect
    undo: Effect | None
    change_kinds: tuple[str, ...] = ()
    entity_types: tuple[str, ...] = ()
    anomaly_kinds: tuple[str, ...] = ()
    reach: str = ""
    entities: int = 1
    verify_s: float = 120.0

    def matches(self, cause: Hypothesis, change: Change | None, kinds: Collection[str]) -> bool:
        """Whether it is for this cause; `kinds` are those of the incident's anomalies on the cause's entity."""
        if cause.entity is None:
            return False
        if self.change_kinds and (change is None or change.kind not in self.change_kinds):
            return False
        if self.entity_types and cause.entity.partition(":")[0] not in self.entity_types:
            return False
        return not self.anomaly_kinds or any(kind in self.anomaly_kinds for kind in kinds)


def runbook_of(document: Document) -> Runbook:
    spec, when = document.spec, document.spec.get("when", {})
    undo = spec.get("undo")
    return Runbook(
        document.name,
        spec["title"],
        _effect(spec["effect"]),
        _effect(undo) if undo else None,
        tuple(when.get("change_kinds", ())),
        tuple(when.get("entity_types", ())),
        tuple(when.get("anomaly_kinds", ())),
        spec.get("reach", ""),
        spec.get("entities", 1),
        float(spec.get("verify_s", 120.0)),
    )


def runbook_kind(actuators: Collection[str]) -> Kind:
    """`actuators`: the names that exist. Their specs are checked when filled, since templates stand for values."""

    def check_document(document: Document) -> None:
        for part in ("effect", "undo"):
            effect = document.spec.get(part)
            if effect and effect["actuator"] not in actuators:
                expected = ", ".join(sorted(actuators)) or "none is configured"
                raise Invalid(
                    "no such actuator", field=f"spec.{part}.actuator", got=effect["actuator"], expected=expected
                )
            check(effect, f"spec.{part}")
        check(document.spec["title"], "spec.title")

    return Kind("Runbook", SCHEMA, check_document)


def _effect(spec: Mapping[str, Any]) -> Effect:
    return Effect(spec["actuator"], spec["spec"])

"""The law of access to experiments and models: a pure rule over documents of the kind `Access`.

What no document names is open to every key of the project, as its role allows. What one names is open only to those
whom the documents that name it let in; admins always are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from fnmatch import fnmatchcase
from typing import Any, Literal

from triops.kernel.document import Document
from triops.kernel.tenant import Principal, Role
from triops.loop.documents import Kind

Thing = Literal["experiment", "model"]
_PATTERNS: dict[str, Any] = {
    "type": "array",
    "maxItems": 1000,
    "items": {"type": "string", "minLength": 1, "maxLength": 500},
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Whom the named experiments and models are open to. Admins always are; each level holds the ones "
    "before it.",
    "anyOf": [{"required": ["experiments"]}, {"required": ["models"]}],
    "additionalProperties": False,
    "properties": {
        "experiments": {**_PATTERNS, "minItems": 1, "description": "Names of experiments, or globs: churn-*"},
        "models": {**_PATTERNS, "minItems": 1, "description": "Names of registered models and prompts, or globs."},
        "read": {**_PATTERNS, "description": "Who may look: names of keys, globs, or role:viewer, role:editor."},
        "edit": {**_PATTERNS, "description": "Who may log, register and change."},
        "manage": {**_PATTERNS, "description": "Who may delete and restore."},
    },
}


class Level(IntEnum):
    READ = 1
    EDIT = 2
    MANAGE = 3


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    experiments: tuple[str, ...]
    models: tuple[str, ...]
    who: tuple[tuple[Level, tuple[str, ...]], ...]

    def names(self, thing: Thing, name: str) -> bool:
        return _any(self.experiments if thing == "experiment" else self.models, name)

    def lets(self, principal: Principal, level: Level) -> bool:
        return any(
            given >= level and any(_is(principal, pattern) for pattern in patterns) for given, patterns in self.who
        )


def rules_of(documents: Iterable[Document]) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            document.name,
            tuple(document.spec.get("experiments", ())),
            tuple(document.spec.get("models", ())),
            tuple((level, tuple(document.spec.get(level.name.lower(), ()))) for level in Level),
        )
        for document in documents
        if document.kind == "Access"
    )


def refusal(rules: Sequence[Rule], principal: Principal, thing: Thing, name: str, level: Level) -> Rule | None:
    """The first rule that names the thing when none of those that do lets `principal` in; None when it may."""
    if principal.role is Role.ADMIN:
        return None
    naming = [rule for rule in rules if rule.names(thing, name)]
    if not naming or any(rule.lets(principal, level) for rule in naming):
        return None
    return naming[0]


def access_kind() -> Kind:
    return Kind("Access", SCHEMA, binds=True)


def _any(patterns: Sequence[str], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _is(principal: Principal, pattern: str) -> bool:
    if pattern.startswith("role:"):
        return pattern.removeprefix("role:") == principal.role
    return fnmatchcase(principal.name, pattern)

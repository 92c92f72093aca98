"""Gates as code: who may move an alias, and what a version must show first. `decide` is pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from triops.kernel.document import Document
from triops.kernel.errors import Forbidden, Invalid
from triops.kernel.ids import ProjectId
from triops.kernel.tenant import Principal, Role
from triops.kernel.version import Check
from triops.ledger.documents import Documents
from triops.loop.documents import Kind

_RANKS: Final = {Role.INGEST: 0, Role.VIEWER: 1, Role.EDITOR: 2, Role.ADMIN: 3}
_HOURS: Final = 168.0

_NAME: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 250}
_CHECK: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "minProperties": 2,
    "description": "One thing that must hold: of a metric, or of a tag of the version.",
    "properties": {
        "metric": {**_NAME, "description": "The latest value of the version's run, or of its logged model."},
        "at_least": {"type": "number", "description": "The metric is this or more."},
        "at_most": {"type": "number", "description": "The metric is this or less."},
        "not_worse_than": {**_NAME, "description": "An alias whose version has the metric to compare with."},
        "by": {"type": "number", "minimum": 0, "default": 0, "description": "How much worse it may be than that."},
        "better": {"enum": ["higher", "lower"], "default": "higher", "description": "Which way the metric is better."},
        "tag": {**_NAME, "description": "A tag of the version."},
        "equals": {"type": "string", "maxLength": 5000, "description": "What the tag must be."},
    },
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "What must be true before an alias of a registered model or prompt moves, and who must agree.",
    "required": ["model", "alias"],
    "additionalProperties": False,
    "properties": {
        "model": {**_NAME, "description": "A model's name, or a pattern: `churn*`."},
        "alias": {**_NAME, "description": "The alias that is guarded, or a pattern."},
        "approval": {
            "type": "object",
            "additionalProperties": False,
            "required": ["role"],
            "description": "Who must agree; absent: passed checks are enough.",
            "properties": {
                "role": {"enum": ["editor", "admin"], "description": "What whoever agrees must be, at least."},
                "not_self": {"type": "boolean", "default": False, "description": "Not who asked for the move."},
                "expires_h": {
                    "type": "number",
                    "minimum": 0.01,
                    "maximum": 8760,
                    "default": _HOURS,
                    "description": "Hours until a request that nobody decided is void.",
                },
            },
        },
        "checks": {"type": "array", "maxItems": 50, "items": _CHECK, "description": "All must pass."},
    },
}


@dataclass(frozen=True, slots=True)
class Gate:
    name: str
    model: str
    alias: str
    role: Role | None = None
    not_self: bool = False
    expires_s: float = _HOURS * 3600
    checks: Sequence[Mapping[str, Any]] = ()

    def guards(self, model: str, alias: str) -> bool:
        return fnmatchcase(model, self.model) and fnmatchcase(alias, self.alias)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a version when a gate asks."""

    version: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """`state`: allow, ask (then `role` and `not_self` say whom), refuse (then a check did not pass)."""

    state: str
    checks: Sequence[Check] = ()
    role: Role = Role.EDITOR
    not_self: bool = False
    expires_s: float = _HOURS * 3600

    @property
    def reasons(self) -> list[str]:
        return [check.text for check in self.checks if not check.passed]


def decide(gates: Sequence[Gate], candidate: Facts | None, others: Mapping[str, Facts | None], role: Role) -> Decision:
    """`candidate` None: the alias is to be removed, so that nothing is checked. `others`: what the aliases that checks
    compare with are on. `role` is of who asks: it is agreement enough where theirs would be, and may be their own."""
    checks = [] if candidate is None else [_check(c, candidate, others) for gate in gates for c in gate.checks]
    if not all(check.passed for check in checks):
        return Decision("refuse", checks)
    asking = [gate for gate in gates if gate.role is not None]
    if not asking:
        return Decision("allow", checks)
    needed = max((gate.role for gate in asking if gate.role is not None), key=_RANKS.__getitem__)
    not_self = any(gate.not_self for gate in asking)
    state = "allow" if not not_self and holds(role, needed) else "ask"
    return Decision(state, checks, needed, not_self, min(gate.expires_s for gate in asking))


def holds(role: Role, needed: Role) -> bool:
    return _RANKS[role] >= _RANKS[needed]


def compared_aliases(gates: Iterable[Gate]) -> list[str]:
    return list(dict.fromkeys(c["not_worse_than"] for g in gates for c in g.checks if "not_worse_than" in c))


def _check(spec: Mapping[str, Any], candidate: Facts, others: Mapping[str, Facts | None]) -> Check:
    if "tag" in spec:
        key, wanted = spec["tag"], spec["equals"]
        set_to = candidate.tags.get(key)
        found = "is not set" if set_to is None else f"is {set_to[:100]!r}"
        return Check(f"tag {key}", set_to == wanted, f"tag {key} {found}, wanted {wanted[:100]!r}")
    key = spec["metric"]
    name, value = f"metric {key}", candidate.metrics.get(key)
    if value is None or math.isnan(value):
        return Check(name, False, f"metric {key} is {'missing' if value is None else 'NaN'}")
    if "at_least" in spec:
        return Check(
            name, value >= spec["at_least"], f"metric {key} is {value:g}, wanted at least {spec['at_least']:g}"
        )
    if "at_most" in spec:
        return Check(name, value <= spec["at_most"], f"metric {key} is {value:g}, wanted at most {spec['at_most']:g}")
    alias, by = spec["not_worse_than"], spec.get("by", 0.0)
    other = others.get(alias)
    if other is None:
        return Check(name, True, f"metric {key} is {value:g}; alias {alias} is on no version to compare with")
    known = other.metrics.get(key)
    if known is None or math.isnan(known):
        return Check(
            name, True, f"metric {key} is {value:g}; version {other.version} ({alias}) has none to compare with"
        )
    higher = spec.get("better", "higher") == "higher"
    passed = value >= known - by if higher else value <= known + by
    may = f", and may be {by:g} worse" if by else ""
    text = f"metric {key} is {value:g}; version {other.version} ({alias}) has {known:g}{may}"
    return Check(name, passed, f"{text}; {'higher' if higher else 'lower'} is better")


def gate_of(document: Document) -> Gate:
    spec = document.spec
    approval = spec.get("approval", {})
    return Gate(
        document.name,
        spec["model"],
        spec["alias"],
        Role(approval["role"]) if approval else None,
        approval.get("not_self", False),
        approval.get("expires_h", _HOURS) * 3600,
        spec.get("checks", ()),
    )


def gate_kind() -> Kind:
    def check(document: Document) -> None:
        for at, one in enumerate(document.spec.get("checks", ())):
            given = frozenset(one) - {"by", "better"}
            wanted = (
                {"tag", "equals"},
                {"metric", "at_least"},
                {"metric", "at_most"},
                {"metric", "not_worse_than"},
            )
            if given not in wanted or (len(one) > 2 and "not_worse_than" not in one):
                expected = "tag and equals; or metric and one of at_least, at_most, not_worse_than (by, better)"
                raise Invalid("not a check", field=f"spec.checks[{at}]", got=sorted(one), expected=expected)

    return Kind("Gate", SCHEMA, check, binds=True)


@dataclass(frozen=True, slots=True)
class GateSet:
    """The gates of one project, as they stand."""

    gates: Sequence[Gate]

    def guarding(self, model: str, alias: str) -> list[Gate]:
        return [gate for gate in self.gates if gate.guards(model, alias)]

    def refuse_around(self, who: Principal, model: str, aliases: Iterable[str], verb: str) -> None:
        """What takes a guarded alias away by taking its model or version is refused to whoever could not agree to the
        move. Raises: Forbidden."""
        for alias in aliases:
            for gate in self.guarding(model, alias):
                if gate.role is not None and not (holds(who.role, gate.role) and not gate.not_self):
                    if holds(who.role, Role.ADMIN):
                        continue  # an administrator could as well delete the gate
                    raise Forbidden(
                        f"{model} cannot be {verb}: gate {gate.name} guards its alias {alias}. "
                        "Move or remove the alias first, or ask an admin."
                    )


class Gates:
    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._known: dict[ProjectId, tuple[int, GateSet]] = {}

    async def of(self, project: ProjectId) -> GateSet:
        version = self._documents.version(project)
        known = self._known.get(project)
        if known is None or known[0] != version:
            gates = GateSet([gate_of(document) for document in await self._documents.list(project, "Gate")])
            known = self._known[project] = version, gates
        return known[1]

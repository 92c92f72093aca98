"""Pure rule: (proposal, context) -> allow, ask or deny, with reasons."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OBSERVE = "observe"  # record what would be proposed
    SUGGEST = "suggest"  # show it; a person may run it
    ASK = "ask"  # run it after approval
    ACT = "act"  # run it


class Verdict(StrEnum):
    OBSERVE = "observe"
    SUGGEST = "suggest"
    ASK = "ask"
    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits that people set on one runbook, or on all ("*").

    level: how far Triops goes by itself. Without a policy it is `suggest`; without an undo never above `ask`.
    min_probability: of the hypothesis, below which `act` falls back to `ask`.
    freeze: daily UTC windows ("22:00-06:00") in which nothing runs without a person.
    """

    name: str
    runbook: str = "*"
    entity: str = "*"  # an entity id, or a glob over it
    level: Level = Level.SUGGEST
    cool_down_s: float = 600.0
    max_per_hour: int = 3
    max_entities: int = 1
    min_probability: float = 0.5
    freeze: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    runbook: str
    entity: str
    probability: float
    reach: int  # entities it touches
    undoable: bool


@dataclass(frozen=True, slots=True)
class Context:
    now: float
    last_run_at: float | None  # of this runbook on this entity
    runs_last_hour: int  # of this policy
    approved_by: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    verdict: Verdict
    level: Level
    reasons: tuple[str, ...]

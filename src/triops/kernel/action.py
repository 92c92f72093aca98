"""A proposed, then executed effect, with its undo. Only `loop/act.py` executes one by itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from triops.kernel.ids import ActionId, ChangeId, EntityId, IncidentId


class ActionStatus(StrEnum):
    SUGGESTED = "suggested"  # policy level suggest: a person may run it
    WAITING = "waiting"  # policy level ask: waits for approval
    DISMISSED = "dismissed"
    DENIED = "denied"  # policy refused it; `reasons` say why
    RUNNING = "running"
    VERIFYING = "verifying"  # done; watching whether it helped
    SUCCEEDED = "succeeded"  # recovery verified
    FAILED = "failed"  # the actuator failed, or it did not help
    UNDONE = "undone"  # it made things worse and was taken back


@dataclass(frozen=True, slots=True)
class Effect:
    """What an actuator is to do: `actuator` names it (command, http, ...), `spec` is its own validated input."""

    actuator: str
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Action:
    id: ActionId
    incident: IncidentId
    runbook: str
    title: str
    entity: EntityId
    change: ChangeId | None
    effect: Effect
    undo: Effect | None
    status: ActionStatus
    level: str  # the policy level that decided: observe, suggest, ask, act
    proposed_at: float
    decided_at: float | None = None
    decided_by: str = ""
    started_at: float | None = None
    finished_at: float | None = None
    verify_until: float | None = None
    dry_run: str = ""  # what it would do, in words, from the actuator
    reach: str = ""  # how far it reaches, in words
    result: str = ""
    reasons: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

"""From a cause to proposed actions: which runbooks match, what they would do exactly, and why one cannot be used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triops.kernel.action import Action, ActionStatus, Effect
from triops.kernel.anomaly import Anomaly
from triops.kernel.change import Change
from triops.kernel.errors import TriopsError
from triops.kernel.hypothesis import Hypothesis
from triops.kernel.ids import ActionId, sortable_id
from triops.kernel.incident import Incident
from triops.ledger.codec import to_json
from triops.loop.runbooks import Runbook
from triops.loop.templates import render
from triops.ports.actuators import Actuator


@dataclass(frozen=True, slots=True)
class Drafts:
    """`actions` have no decision yet; `refused` says in words which runbooks matched and could not be filled."""

    actions: tuple[Action, ...]
    refused: tuple[str, ...]


def draft(
    incident: Incident,
    change: Change | None,
    anomalies: Sequence[Anomaly],
    runbooks: Sequence[Runbook],
    actuators: Mapping[str, Actuator],
    now: float,
) -> Drafts:
    """The actions that runbooks propose for the incident's most probable cause; none while that is unknown.
    `change` is the one that the first hypothesis blames."""
    cause = incident.hypotheses[0] if incident.hypotheses else None
    if cause is None or cause.entity is None:
        return Drafts((), ())
    kinds = {a.kind for a in anomalies if a.entity == cause.entity}
    facts = _facts(incident, cause, change)
    actions, refused = [], []
    for runbook in runbooks:
        if runbook.matches(cause, change, kinds):
            try:
                actions.append(_filled(incident, cause, runbook, facts, actuators, now))
            except TriopsError as error:
                where = error.details.get("field", "")
                refused.append(f"{runbook.name} is not proposed: {error.message}" + (f" ({where})" if where else ""))
    return Drafts(tuple(actions), tuple(refused))


def _filled(
    incident: Incident,
    cause: Hypothesis,
    runbook: Runbook,
    facts: Mapping[str, Any],
    actuators: Mapping[str, Actuator],
    now: float,
) -> Action:
    assert cause.entity is not None
    effect = _effect(runbook.effect, facts, actuators, "effect")
    undo = _effect(runbook.undo, facts, actuators, "undo") if runbook.undo else None
    return Action(
        id=ActionId(sortable_id("act", now)),
        incident=incident.id,
        runbook=runbook.name,
        title=str(render(runbook.title, facts, "title")),
        entity=cause.entity,
        change=cause.change,
        effect=effect,
        undo=undo,
        status=ActionStatus.SUGGESTED,
        level="suggest",
        proposed_at=now,
        dry_run=actuators[effect.actuator].plan(effect.spec),
        reach=runbook.reach,
        details={
            "probability": round(cause.probability, 4),
            "verify_s": runbook.verify_s,
            "entities": runbook.entities,
        },
    )


def _effect(effect: Effect, facts: Mapping[str, Any], actuators: Mapping[str, Actuator], field: str) -> Effect:
    """Filled, and accepted by its actuator. Raises: Invalid, Forbidden."""
    spec = render(effect.spec, facts, f"{field}.spec", command=effect.actuator == "command")
    actuators[effect.actuator].check(spec)
    return Effect(effect.actuator, spec)


def _facts(incident: Incident, cause: Hypothesis, change: Change | None) -> dict[str, Any]:
    """What templates may look up. Without a change there is no `change`."""
    assert cause.entity is not None
    type_, _, name = cause.entity.partition(":")
    facts: dict[str, Any] = {
        "entity": {"id": cause.entity, "type": type_, "name": name},
        "incident": {"id": incident.id, "title": incident.title, "severity": incident.severity.value},
    }
    if change is not None:
        facts["change"] = to_json(change)
    return facts

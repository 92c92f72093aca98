"""The act step: propose → Policy → actuator → verify → undo if worse. The only part that touches the outside world by
itself.

What protects: an effect is filled and checked before anyone sees it; Policy decides twice, when it is proposed and
again right before it runs; RUNNING is durable before the actuator is called, so that after a crash an action is marked
interrupted and never run twice; every run and every undo is a Change and an entry of the audit trail.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from triops.kernel.action import Action, ActionStatus, Effect
from triops.kernel.anomaly import Anomaly
from triops.kernel.change import Change
from triops.kernel.errors import Conflict, Invalid, NotFound, TriopsError
from triops.kernel.ids import ActionId, IncidentId, ProjectId
from triops.kernel.incident import Incident, Status
from triops.kernel.policy import Verdict
from triops.ledger.actions import Actions
from triops.ledger.anomalies import Anomalies
from triops.ledger.audit import Audit, AuditEntry
from triops.ledger.changes import Changes
from triops.ledger.documents import Documents
from triops.ledger.incidents import Incidents
from triops.loop import verifying
from triops.loop.bus import Bus
from triops.loop.events import IncidentMoved
from triops.loop.jobs import Projects
from triops.loop.judging import Judge, announced, decided
from triops.loop.learn import confirmed
from triops.loop.minutes import SELF, Minutes
from triops.loop.proposals import draft
from triops.loop.runbooks import runbook_of
from triops.ports.actuators import Actuator, Outcome
from triops.ports.clock import Clock

log = logging.getLogger(__name__)

_UNDECIDED = (ActionStatus.SUGGESTED, ActionStatus.WAITING)
_UNDER_WAY = (*_UNDECIDED, ActionStatus.DENIED, ActionStatus.RUNNING, ActionStatus.VERIFYING)
_AT_ONCE = 8  # actions that run at the same time; the rest waits for the next tick
_ASK_AGAIN_S = 10.0  # how often Policy is asked again about what it denied: a cool-down ends, an hour passes


@dataclass
class Act:
    """`tick` runs what is allowed, watches what ran, and tidies what is no longer needed."""

    actions: Actions
    incidents: Incidents
    anomalies: Anomalies
    documents: Documents
    changes: Changes
    audit: Audit
    actuators: Mapping[str, Actuator]
    clock: Clock
    bus: Bus
    projects: Projects
    _mine: set[ActionId] = field(default_factory=set)  # running in this process, now
    _locks: dict[ProjectId, asyncio.Lock] = field(default_factory=dict)
    _denied_at: dict[ActionId, float] = field(default_factory=dict)  # when Policy was last asked about a denied one

    def __post_init__(self) -> None:
        self._judge = Judge(self.documents, self.actions)
        self._minutes = Minutes(self.incidents, self.changes, self.audit, self.bus)

    # ---- propose

    async def propose(self, project: ProjectId, incident: Incident, now: float) -> None:
        """After a diagnosis: one action for each (incident, runbook, entity), kept in step with the first cause."""
        async with self._lock(project):
            runbooks = [runbook_of(d) for d in await self.documents.list(project, "Runbook")]
            known = await self._of(project, incident)
            if not runbooks and not known:
                return
            change = await self._blamed(project, incident)
            anomalies = await self.anomalies.get_many(project, incident.anomalies)
            drafts = draft(incident, change, anomalies, runbooks, self.actuators, now)
            wanted = {(a.runbook, a.entity): a for a in drafts.actions}
            for action in known:
                fresh = wanted.pop((action.runbook, action.entity), None)
                if fresh is None:
                    if action.status in (*_UNDECIDED, ActionStatus.DENIED) and action.decided_at is None:
                        await self._withdraw(project, action, "it no longer fits the most probable cause", now)
                else:
                    await self._renew(project, incident, action, fresh, now)
            for action in wanted.values():
                await self._add(project, incident, action, now)
            for text in drafts.refused:
                await self._minutes.note_once(project, incident.id, text, now)

    async def _add(self, project: ProjectId, incident: Incident, action: Action, now: float) -> None:
        decision, policy = await self._judge.decision(project, action, now)
        if decision.verdict is Verdict.OBSERVE:
            await self._minutes.note_once(
                project, incident.id, f"would propose “{action.title}” (policy {policy.name} observes)", now
            )
            return
        action = decided(action, decision, policy, now)
        await self.actions.add(project, action)

        def noted(i: Incident) -> Incident:
            return replace(i, actions=(*i.actions, action.id)).noted("action", announced(action), now)

        await self.incidents.update(project, incident.id, noted)
        self._minutes.moved(project, action, now)

    async def _renew(self, project: ProjectId, incident: Incident, action: Action, fresh: Action, now: float) -> None:
        """An action that waits follows the evidence: another change blamed, another effect, a limit that is over."""
        by_itself = action.status is ActionStatus.DISMISSED and action.decided_by == SELF
        open_ = action.status in (*_UNDECIDED, ActionStatus.DENIED) and action.decided_at is None
        if not (by_itself or open_):
            return
        same = (action.effect, action.undo, action.change) == (fresh.effect, fresh.undo, fresh.change)
        if same and action.status in _UNDECIDED:
            return
        fresh = replace(fresh, id=action.id, proposed_at=action.proposed_at)
        decision, policy = await self._judge.decision(project, fresh, now)
        if decision.verdict is Verdict.OBSERVE:
            return
        after = decided(fresh, decision, policy, now)
        if same and after.status is action.status:
            return

        def renewed(current: Action) -> Action:
            return after if current.status is action.status and current.decided_at == action.decided_at else current

        after = await self.actions.update(project, action.id, renewed)
        await self._minutes.note(project, incident.id, announced(after), now)
        self._minutes.moved(project, after, now)

    async def _withdraw(self, project: ProjectId, action: Action, why: str, now: float) -> None:
        def dismissed(current: Action) -> Action:
            if current.status not in (*_UNDECIDED, ActionStatus.DENIED) or current.decided_at is not None:
                return current
            reasons = (*current.reasons, why)
            return replace(
                current,
                status=ActionStatus.DISMISSED,
                decided_at=now,
                decided_by=SELF,
                reasons=reasons,
                finished_at=now,
            )

        after = await self.actions.update(project, action.id, dismissed)
        if after.status is ActionStatus.DISMISSED:
            await self._minutes.note(project, action.incident, f"“{action.title}” withdrawn: {why}", now)
            self._minutes.moved(project, after, now)

    # ---- people decide

    async def approve(self, project: ProjectId, id: ActionId, by: str, why: str = "") -> Action:
        """Let it run, within the limits that bind people too; the next tick runs it. Raises: NotFound, Conflict."""
        now = self.clock.now()
        async with self._lock(project):
            action = await self.actions.get(project, id)
            if action.status not in _UNDECIDED or action.decided_at is not None:
                raise Conflict(f"action {id} is {action.status}; only one that is suggested or waits can be approved")
            decision, _ = await self._judge.decision(project, action, now, approved_by=by)
            if decision.verdict is Verdict.DENY:
                raise Conflict("policy denies it: " + "; ".join(decision.reasons), reasons=list(decision.reasons))

            def approved(current: Action) -> Action:
                if current.status not in _UNDECIDED or current.decided_at is not None:
                    raise Conflict(f"action {id} is {current.status} meanwhile")
                reasons = (*current.reasons, f"approved by {by}" + (f": {why}" if why else ""))
                return replace(current, status=ActionStatus.WAITING, decided_at=now, decided_by=by, reasons=reasons)

            action = await self.actions.update(project, id, approved)
        await self.audit.append(project, AuditEntry(now, by, "action.approve", id, details={"why": why}))
        text = f"“{action.title}” approved" + (f": {why}" if why else "")
        await self._minutes.note(project, action.incident, text, now, author=by)
        self._minutes.moved(project, action, now)
        return action

    async def dismiss(self, project: ProjectId, id: ActionId, by: str, why: str) -> Action:
        """Do not run it. Raises: Invalid without a reason; NotFound, Conflict."""
        if not why.strip():
            raise Invalid("say why", field="why", expected="a reason that others can read")
        now = self.clock.now()

        def dismissed(current: Action) -> Action:
            if current.status not in (*_UNDECIDED, ActionStatus.DENIED):
                raise Conflict(f"action {id} is {current.status}; it cannot be dismissed")
            return replace(
                current,
                status=ActionStatus.DISMISSED,
                decided_at=now,
                decided_by=by,
                finished_at=now,
                reasons=(*current.reasons, f"dismissed by {by}: {why}"),
            )

        action = await self.actions.update(project, id, dismissed)
        await self.audit.append(project, AuditEntry(now, by, "action.dismiss", id, details={"why": why}))
        await self._minutes.note(project, action.incident, f"“{action.title}” dismissed: {why}", now, author=by)
        self._minutes.moved(project, action, now)
        return action

    # ---- run, verify, undo

    async def tick(self, now: float) -> None:
        for project in await self.projects():
            page = await self.actions.list(project, status=[str(s) for s in _UNDER_WAY], limit=1000)
            if len(self._denied_at) > len(page.items):
                self._denied_at = {a.id: self._denied_at[a.id] for a in page.items if a.id in self._denied_at}
            todo = []
            for action in reversed(page.items):  # oldest first
                if action.id in self._mine:
                    continue
                if action.status is ActionStatus.RUNNING:
                    await self._interrupted(project, action, now)
                elif action.status is ActionStatus.VERIFYING:
                    todo.append(self._verify(project, action))
                elif action.decided_at is not None and action.status is ActionStatus.WAITING:
                    todo.append(self._run(project, action))
                else:
                    await self._tidy(project, action, now)
            for at in range(0, len(todo), _AT_ONCE):
                for error in await asyncio.gather(*todo[at : at + _AT_ONCE], return_exceptions=True):
                    if isinstance(error, BaseException) and not isinstance(error, TriopsError):
                        log.error("an action's step failed", exc_info=error)

    async def _run(self, project: ProjectId, action: Action) -> None:
        now = self.clock.now()
        symptoms = await self._symptoms(project, action.incident)
        start = verifying.before(symptoms)
        if action.decided_by.startswith("policy ") and not start.open:
            await self._finish(project, action, ActionStatus.DISMISSED, "signals were normal again before it ran", now)
            return
        async with self._lock(project):
            by = "" if action.decided_by.startswith("policy ") else action.decided_by
            decision, _ = await self._judge.decision(project, action, now, approved_by=by)
            if decision.verdict is not Verdict.ALLOW:
                status = ActionStatus.DENIED if decision.verdict is Verdict.DENY else ActionStatus.WAITING
                later = replace(action, status=status, decided_at=None, decided_by="", reasons=decision.reasons)
                await self.actions.update(project, action.id, lambda a: later if a == action else a)
                await self._minutes.note(project, action.incident, announced(later), now)
                self._minutes.moved(project, later, now)
                return

            def running(current: Action) -> Action:
                if current.status is not ActionStatus.WAITING or current.decided_at is None:
                    raise Conflict(f"action {action.id} is {current.status} meanwhile")
                details = {**current.details, "before": start.to_details()}
                return replace(current, status=ActionStatus.RUNNING, started_at=now, details=details)

            action = await self.actions.update(project, action.id, running)  # durable before anything happens
            self._mine.add(action.id)
        self._minutes.moved(project, action, now)
        try:
            outcome = await self._effect(project, action.effect)
            now = self.clock.now()
            await self._minutes.ran(
                project, action, "action.run", f"Ran {action.runbook}: {action.title}", outcome, now
            )
            if not outcome.ok:
                await self._finish(project, action, ActionStatus.FAILED, outcome.text, now)
                return
            until = now + float(action.details.get("verify_s", 120.0))

            def verify(current: Action) -> Action:
                return replace(current, status=ActionStatus.VERIFYING, result=outcome.text, verify_until=until)

            action = await self.actions.update(project, action.id, verify)
            await self._minutes.note(project, action.incident, f"“{action.title}” done; watching whether it helps", now)
            self._minutes.moved(project, action, now)
        finally:
            self._mine.discard(action.id)

    async def _verify(self, project: ProjectId, action: Action) -> None:
        now = self.clock.now()
        if action.details.get("undo_started_at") is not None:
            await self._finish(project, action, ActionStatus.FAILED, "interrupted while it was being undone", now)
            return
        was = verifying.Before.from_details(action.details["before"])
        symptoms = await self._symptoms(project, action.incident)
        verdict, why = verifying.judge(was, symptoms, now, action.started_at or now, action.verify_until or now)
        if verdict is verifying.Verdict.RECOVERED:
            await self._recovered(project, action, now)
        elif verdict is verifying.Verdict.NO_HELP:
            await self._finish(project, action, ActionStatus.FAILED, f"it did not help: {why}", now)
        elif verdict is verifying.Verdict.WORSE and action.undo is None:
            await self._finish(project, action, ActionStatus.FAILED, f"{why}, and there is no undo", now)
        elif verdict is verifying.Verdict.WORSE and action.undo is not None:
            await self._undo(project, action, action.undo, why)

    async def _recovered(self, project: ProjectId, action: Action, now: float) -> None:
        took = now - (action.started_at or now)
        await self._finish(project, action, ActionStatus.SUCCEEDED, f"recovery verified after {took:.0f} s", now)
        how = f"“{action.title}” was followed by verified recovery"
        line = confirmed(action.entity, how, now)

        def better(incident: Incident) -> Incident:
            incident = replace(incident.appended(line), updated_at=now)
            if incident.status in (Status.OPEN, Status.ACKNOWLEDGED, Status.REOPENED):
                return incident.moved(Status.MITIGATED, now, why="recovery verified")
            return incident

        after = await self.incidents.update(project, action.incident, better)
        if after.timeline[-1].kind == "status":
            self.bus.publish(IncidentMoved(project, after.id, "mitigated", now))

    async def _undo(self, project: ProjectId, action: Action, undo: Effect, why: str) -> None:
        now = self.clock.now()

        def started(current: Action) -> Action:
            return replace(current, details={**current.details, "undo_started_at": now})

        action = await self.actions.update(project, action.id, started)  # durable before: an undo runs once, too
        self._mine.add(action.id)
        try:
            await self._minutes.note(project, action.incident, f"undoing “{action.title}”: {why}", now)
            outcome = await self._effect(project, undo)
            now = self.clock.now()
            await self._minutes.ran(
                project, action, "action.undo", f"Undid {action.runbook}: {action.title}", outcome, now
            )
            text = f"{why}; " + ("taken back" if outcome.ok else f"taking it back failed: {outcome.text}")
            await self._finish(project, action, ActionStatus.UNDONE if outcome.ok else ActionStatus.FAILED, text, now)
        finally:
            self._mine.discard(action.id)

    async def _interrupted(self, project: ProjectId, action: Action, now: float) -> None:
        """RUNNING, but not here: the process that ran it stopped. It may have done its work, so it is not run again."""
        text = "interrupted: the process stopped while it ran; whether it took effect is not known"
        await self._finish(project, action, ActionStatus.FAILED, text, now)
        await self.audit.append(project, AuditEntry(now, SELF, "action.run", action.id, "interrupted"))

    async def _tidy(self, project: ProjectId, action: Action, now: float) -> None:
        try:
            incident = await self.incidents.get(project, action.incident)
        except NotFound:
            await self._withdraw(project, action, "its incident is gone", now)
            return
        if not incident.active:
            await self._withdraw(project, action, "the incident is resolved", now)
        elif action.status is ActionStatus.DENIED and now - self._denied_at.get(action.id, 0.0) >= _ASK_AGAIN_S:
            self._denied_at[action.id] = now
            decision, policy = await self._judge.decision(project, action, now)
            if decision.verdict in (Verdict.ALLOW, Verdict.ASK, Verdict.SUGGEST):
                after = decided(action, decision, policy, now)
                await self.actions.update(project, action.id, lambda a: after if a == action else a)
                await self._minutes.note(project, action.incident, announced(after), now)
                self._minutes.moved(project, after, now)

    # ---- parts

    async def _effect(self, project: ProjectId, effect: Effect) -> Outcome:
        actuator = self.actuators.get(effect.actuator)
        if actuator is None:
            return Outcome(False, f"the actuator {effect.actuator} is not configured any more")
        try:
            actuator.check(effect.spec)
            return await actuator.run(project, effect.spec)
        except TriopsError as error:
            return Outcome(False, error.message)
        except Exception as error:  # a plugin's fault is an outcome like any other
            log.exception("actuator %s failed", effect.actuator)
            return Outcome(False, f"{type(error).__name__}: {error}")

    async def _finish(self, project: ProjectId, action: Action, status: ActionStatus, text: str, now: float) -> None:
        def finished(current: Action) -> Action:
            result = f"{current.result}\n{text}".strip() if current.result else text
            return replace(current, status=status, finished_at=now, result=result[-4096:])

        after = await self.actions.update(project, action.id, finished)
        await self._minutes.note(project, action.incident, f"“{action.title}” {status}: {text}", now)
        self._minutes.moved(project, after, now)

    async def _symptoms(self, project: ProjectId, incident: IncidentId) -> list[Anomaly]:
        try:
            found = await self.incidents.get(project, incident)
        except NotFound:
            return []
        return [a for a in await self.anomalies.get_many(project, found.anomalies) if a.symptom]

    async def _of(self, project: ProjectId, incident: Incident) -> Sequence[Action]:
        return (await self.actions.list(project, incident=incident.id, limit=1000)).items

    async def _blamed(self, project: ProjectId, incident: Incident) -> Change | None:
        change = incident.hypotheses[0].change if incident.hypotheses else None
        try:
            return await self.changes.get(project, change) if change else None
        except NotFound:
            return None

    def _lock(self, project: ProjectId) -> asyncio.Lock:
        """Proposing and starting are one at a time in a project, so that limits are counted right."""
        return self._locks.setdefault(project, asyncio.Lock())

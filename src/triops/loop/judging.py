"""What Policy says of an action: it is told what ran before, and its answer becomes the action's status."""

from dataclasses import dataclass, replace

from triops.kernel.action import Action, ActionStatus
from triops.kernel.ids import ProjectId
from triops.kernel.policy import Context, Decision, Policy, Proposal, Verdict, decide
from triops.ledger.actions import Actions
from triops.ledger.documents import Documents
from triops.loop.policies import policy_for, policy_of

_COUNTED_S = 8 * 86_400.0  # how far back runs are looked for, by when they were proposed; a cool-down is at most 7 days


@dataclass
class Judge:
    documents: Documents
    actions: Actions

    async def decision(
        self, project: ProjectId, action: Action, now: float, approved_by: str = ""
    ) -> tuple[Decision, Policy]:
        """What Policy says now, and which policy spoke."""
        policies = [policy_of(d) for d in await self.documents.list(project, "Policy")]
        policy = policy_for(policies, action.runbook, action.entity)
        page = await self.actions.list(project, since=now - _COUNTED_S, limit=1000)
        ran = [a for a in page.items if a.started_at is not None and a.id != action.id]
        mine = [a.started_at for a in ran if a.runbook == action.runbook and a.entity == action.entity]
        hour = [
            a
            for a in ran
            if now - (a.started_at or 0.0) < 3600.0 and policy_for(policies, a.runbook, a.entity) == policy
        ]
        proposal = Proposal(
            action.runbook,
            action.entity,
            float(action.details.get("probability", 0.0)),
            int(action.details.get("entities", 1)),
            action.undo is not None,
        )
        last = max((at for at in mine if at is not None), default=None)
        return decide(policy, proposal, Context(now, last, len(hour), approved_by)), policy


def decided(action: Action, decision: Decision, policy: Policy, now: float) -> Action:
    """With what Policy said; `allow` waits for the next tick, which runs it."""
    status = {
        Verdict.SUGGEST: ActionStatus.SUGGESTED,
        Verdict.ASK: ActionStatus.WAITING,
        Verdict.ALLOW: ActionStatus.WAITING,
        Verdict.DENY: ActionStatus.DENIED,
    }[decision.verdict]
    alone = decision.verdict is Verdict.ALLOW
    return replace(
        action,
        status=status,
        level=str(decision.level),
        decided_at=now if alone else None,
        decided_by=f"policy {policy.name}" if alone else "",
        reasons=decision.reasons,
        details={**action.details, "policy": policy.name},
    )


def announced(action: Action) -> str:
    what = {
        ActionStatus.SUGGESTED: "suggested",
        ActionStatus.WAITING: "runs by policy" if action.decided_at is not None else "waits for approval",
        ActionStatus.DENIED: "denied by policy",
    }.get(action.status, str(action.status))
    return f"“{action.title}” {what}: {'; '.join(action.reasons)}"

"""Pure rule: (proposal, context) -> allow, ask or deny, with reasons."""

import re
from dataclasses import dataclass
from enum import StrEnum

from triops.kernel.clock import DAY_S
from triops.kernel.errors import Invalid


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


_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


def frozen(window: str, now: float) -> bool:
    """Whether a time of day (UTC) lies in `HH:MM-HH:MM`, its start within and its end not; it may pass midnight,
    and with equal ends it is the whole day. Raises: Invalid."""
    match = _WINDOW.fullmatch(window)
    if not match:
        raise Invalid("not a daily window", field="freeze", got=window, expected="HH:MM-HH:MM in UTC")
    from_h, from_m, to_h, to_m = (int(part) for part in match.groups())
    start, end, at = from_h * 3600 + from_m * 60, to_h * 3600 + to_m * 60, now % DAY_S
    return start <= at < end if start < end else at >= start or at < end


def decide(policy: Policy, proposal: Proposal, context: Context) -> Decision:
    """What may happen now, and why.

    Cool-down, count and reach bind people too: an approval lifts only what asks for a person (the level, a freeze, a
    low probability, a missing undo). The verdict for an approved proposal is therefore `allow` or `deny`.
    """
    refusals = _refusals(policy, proposal, context)
    if policy.level is Level.OBSERVE and not context.approved_by:
        return Decision(Verdict.OBSERVE, policy.level, (f"policy {policy.name} only observes",))
    if refusals:
        return Decision(Verdict.DENY, policy.level, refusals)
    if context.approved_by:
        return Decision(Verdict.ALLOW, policy.level, (f"approved by {context.approved_by}",))
    if policy.level is Level.SUGGEST:
        return Decision(Verdict.SUGGEST, policy.level, (f"policy {policy.name} suggests",))
    doubts = _doubts(policy, proposal, context) if policy.level is Level.ACT else ()
    if policy.level is Level.ASK or doubts:
        return Decision(Verdict.ASK, Level.ASK, doubts or (f"policy {policy.name} asks",))
    return Decision(Verdict.ALLOW, policy.level, (f"policy {policy.name} allows it",))


def _refusals(policy: Policy, proposal: Proposal, context: Context) -> tuple[str, ...]:
    reasons = []
    if proposal.reach > policy.max_entities:
        reasons.append(f"it reaches {proposal.reach} entities; policy {policy.name} allows {policy.max_entities}")
    if context.last_run_at is not None and context.now - context.last_run_at < policy.cool_down_s:
        left = policy.cool_down_s - (context.now - context.last_run_at)
        reasons.append(
            f"it ran on this entity {context.now - context.last_run_at:.0f} s ago; cools down for {left:.0f} s"
        )
    if context.runs_last_hour >= policy.max_per_hour:
        reasons.append(
            f"{context.runs_last_hour} runs in the last hour; policy {policy.name} allows {policy.max_per_hour}"
        )
    return tuple(reasons)


def _doubts(policy: Policy, proposal: Proposal, context: Context) -> tuple[str, ...]:
    """Why a policy that acts asks all the same."""
    reasons = []
    if not proposal.undoable:
        reasons.append("there is no undo, so a person decides")
    if proposal.probability < policy.min_probability:
        reasons.append(
            f"the cause is {proposal.probability:.0%} probable; acting alone takes {policy.min_probability:.0%}"
        )
    reasons += [f"frozen daily {window} UTC" for window in policy.freeze if frozen(window, context.now)]
    return tuple(reasons)

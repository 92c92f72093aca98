"""Budgets as they stand: how much of each is spent, how much calls in progress have reserved, and when it will be used
up at the present rate. What breaches becomes an anomaly, once for each window.

A soft budget that is passed is evidence; a hard one that has refused a call is a symptom, since somebody was refused.
(It may refuse before it is used up: when the most that a call may cost has no room in it.)
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.ids import AnomalyId, ProjectId, entity_id, sortable_id
from triops.kernel.money import usd
from triops.ledger.calls.totals import Question, Totals
from triops.ledger.calls.windows import Spent, spent, window_of
from triops.ledger.documents import Documents
from triops.lenses.llmops.gateway.config import ProjectConfig, project_config
from triops.lenses.llmops.gateway.specs import EACH, BudgetSpec, Per
from triops.lenses.llmops.spend.applying import Applied
from triops.loop.jobs import Projects
from triops.ports.clock import Clock
from triops.ports.records import Records

_HOUR: Final = 3600
_REFUSING_S: Final = 3600.0
_EACH_USER: Final = 1000  # users shown of a budget that each has, those that spent most
_REFUSALS: Final = 10_000
_DETECTOR: Final = "budget"
_REFUSED: Final = re.compile(r" (a day|a month|in all) of (.{1,300}?)(?: \((.{1,300})\))? cannot pay")
_PERIODS: Final[Mapping[str, Per]] = {"a day": "day", "a month": "month", "in all": "total"}
_KINDS: Final = ("Key", "Budget", "Route", "Provider", "Price", "Guard")

Report = Callable[[ProjectId, Sequence[Anomaly], float], Awaitable[None]]
Reserved = Callable[[], Awaitable[Mapping[tuple[str, str, str, str], int]]]


@dataclass(frozen=True, slots=True)
class Standing:
    """One budget in its present window; amounts are pico-dollars. `ends` None: it never does."""

    spec: BudgetSpec
    name: str
    spent: int
    reserved: int
    start: int
    ends: int | None
    exhausted_at: float | None

    @property
    def left(self) -> int:
        return max(0, self.spec.amount - self.spent - self.reserved)


@dataclass
class Budgets:
    """`reserved`: of calls in progress, by (project, scope, name, period), as the gateway says; nothing when it does
    not answer. `report`: the path that anomalies take; `opened`: those that
    have not ended, which an earlier run may have left."""

    records: Records
    documents: Documents
    totals: Totals
    clock: Clock
    reserved: Reserved
    report: Report
    projects: Projects
    opened: Callable[[ProjectId], Awaitable[Sequence[Anomaly]]]
    _configs: dict[ProjectId, tuple[int, ProjectConfig]] = field(default_factory=dict)
    _refused: dict[tuple[ProjectId, str, str, str, int], tuple[int, float]] = field(default_factory=dict)  # count, last
    _open: dict[str, tuple[ProjectId, Anomaly]] | None = None

    async def config(self, project: ProjectId) -> ProjectConfig:
        """The project's documents, parsed; credentials and prompts are not in it."""
        version = self.documents.version(project)
        known = self._configs.get(project)
        if known is None or known[0] != version:
            plain = [
                {"kind": d.kind, "name": d.name, "spec": d.spec, "revision": d.revision, "updated_at": d.updated_at}
                for d in await self.documents.list(project)
                if d.kind in _KINDS
            ]
            known = self._configs[project] = version, project_config(project, {"documents": plain})
        return known[1]

    async def standing(self, project: ProjectId) -> Sequence[Standing]:
        """Every budget, the most used first."""
        config, now = await self.config(project), self.clock.now()
        budgets = [one for some in config.budgets.values() for one in some]
        if not budgets:
            return []
        windows = {(str(b.scope), str(b.per)) for b in budgets}
        used = {
            (one.scope, one.name, one.period): one
            for one in await self.records.read(lambda c: spent(c, project, windows, now))
        }
        held = await self.reserved()
        rates: dict[str, Mapping[str, int]] = {}
        for scope in {scope for scope, _ in windows}:
            rates[scope] = await self._rates(project, scope, now)
        found = [
            self._stand(project, budget, name, used, held, rates, now)
            for budget in budgets
            for name in self._names(budget, used)
        ]
        return sorted(found, key=lambda one: (-(one.spent * 10**6 // max(one.spec.amount, 1)), one.name))

    def _names(self, budget: BudgetSpec, used: Mapping[tuple[str, str, str], Spent]) -> Sequence[str]:
        if budget.name != EACH:
            return [budget.name]
        named = [one for one in used.values() if one.scope == budget.scope and one.period == budget.per]
        named.sort(key=lambda one: -one.pico)
        return [one.name for one in named[:_EACH_USER]]

    def _stand(
        self,
        project: ProjectId,
        budget: BudgetSpec,
        name: str,
        used: Mapping[tuple[str, str, str], Spent],
        held: Mapping[tuple[str, str, str, str], int],
        rates: Mapping[str, Mapping[str, int]],
        now: float,
    ) -> Standing:
        start, ends = window_of(budget.per, now)
        one = used.get((budget.scope, name, budget.per))
        amount = one.pico if one else 0
        reserved = held.get((project, budget.scope, name, budget.per), 0)
        rate = rates[budget.scope].get(name, 0)  # of an hour
        left, at = budget.amount - amount, None
        if left <= 0:
            at = now
        elif rate:
            then = now + left * _HOUR / rate
            at = then if ends is None or then < ends else None
        return Standing(budget, name, amount, reserved, start, ends, at)

    async def _rates(self, project: ProjectId, scope: str, now: float) -> Mapping[str, int]:
        """Pico-dollars an hour, of this hour and the one before."""
        by = () if scope == "project" else (scope,)
        since = (int(now) // _HOUR - 1) * _HOUR
        found = await self.totals.sums(Question(project, since * 1000, (since + 2 * _HOUR) * 1000, by))
        took = max(int(now) - since, 1)
        return {str(one.by[scope]) if by else "": one.cost * _HOUR // took for one in found}

    async def applied(self, applied: Applied, now: float) -> None:
        """Notes which budgets refused calls: the gateway's message names the period, the document and, of a budget that
        each user has, the user."""
        for project, calls in applied.calls.items():
            for call in calls:
                if call.outcome.get("error") != "budget_exceeded":
                    continue
                said = _REFUSED.search(call.outcome.get("message") or "")
                if said is None:
                    continue
                per = _PERIODS[said[1]]
                at = (project, said[2], said[3] or "", per, window_of(per, call.intent["at_ns"] / 1e9)[0])
                if at in self._refused or len(self._refused) < _REFUSALS:
                    self._refused[at] = self._refused.get(at, (0, 0.0))[0] + 1, now

    async def check(self, now: float) -> None:
        """Budgets that are passed become anomalies until their window ends; those that refuse, until nobody was refused
        for an hour."""
        going: dict[str, tuple[ProjectId, Anomaly]] = {}
        projects = await self.projects()
        if self._open is None:
            left = [(p, claim) for p in projects for claim in await self.opened(p) if claim.detector == _DETECTOR]
            self._open = {f"{p}|{claim.key}": (p, claim) for p, claim in left}
        for project in projects:
            for one in await self.standing(project):
                for claim in self._claims(project, one, now):
                    going[f"{project}|{claim.key}"] = project, claim
        ended = {key: (project, _ended(claim, now)) for key, (project, claim) in self._open.items() if key not in going}
        by_project: dict[ProjectId, list[Anomaly]] = {}
        for project, claim in (*going.values(), *ended.values()):
            by_project.setdefault(project, []).append(claim)
        for project, claims in by_project.items():
            await self.report(project, claims, now)
        self._open = going
        starts = {window_of(per, now)[0] for per in ("day", "month", "total")}
        self._refused = {at: told for at, told in self._refused.items() if at[4] in starts}

    def _claims(self, project: ProjectId, one: Standing, now: float) -> list[Anomaly]:
        spec = one.spec
        user = one.name if spec.name == EACH else ""
        refused, last = self._refused.get((project, spec.source, user, spec.per, one.start), (0, 0.0))
        who = f"{spec.scope} {one.name or project}"
        each = "" if spec.per == "total" else f" of this {spec.per}"
        title = f"{who}: ${usd(one.spent)} of the ${usd(spec.amount)}{each} spent"
        window = f"{spec.source or who} {spec.per} {one.start}"
        claims = []
        if one.spent >= spec.amount:
            claims.append(_claim(project, one, window, title, Severity.WARNING, now))
        if refused and now - last < _REFUSING_S:
            title += f", {refused} {'call' if refused == 1 else 'calls'} refused"
            claims.append(_claim(project, one, f"{window} refuses", title, Severity.CRITICAL, now))
        return claims


def _claim(project: ProjectId, one: Standing, signal: str, title: str, severity: Severity, now: float) -> Anomaly:
    """A critical one is a symptom: callers are refused. What was spent is no measure with a usual value."""
    critical = severity is Severity.CRITICAL
    return Anomaly(
        AnomalyId(sortable_id("anm", now)),
        entity_id(one.spec.scope, one.name or project),
        _DETECTOR,
        "budget",
        signal,
        Direction.UP,
        10.0 if critical else 6.0,
        severity,
        critical,
        now,
        now,
        now,
        title=title,
        evidence={
            "budget": one.spec.source,
            "spent_usd": usd(one.spent),
            "amount_usd": usd(one.spec.amount),
        },
    )


def _ended(claim: Anomaly, now: float) -> Anomaly:
    return replace(claim, last_seen=now, ended_at=now)


def shown(one: Standing) -> dict[str, Any]:
    """As APIs return it."""
    return {
        "scope": one.spec.scope,
        "name": one.name,
        "per": one.spec.per,
        "hard": one.spec.hard,
        "document": one.spec.source,
        "amount_usd": usd(one.spec.amount),
        "spent_usd": usd(one.spent),
        "reserved_usd": usd(one.reserved),
        "left_usd": usd(one.left),
        "share": one.spent / one.spec.amount if one.spec.amount else 1.0,
        "ends_at": one.ends,
        "exhausted_at": one.exhausted_at,
    }

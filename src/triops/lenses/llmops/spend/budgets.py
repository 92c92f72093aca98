"""Budgets as they stand: how much of each is spent, how much calls in progress have reserved, and when it will be used
up at the present rate. What breaches becomes an anomaly, once for each window.

A soft budget that is passed is evidence; a hard one that has refused a call is a symptom, since somebody was refused.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.ids import AnomalyId, ProjectId, entity_id, sortable_id
from triops.kernel.money import PICO, usd
from triops.ledger.calls.totals import Question, Totals
from triops.ledger.calls.windows import Spent, spent, window_of
from triops.ledger.documents import Documents
from triops.lenses.llmops.gateway.config import ProjectConfig, project_config
from triops.lenses.llmops.gateway.specs import EACH, BudgetSpec
from triops.lenses.llmops.spend.applying import Applied
from triops.loop.jobs import Projects
from triops.ports.clock import Clock
from triops.ports.records import Records

_HOUR: Final = 3600
_EACH_USER: Final = 1000  # users shown of a budget that each has, those that spent most
_REFUSALS: Final = 10_000
_DETECTOR: Final = "budget"
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
    _refused: dict[tuple[ProjectId, str, str, str, int], int] = field(default_factory=dict)
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
        """Notes which budgets' keys, teams, … were refused for want of budget."""
        for project, calls in applied.calls.items():
            for call in calls:
                if call.outcome.get("error") != "budget_exceeded":
                    continue
                for scope in ("key", "application", "team", "user", "route", "project"):
                    name = "" if scope == "project" else str(call.intent.get(scope) or "")
                    for per in ("day", "month", "total"):
                        at = (project, scope, name, per, window_of(per, call.intent["at_ns"] / 1e9)[0])
                        if at in self._refused or len(self._refused) < _REFUSALS:
                            self._refused[at] = self._refused.get(at, 0) + 1

    async def check(self, now: float) -> None:
        """Budgets that are passed, and those that refuse, become anomalies; with their window they end."""
        going: dict[str, tuple[ProjectId, Anomaly]] = {}
        projects = await self.projects()
        if self._open is None:
            left = [(p, claim) for p in projects for claim in await self.opened(p) if claim.detector == _DETECTOR]
            self._open = {f"{p}|{claim.key}": (p, claim) for p, claim in left}
        for project in projects:
            for one in await self.standing(project):
                claim = self._claim(project, one, now)
                if claim is not None:
                    going[f"{project}|{claim.key}"] = project, claim
        ended = {key: (project, _ended(claim, now)) for key, (project, claim) in self._open.items() if key not in going}
        by_project: dict[ProjectId, list[Anomaly]] = {}
        for project, claim in (*going.values(), *ended.values()):
            by_project.setdefault(project, []).append(claim)
        for project, claims in by_project.items():
            await self.report(project, claims, now)
        self._open = going
        starts = {window_of(per, now)[0] for per in ("day", "month", "total")}
        self._refused = {at: count for at, count in self._refused.items() if at[4] in starts}

    def _claim(self, project: ProjectId, one: Standing, now: float) -> Anomaly | None:
        spec = one.spec
        refused = self._refused.get((project, spec.scope, one.name, spec.per, one.start), 0) if spec.hard else 0
        # a call is refused when the most that it may cost has no room: a hard budget may refuse before it is used up
        stops = refused > 0 and (one.spent + one.reserved) * 2 >= spec.amount
        if not stops and one.spent < spec.amount:
            return None
        who = f"{spec.scope} {one.name}".strip()
        told = f"{usd(one.spent)} of {usd(spec.amount)} USD"
        each = "" if spec.per == "total" else f" this {spec.per}"
        title = f"Budget of {who}: {told} spent{each}" + (f"; {refused} calls refused" if stops else "")
        at = sortable_id("anm", now)
        return Anomaly(
            AnomalyId(at),
            entity_id(spec.scope, one.name or project),
            _DETECTOR,
            "budget",
            f"{spec.source or who} {spec.per} {one.start}",
            Direction.UP,
            10.0 if stops else 6.0,
            Severity.CRITICAL if stops else Severity.WARNING,
            stops,
            now,
            now,
            now,
            value=one.spent / PICO,
            expected=spec.amount / PICO,
            unit="USD",
            title=title,
            evidence={"budget": spec.source, "refused": refused},
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

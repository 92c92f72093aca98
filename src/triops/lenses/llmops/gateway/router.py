"""In which order the ways of a route are tried, by what is known of each: breaker, latency, calls in flight, price."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

from triops.kernel.clock import NS
from triops.kernel.errors import NotFound, ProviderFailed, TriopsError
from triops.lenses.llmops.gateway.breaker import Breaker
from triops.lenses.llmops.gateway.config import ProjectConfig
from triops.lenses.llmops.gateway.retries import RetryBudget, backoff_s
from triops.lenses.llmops.gateway.specs import LOCAL, BreakerSpec, ProviderSpec, RouteSpec, Weighted
from triops.ports.providers import RETRYABLE
from triops.ports.upstream import Timeouts

_WAYS = 10_000  # (project, provider, model) that are remembered; the one unused longest goes
_ROUTES = 10_000
_WEIGHT = 0.2  # of the newest call in the moving average
_MOMENT_S = 0.01  # by which a call may last longer than it has time
_HALF_S = 60.0  # what was learned of a way's latency counts half after this, so that slow ones are tried again
_INPUT_PER_OUTPUT = 3  # how prices of input and output are weighed against each other
ELSEWHERE = frozenset({"auth", "not_found"})  # of no use to ask the same again; another may answer


def next_may_answer(fault: str) -> bool:
    """Whether a call that ended with this fault (`ports.providers.Fault.kind`) may be tried on: `next` of the plan."""
    return fault in RETRYABLE or fault in ELSEWHERE


class Way:
    """What is known of one model of one provider in one project."""

    __slots__ = ("breaker", "errors", "in_flight", "latency_ms", "learned_at", "requests")

    def __init__(self, spec: BreakerSpec) -> None:
        self.breaker = Breaker(spec)
        self.in_flight = 0
        self.latency_ms = 0.0
        self.learned_at = 0.0
        self.requests = 0
        self.errors = 0

    def expected_ms(self, now: float) -> float:
        age = max(0.0, now - self.learned_at)
        return float(self.latency_ms * 0.5 ** (age / _HALF_S))


class Pick:
    """Whom to ask now. `retry`: the same was asked before in this call; then wait `wait_s` first. `alone`: nobody else
    could be asked."""

    __slots__ = (
        "alone",
        "canary",
        "fallback",
        "model",
        "open",
        "probe",
        "provider",
        "retry",
        "same",
        "timeouts",
        "wait_s",
        "way",
        "whole",
    )

    def __init__(self, target: Weighted, provider: ProviderSpec, way: Way, *, fallback: bool, canary: bool) -> None:
        self.provider = provider
        self.model = target.model
        self.timeouts = target.timeouts
        self.whole = target.whole
        self.alone = False
        self.fallback = fallback
        self.canary = canary
        self.retry = False
        self.wait_s = 0.0
        self.way = way
        self.probe = False
        self.open = False  # started and not ended
        self.same = True  # asking the same again may help

    def timeouts_within(self, left_s: float, stream: bool) -> Timeouts:
        """The attempt's, within what is left of the whole call's. A whole answer begins when it is complete: until then
        it has the total."""
        own = self.timeouts if stream else self.whole
        if own.total - left_s < _MOMENT_S:
            return own
        return Timeouts(own.connect, min(own.first, left_s), own.between, left_s)


class Router:
    """One for all projects. A plan is read by `next`: the first candidate, and after a failure the next; it ends when
    there is nobody left to ask. `started` and `ended` (or `abandoned`) are called once for each attempt."""

    def __init__(self) -> None:
        self._ways: OrderedDict[tuple[str, str, str], Way] = OrderedDict()
        self._retries: OrderedDict[tuple[str, str], RetryBudget] = OrderedDict()

    def plan(self, project: ProjectConfig, route: RouteSpec, rng: Random, now: Callable[[], float]) -> Iterator[Pick]:
        """Targets as the route chooses (a canary's share first), each at most once while others are left, then again
        within `retries` and the retry budget; then the fallbacks in order. Open breakers are passed over."""
        retries = self._retry_budget(project.project, route)
        retries.called()
        asked: set[tuple[str, str]] = set()
        canary = route.canary
        if canary is not None and rng.random() < canary.share:
            pick = self._pick(project, canary.target, now(), canary=True)
            if pick is not None:
                asked.add((canary.target.provider, canary.target.model))
                yield pick
        targets = [target for target in route.targets if target.weight]
        alone = len(targets) == 1 and canary is None and not route.fallbacks
        last: Pick | None = None
        for attempt in range(route.retries + 1):
            at = now()
            left = [one for one in targets if (one.provider, one.model) not in asked] if asked else targets
            pick = self._best(project, route, left, rng, at)
            if pick is None:
                if last is None or not last.same or not retries.take():
                    break
                pick = self._best(project, route, targets, rng, at)
                if pick is None:
                    break
                pick.retry, pick.wait_s = True, backoff_s(attempt, rng)
            asked.add((pick.provider.name, pick.model))
            pick.alone, last = alone, pick
            yield pick
        for target in route.fallbacks:
            if (target.provider, target.model) in asked:
                continue
            pick = self._pick(project, target, now(), fallback=True)
            if pick is not None:
                asked.add((target.provider, target.model))
                yield pick

    def started(self, pick: Pick, now: float) -> None:
        way = pick.way
        way.in_flight += 1
        way.requests += 1
        pick.open = True
        pick.probe = way.breaker.started(now)

    def ended(self, pick: Pick, now: float, ms: float, fault: str = "") -> None:
        """`ms`: to the first token of a stream, to the end of a whole answer. `fault`: its kind, "" where there was an
        answer. One that is not retryable (a key that is refused, a request that is wrong) is no failure of the
        provider, and the same is not asked again. A limit of one whom nobody could stand in for says nothing either:
        each caller hears of it from the provider, with the time to come back."""
        if not pick.open:
            return
        pick.open = False
        way = pick.way
        way.in_flight -= 1
        pick.same = fault in RETRYABLE
        way.errors += bool(fault)
        if pick.alone and fault == "rate_limited":
            way.breaker.abandoned(pick.probe)
        else:
            way.breaker.ended(now, pick.same, pick.probe)
        if not fault:
            known = way.expected_ms(now) if way.learned_at else ms
            way.latency_ms = known + _WEIGHT * (ms - known)
            way.learned_at = now

    def abandoned(self, pick: Pick) -> None:
        """The caller went away: nothing is known of the provider."""
        if pick.open:
            pick.open = False
            pick.way.in_flight -= 1
            pick.way.breaker.abandoned(pick.probe)

    def nobody(self, project: ProjectConfig, route: RouteSpec, now: float) -> TriopsError:
        """Why a plan had no first candidate."""
        ways = [*route.targets, *route.fallbacks]
        there = [way for way in ways if _there(project, way) is not None]
        if not there:
            names = ", ".join(sorted({way.provider for way in ways}))
            return NotFound(f"the route {route.name} needs a provider that is not there: {names}; apply its document")
        waits = [self._way(project.project, way, now).breaker.opens_until - now for way in there]
        what = f"model of the route {route.name}" if route.name else f"call of {there[0].provider}/{there[0].model}"
        return ProviderFailed(
            f"every {what} failed just now, and is left alone for a while",
            fault="overloaded",
            status=503,
            retry_after_s=max(1.0, min(waits)),
        )

    def state(self, project: str) -> list[Mapping[str, Any]]:
        """Every model that was asked for lately, for pages."""
        return [
            {
                "provider": provider,
                "model": model,
                "state": way.breaker.state,
                "failures": way.breaker.failures,
                "opens_until": way.breaker.opens_until if way.breaker.state != "closed" else None,
                "in_flight": way.in_flight,
                "requests": way.requests,
                "errors": way.errors,
                "latency_ms": round(way.latency_ms, 3),
            }
            for (owner, provider, model), way in self._ways.items()
            if owner == project
        ]

    def _best(
        self, project: ProjectConfig, route: RouteSpec, targets: Sequence[Weighted], rng: Random, now: float
    ) -> Pick | None:
        if len(targets) == 1:
            return self._pick(project, targets[0], now)
        picks = [pick for one in targets if (pick := self._pick(project, one, now)) is not None]
        if len(picks) < 2:
            return picks[0] if picks else None
        if route.choose == "latency":
            one, other = rng.sample(picks, 2)  # the better of two at random: no herd on the momentarily best
            return min(one, other, key=lambda pick: pick.way.expected_ms(now))
        if route.choose == "least_busy":
            weights = {(one.provider, one.model): one.weight for one in targets}
            rng.shuffle(picks)
            return min(picks, key=lambda p: p.way.in_flight / weights[p.provider.name, p.model])
        if route.choose == "cost":
            rng.shuffle(picks)
            return min(picks, key=lambda pick: _price(project, pick, now))
        weights = {(one.provider, one.model): one.weight for one in targets}
        return rng.choices(picks, [weights[pick.provider.name, pick.model] for pick in picks])[0]

    def _pick(
        self, project: ProjectConfig, target: Weighted, now: float, *, fallback: bool = False, canary: bool = False
    ) -> Pick | None:
        provider = _there(project, target)
        if provider is None:
            return None
        way = self._way(project.project, target, now)
        if way.breaker.state != "closed" and not way.breaker.allows(now):
            return None
        return Pick(target, provider, way, fallback=fallback, canary=canary)

    def _way(self, project: str, target: Weighted, now: float) -> Way:
        at = (project, target.provider, target.model)
        way = self._ways.get(at)
        if way is None:
            way = self._ways[at] = Way(target.spec.breaker if target.spec else BreakerSpec())
            if len(self._ways) > _WAYS:
                self._ways.popitem(last=False)
        else:
            self._ways.move_to_end(at)
            if target.spec is not None:
                way.breaker.spec = target.spec.breaker
        return way

    def _retry_budget(self, project: str, route: RouteSpec) -> RetryBudget:
        at = (project, route.name)
        budget = self._retries.get(at)
        if budget is None:
            budget = self._retries[at] = RetryBudget()
            if len(self._retries) > _ROUTES:
                self._retries.popitem(last=False)
        budget.share = route.retry_budget
        return budget


def _there(project: ProjectConfig, target: Weighted) -> ProviderSpec | None:
    spec = target.spec
    if spec is None or (spec.dialect == LOCAL and not spec.host.name and not project.local):
        return None
    return spec


def _price(project: ProjectConfig, pick: Pick, now: float) -> float:
    price = project.prices.find(pick.provider.name, pick.model, int(now) * NS)
    return float("inf") if price is None else price.input * _INPUT_PER_OUTPUT + price.output

"""Every call's way through the gateway: who, what it may cost, whom to ask, what is recorded, what the caller gets.

One `Gateway` a process. Nothing here waits but for the provider and for a caller who reads slowly.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from triops.kernel.call import NOTHING, Attempt, Intent, Outcome, Progress
from triops.kernel.completion import Ask, Reply, Usage
from triops.kernel.errors import GuardBlocked, Overloaded, ProviderFailed, TriopsError, Unavailable
from triops.lenses.llmops.gateway.asking import Asker
from triops.lenses.llmops.gateway.cache import Entry
from triops.lenses.llmops.gateway.callers import find, recorded
from triops.lenses.llmops.gateway.checking import Checking, kept, looked_up
from triops.lenses.llmops.gateway.config import Config, ProjectConfig
from triops.lenses.llmops.gateway.doing import Doing
from triops.lenses.llmops.gateway.estimate import size_of
from triops.lenses.llmops.gateway.offers import Offers
from triops.lenses.llmops.gateway.pages import LOCAL, of_page
from triops.lenses.llmops.gateway.parts import Parts
from triops.lenses.llmops.gateway.prices import Cost, Price
from triops.lenses.llmops.gateway.recovery import settle_killed
from triops.lenses.llmops.gateway.routing import resolve, served, unlisted
from triops.lenses.llmops.gateway.said import Heard, deltas_of
from triops.lenses.llmops.gateway.specs import Caller, RouteSpec
from triops.lenses.llmops.gateway.taker import Taker, Told
from triops.lenses.llmops.gateway.tickets import Most
from triops.lenses.llmops.redaction.rule import Rule
from triops.ports.journal import JournalReader
from triops.ports.providers import Event

log = logging.getLogger(__name__)
_GONE = 499  # the status of a call whose caller left, as nginx writes it
_CALLS = 10_000
_NAME = 200
_NOTHING = Most(0, 0, Price("", "", "", 0, 0, 0, 0))  # what an answer from the cache may cost
Check = Callable[[Mapping[str, str]], None]


class Gateway:
    """`local`: refuses what a caller without a key may not send (a page of another site, a proxy); Raises: Forbidden.
    `default_record`: what is recorded where neither route nor key says."""

    def __init__(self, parts: Parts, config: Config, local: Check) -> None:
        self._parts = parts
        self._config = config
        self._local = local
        self._checking = Checking(config)
        self._asker = Asker(parts)
        self._offers = Offers(parts)
        self._doing: dict[str, Doing] = {}
        self._configured(config)

    def configure(self, config: Config) -> None:
        """What calls that begin from now on stand on."""
        for name, project in config.projects.items():
            before = self._config.project(name)
            if before is not None and before.guards != project.guards:
                self._parts.cache.purge(name)  # what was kept passed other guards
        self._config = config
        self._checking = Checking(config)
        self._configured(config)
        self._parts.admission.restore(config.spent, self._parts.now())  # of budgets that are new

    def _configured(self, config: Config) -> None:
        self._calls = int(config.limits.get("calls", _CALLS))
        self._record = config.record.get("default", "full")
        self._parts.recorder.most = int(config.record.get("bytes", self._parts.recorder.most))

    async def answer(self, ask: Ask, headers: Mapping[str, str], taker: Taker) -> None:
        parts, config = self._parts, self._config
        started_ns = parts.now_ns()
        try:
            if len(self._doing) >= self._calls:
                raise Overloaded(f"{self._calls} calls are in progress, which is all that the gateway takes")
            caller = self._caller(headers, started_ns / 1e9)
            project = config.project(caller.project)
            if project is None:
                raise Unavailable(f"the project {caller.project} is not known here yet")
        except TriopsError as error:  # nobody's call: nothing to record
            parts.counts.refused[error.kind] += 1
            taker.refuse(error, Told(""))
            taker.finish()
            return
        spec = caller.spec
        record = recorded(spec.record if spec else "", default=self._record)
        call = Doing(ask, headers, taker, caller, record, started_ns)
        if user := caller.user or headers.get("x-triops-user", "")[:_NAME]:
            call.user = user
        call.redaction = project.redaction
        call.task = asyncio.current_task()
        self._doing[call.id] = call
        taker.on_gone = partial(self._left, call)
        if taker.gone:
            self._left(call)
        try:
            await self._answered(call, project, headers)
        except asyncio.CancelledError:
            if call.redaction is not None:
                await self._cut_short(call, call.redaction)
            self._cancelled(call)
            if not call.given_up:
                raise
            if call.task is not None:
                call.task.uncancel()
        except TriopsError as error:
            if call.redaction is not None:
                await self._cut_short(call, call.redaction)
            self._refused(call, error)
        except Exception:
            log.exception("call %s failed", call.id)
            self._refused(call, Unavailable("the gateway could not answer; its log says why"))
        finally:
            taker.on_gone = None
            self._ended(call)

    async def served(self, headers: Mapping[str, str], dialect: str) -> Sequence[tuple[str, str, int]]:
        """What the caller may ask for, as (name, provider, unix seconds). Raises: Unauthenticated, Forbidden."""
        caller = self._caller(headers, self._parts.now())
        project = self._config.project(caller.project)
        if project is None or not dialect:
            return []
        offers = await self._offers.of(project.project, unlisted(project, caller, dialect, headers))
        return list(served(project, caller, offers))

    def admit(self, headers: Mapping[str, str]) -> None:
        """Raises: Unauthenticated, Forbidden."""
        self._caller(headers, self._parts.now())

    def _caller(self, headers: Mapping[str, str], now: float) -> Caller:
        caller = of_page(self._config, headers, now) or find(
            self._config, headers.get("authorization", ""), headers.get("x-api-key", ""), now
        )
        if not caller.key or caller is LOCAL:
            self._local(headers)
        return caller

    # What a call goes through

    async def _answered(self, call: Doing, project: ProjectConfig, headers: Mapping[str, str]) -> None:
        parts, checking = self._parts, self._checking
        if call.ask.prompt is not None:
            call.ask = checking.filled(call, project, call.ask.prompt)
        ask = call.ask
        call.route = route = resolve(project, call.caller, ask.model, ask.dialect)
        if route.record:
            call.record = recorded(route.record, call.record)  # type: ignore[arg-type]
        if route.guards:
            await checking.guarded(call, project, route)
        call.size = size_of(call.ask, call.content)
        call.expected = parts.estimators.of(project.project).input_tokens(call.ask, call.size, call.ask.model)
        parts.recorder.heard(call)
        if call.redaction is not None:
            await parts.recorder.redact_heard(call, call.redaction)
        entry = None if route.cache is None else looked_up(parts.cache, call, route, headers, parts.now())
        if entry is not None:
            self._from_cache(call, project, route, entry)
        elif ask.operation == "count" and not self._counts(project, route, ask):
            call.answer = Reply("", ask.model, (), Usage(input=call.expected))
        else:
            await self._asker.run(call, project, route)
            await checking.answered(call)
            if call.key is not None:
                kept(parts.cache, call, route, parts.now())
        if call.redaction is not None:
            await parts.recorder.redact_answered(call, call.redaction)
        self._close(call, _GONE if call.disconnected else 200, "disconnected" if call.disconnected else "")
        call.taker.finish()

    def _counts(self, project: ProjectConfig, route: RouteSpec, ask: Ask) -> bool:
        """Whether the route's first provider counts tokens itself."""
        spec = route.targets[0].spec if route.targets else None
        return spec is not None and ask.dialect in self._parts.speaks(spec).native

    def _from_cache(self, call: Doing, project: ProjectConfig, route: RouteSpec, entry: Entry) -> None:
        parts = self._parts
        call.ticket = parts.admission.admit(call.caller, project, route, call.user, _NOTHING, parts.now())
        call.told.left = call.ticket.left
        call.saved = entry.cost
        call.told.provider, call.told.model, call.told.cost = entry.provider, entry.model, 0
        if call.ask.stream and isinstance(entry.answer, Reply):
            call.begun = True
            call.heard = Heard(parts.recorder.most)
            deltas = deltas_of(entry.answer)
            call.heard.hear(deltas)
            call.taker.begin(call.told)
            call.taker.end([Event(b"", tuple(deltas))], False)
        else:
            call.answer = entry.answer
            call.raw = entry.body if entry.body and entry.dialect == call.ask.dialect else None

    async def _cut_short(self, call: Doing, rule: Rule) -> None:
        """What may be recorded of an answer that has no end. Cancelled meanwhile, it is none of it: the call ends."""
        try:
            await self._parts.recorder.redact_answered(call, rule)
        except asyncio.CancelledError:
            if call.task is not None:
                call.task.uncancel()
                if not call.given_up:
                    call.task.cancel()  # at the next wait: the record comes first

    # How a call ends: once, by one of these

    def _close(self, call: Doing, status: int, error: str = "", message: str = "") -> None:
        """Record what came of it. Raises: StoreFull, Unavailable when it cannot be recorded."""
        call.ended_ns, call.error = self._parts.now_ns(), error
        cost: int | None = None
        for attempt in call.attempts:
            if attempt.cost is not None:
                cost = attempt.cost if cost is None else cost + attempt.cost
        if cost is not None:
            call.told.cost = cost
        if not call.intents:
            self._parts.recorder.intend(call, "", "", call.started_ns)
        if call.answer is not None and not error:
            call.taker.whole(call.answer, call.raw, call.told)
        self._parts.recorder.outcome(call, call.ended_ns, status, error, message)

    def _ended(self, call: Doing) -> None:
        """What nobody waits for: it is done when the caller has his answer, before anyone else is heard."""
        if call.timer is not None:
            call.timer.cancel()
        self._doing.pop(call.id, None)
        ended_ns = call.ended_ns or self._parts.now_ns()
        ticket = call.ticket
        if ticket is not None:
            if call.attempts or call.cache == "hit":
                used = cost = 0
                for attempt in call.attempts:
                    used += attempt.usage.input + attempt.usage.output
                    cost += attempt.cost or 0
                ticket.settle(used, cost, ended_ns / 1e9)
            else:
                ticket.release()
        self._asker.ended(call)
        route = call.route.name if call.route else ""
        self._parts.counts.ended(call.caller.project, route, call.started_ns, ended_ns, call.first_ns, call.error)

    def _refused(self, call: Doing, error: TriopsError) -> None:
        if call.disconnected:
            self._unheard(call, "disconnected", "the caller left")
            return
        if isinstance(error, GuardBlocked):
            call.input = "" if not call.intents else call.input
            call.answer = call.raw = None
        kind = error.fault if isinstance(error, ProviderFailed) else error.kind
        self._parts.counts.refused[kind] += 1
        if call.told.left is None:
            call.told.left = self._parts.admission.left(call.caller, self._parts.now())
        status = call.taker.refuse(error, call.told)
        try:
            self._close(call, status, kind, error.message)
        except TriopsError as full:  # it cannot be recorded, which the caller is told, too
            call.taker.refuse(full, call.told)
        except Exception:
            log.exception("call %s could not be recorded", call.id)
        call.taker.finish()

    def _cancelled(self, call: Doing) -> None:
        if call.given_up:
            self._unheard(call, "disconnected", "the caller left")
        else:
            self._unheard(call, "killed", "the gateway stopped")

    def _unheard(self, call: Doing, error: str, message: str) -> None:
        """The end of a call that nobody waits for any more."""
        try:
            self._close(call, _GONE, error, message)
        except TriopsError as full:
            log.error("call %s could not be recorded: %s", call.id, full.message)

    def _left(self, call: Doing) -> None:
        """The caller's connection is gone."""
        call.disconnected = True
        route = call.route
        if route is None or route.on_disconnect == "cancel":
            self._give_up(call)
        else:
            call.timer = asyncio.get_running_loop().call_later(route.drain_s, self._give_up, call)

    def _give_up(self, call: Doing) -> None:
        call.given_up = True
        if call.task is not None:
            call.task.cancel()

    async def stop(self, wait_s: float) -> None:
        """Calls that are still in progress end now and are recorded as far as they came, before the journal closes."""
        tasks = [call.task for call in self._doing.values() if call.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=wait_s)

    # What was, and what is

    def recover(self, reader: JournalReader, applied: int, open_from: int, last: int) -> int:
        """Before the first call: budgets are what the books had when they had applied `applied`, and what the journal
        has beyond; calls that were killed are settled with an estimate. `open_from`: where the oldest call begins that
        the books do not have whole. Answers how many were killed."""
        self._parts.admission.restore(self._config.spent, self._parts.now())
        return settle_killed(reader, applied, open_from, last, self)

    def happened(self, intent: Intent, outcome: Outcome) -> None:
        self._parts.admission.applied(intent, outcome)

    def killed(self, intents: Sequence[Intent], progress: Progress | None) -> None:
        """One call that never came to its end. Attempts before the last failed, and were not billed as far as is
        known."""
        first, now_ns = intents[0], self._parts.now_ns()
        project = self._config.project(first.project)
        attempts = []
        for intent in intents:
            if intent.provider:
                last = intent is intents[-1]
                heard = progress.tokens if progress is not None and last else 0
                billed = last and intent.operation != "count"
                usage = Usage(input=first.input_estimate, output=heard) if billed else NOTHING
                cost = Cost(None)
                if project is not None:
                    cost = project.prices.cost(intent.provider, intent.model, usage, intent.at_ns)
                attempts.append(
                    Attempt(
                        intent.provider,
                        intent.model,
                        intent.at_ns,
                        progress.at_ns if progress is not None and last else intent.at_ns,
                        error="killed",
                        message="the gateway was killed",
                        usage=usage,
                        estimated=True,
                        cost=cost.pico,
                        price=cost.price,
                    )
                )
        outcome = Outcome(
            first.call,
            now_ns,
            0,
            "killed",
            "the gateway was killed",
            attempts=tuple(attempts),
            output_bytes=progress.characters if progress is not None else 0,
        )
        self._parts.recorder.settled(outcome)
        self.happened(first, outcome)

    def purge(self, project: str) -> None:
        self._parts.cache.purge(project)

    def state(self) -> Mapping[str, Any]:
        """As it is at this moment, for the Gateway page; what is of a project stands under its name."""
        parts, now = self._parts, self._parts.now()
        projects = self._config.projects
        admitted = {name: parts.admission.state(project, now) for name, project in projects.items()}
        return {
            "in_flight": len(self._doing),
            **parts.counts.shown(),
            "breakers": {name: parts.router.state(name) for name in projects},
            "caches": {name: parts.cache.state(name) for name in projects},
            "keys": {name: {one["key"]: one for one in state["keys"]} for name, state in admitted.items()},
            "budgets": {name: state["budgets"] for name, state in admitted.items()},
            "queues": {name: state["refused"] for name, state in admitted.items()},
            "problems": {name: list(project.problems) for name, project in projects.items()},
        }

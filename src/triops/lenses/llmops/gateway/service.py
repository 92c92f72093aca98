"""Every call's way through the gateway: who, what it may cost, whom to ask, what is recorded, what the caller gets.

One `Gateway` a process. Nothing here waits but for the provider and for a caller who reads slowly.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from triops.kernel.call import Attempt, Intent, Outcome
from triops.kernel.completion import Ask, Usage
from triops.kernel.errors import Overloaded, ProviderFailed, StoreFull, TriopsError, Unavailable
from triops.lenses.llmops.gateway.admission import Admission
from triops.lenses.llmops.gateway.asking import Asker
from triops.lenses.llmops.gateway.callers import find, recorded
from triops.lenses.llmops.gateway.config import Config
from triops.lenses.llmops.gateway.counts import Counts
from triops.lenses.llmops.gateway.doing import Doing
from triops.lenses.llmops.gateway.estimate import Estimator
from triops.lenses.llmops.gateway.prices import Cost
from triops.lenses.llmops.gateway.recovery import settle_killed
from triops.lenses.llmops.gateway.router import Router
from triops.lenses.llmops.gateway.routing import resolve
from triops.lenses.llmops.gateway.routing import served as offered
from triops.lenses.llmops.gateway.said import input_text, reply_text, settings_of
from triops.lenses.llmops.gateway.specs import ProviderSpec
from triops.lenses.llmops.gateway.taker import Taker
from triops.ports.journal import Journal, JournalReader
from triops.ports.providers import Provider
from triops.ports.upstream import Upstream

log = logging.getLogger(__name__)
Speaks = Callable[[ProviderSpec], Provider]
_GONE = 499  # the status of a call whose caller left, as nginx writes it


class Gateway:
    """`speaks`: the adapter for a provider's dialect. `now_ns`: unix time. `journalled`: told of each entry."""

    def __init__(
        self,
        journal: Journal,
        upstream: Upstream,
        speaks: Speaks,
        config: Config,
        *,
        now_ns: Callable[[], int] = time.time_ns,
        rng: random.Random | None = None,
        journalled: Callable[[int], None] = lambda seq: None,
    ) -> None:
        self._journal = journal
        self._now_ns = now_ns
        self._journalled = journalled
        self._config = config
        self.router = Router()
        self.admission = Admission()
        self.estimator = Estimator()
        self.counts = Counts()
        self._doing: dict[str, Doing] = {}
        self._asker = Asker(self, upstream, speaks, rng or random.Random())

    def configure(self, config: Config) -> None:
        self._config = config

    @property
    def config(self) -> Config:
        return self._config

    @property
    def in_flight(self) -> int:
        return len(self._doing)

    def now_ns(self) -> int:
        return self._now_ns()

    def now(self) -> float:
        return self._now_ns() / 1e9

    async def answer(self, ask: Ask, headers: Mapping[str, str], taker: Taker) -> None:
        call = Doing(ask, headers, taker, self._now_ns())
        call.task = asyncio.current_task()
        try:
            if len(self._doing) >= int(self._config.limits.get("calls", 10_000)):
                raise Overloaded("the gateway has as many calls in progress as it may")
            call.caller = find(
                self._config, headers.get("authorization", ""), headers.get("x-api-key", ""), call.started_ns / 1e9
            )
        except TriopsError as error:  # nobody's call: nothing to record
            self.counts.refused[error.kind] += 1
            taker.refuse(error, call.told)
            taker.finish()
            return
        self._doing[call.id] = call
        taker.on_gone = lambda: self._left(call)
        try:
            await self._answered(call)
        except asyncio.CancelledError:
            self._cancelled(call)
            if not call.given_up:
                raise
            if call.task is not None:
                call.task.uncancel()
        except TriopsError as error:
            self._refused(call, error)
        except Exception:
            log.exception("call %s failed", call.id)
            self._refused(call, Unavailable("the gateway could not answer; its log says why"))
        finally:
            taker.on_gone = None
            if call.timer is not None:
                call.timer.cancel()
            self._doing.pop(call.id, None)
            if call.ticket is not None:
                call.ticket.release()

    def served(self, headers: Mapping[str, str]) -> Sequence[tuple[str, str]]:
        """What the caller may ask for, as (name, provider). Raises: Unauthenticated, Forbidden."""
        now = self._now_ns() / 1e9
        caller = find(self._config, headers.get("authorization", ""), headers.get("x-api-key", ""), now)
        project = self._config.project(caller.project)
        return [] if project is None else list(offered(project, caller))

    # What a call goes through

    async def _answered(self, call: Doing) -> None:
        config = self._config
        project = config.project(call.caller.project)
        if project is None:
            raise Unavailable(f"the project {call.caller.project} is not known here yet")
        call.route = route = resolve(project, call.caller, call.ask.model, call.ask.dialect)
        spec = call.caller.spec
        call.record = recorded(route.record, spec.record if spec else "", default=config.record.get("default", "full"))
        self._said(call)
        await self._asker.run(call, project)
        self.close(call, _GONE if call.disconnected else 200, "disconnected" if call.disconnected else "")
        call.taker.finish()

    def _said(self, call: Doing) -> None:
        """What the record will say that was asked."""
        call.input_estimate = self.estimator.input_tokens(call.ask)
        if call.record != "full":
            return
        try:
            content = call.content or call.taker.content()
        except TriopsError:
            if call.ask.dialect:  # a provider of the dialect may know more than we do
                return
            raise
        call.input = input_text(content, self.recorded_bytes())
        call.settings = settings_of(content)

    def recorded_bytes(self) -> int:
        return int(self._config.record.get("bytes", 16 << 10))

    def intend(self, call: Doing, provider: str, model: str, at_ns: int) -> None:
        """Raises: StoreFull, Unavailable: then nobody is asked."""
        self._append("i", orjson.dumps(call.intent(provider, model, at_ns)))

    def _append(self, kind: str, body: bytes) -> None:
        self._journalled(self._journal.append(kind, body))

    # How a call ends: once, by one of these

    def close(self, call: Doing, status: int, error: str = "", message: str = "") -> None:
        """Record what came of it, settle what it cost. Raises: StoreFull, Unavailable when it cannot be recorded."""
        now = self._now_ns()
        attempts = tuple(call.attempts)
        cost = sum([attempt.cost or 0 for attempt in attempts])
        if call.ticket is not None:
            ticket, call.ticket = call.ticket, None
            used = sum([attempt.usage.input + attempt.usage.output for attempt in attempts])
            ticket.settle(used, cost, now / 1e9)
        priced = [attempt.cost for attempt in attempts if attempt.cost is not None]
        call.told.cost = sum(priced) if priced or call.cache == "hit" else None
        output, size, finish, model = self._output(call)
        if call.answer is not None and not call.begun:
            call.taker.whole(call.answer, call.raw, call.told)
        self.counts.ended(call, now, error)
        outcome = Outcome(
            call.id, now, status, error, message[:500], model, attempts, call.first_ns, call.cache, call.saved, finish,
            call.disconnected, output, size, tuple(call.guards), call.told.dropped,
        )  # fmt: skip
        self._append("o", orjson.dumps(outcome))

    def _output(self, call: Doing) -> tuple[str, int, tuple[str, ...], str]:
        heard, answer = call.heard, call.answer
        full = call.record == "full"
        if heard is not None:
            finish = tuple(heard.finishes[index] for index in sorted(heard.finishes))
            return (heard.text() if full else ""), heard.characters, finish, heard.model
        if answer is None:
            return "", 0, (), ""
        choices = getattr(answer, "choices", None)
        if choices is None:
            return "", 0, (), answer.model
        size = sum([len(part.text) for choice in choices for part in choice.parts])
        text = reply_text(answer, self.recorded_bytes()) if full else ""  # type: ignore[arg-type]
        return text, size, tuple([choice.finish for choice in choices]), answer.model

    def _refused(self, call: Doing, error: TriopsError) -> None:
        call.answer = None
        kind = error.fault if isinstance(error, ProviderFailed) else error.kind
        if call.disconnected:
            self._gone(call)
            return
        status = call.taker.refuse(error, call.told)
        try:
            if not call.intents:
                self.intend(call, "", "", call.started_ns)
            self.close(call, status, kind, error.message)
        except (StoreFull, Unavailable) as full:
            if not isinstance(error, StoreFull):
                call.taker.refuse(full, call.told)
        self.counts.refused[kind] += 1
        call.taker.finish()

    def _cancelled(self, call: Doing) -> None:
        if call.given_up:
            self._gone(call)
            return
        try:
            self.close(call, _GONE, "killed", "the gateway stopped")
        except TriopsError:
            log.exception("call %s could not be recorded", call.id)

    def _gone(self, call: Doing) -> None:
        try:
            if not call.intents:
                self.intend(call, "", "", call.started_ns)
            self.close(call, _GONE, "disconnected", "the caller left")
        except TriopsError:
            log.exception("call %s could not be recorded", call.id)

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

    # What was, and what is

    def recover(self, reader: JournalReader, applied: int, last: int) -> None:
        """After a start: calls that were killed are settled with an estimate, so that each has its outcome; budgets
        are what the books had and what the journal has beyond them."""
        settle_killed(reader, applied, last, self)

    def killed(self, intents: Sequence[Intent]) -> None:
        """One call that never came to its end."""
        first, last = intents[0], intents[-1]
        now = self._now_ns()
        attempts = []
        for intent in intents:
            if not intent.provider:
                continue
            usage = Usage(input=first.input_estimate)
            project = self._config.project(intent.project)
            cost = project.prices.cost(intent.provider, intent.model, usage, intent.at_ns) if project else Cost(None)
            attempts.append(
                Attempt(
                    intent.provider,
                    intent.model,
                    intent.at_ns,
                    intent.at_ns,
                    0,
                    "killed",
                    "the gateway was killed",
                    usage,
                    True,
                    cost.pico,
                    cost.price,
                )
            )
        outcome = Outcome(last.call, now, 0, "killed", "the gateway was killed", attempts=tuple(attempts))
        self._append("o", orjson.dumps(outcome))

    def happened(self, intent: Intent, outcome: Outcome) -> None:
        self.admission.applied(intent, outcome)

    def state(self) -> Mapping[str, Any]:
        """For the Gateway page: as it is at this moment."""
        return {
            "in_flight": len(self._doing),
            **self.counts.shown(),
            "breakers": {name: self.router.state(name) for name in self._config.projects},
        }

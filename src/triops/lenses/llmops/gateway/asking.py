"""Providers asked for one call: one after the other until one answers, each attempt recorded before and after."""

import asyncio
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from triops.kernel.call import NOTHING, Attempt
from triops.kernel.completion import Reply, Usage
from triops.kernel.errors import Invalid, Overloaded
from triops.lenses.llmops.gateway.config import ProjectConfig
from triops.lenses.llmops.gateway.doing import Asking, Doing
from triops.lenses.llmops.gateway.faults import failed
from triops.lenses.llmops.gateway.router import Pick, next_may_answer
from triops.lenses.llmops.gateway.said import Heard
from triops.lenses.llmops.gateway.specs import ProviderSpec
from triops.ports.providers import Event, Fault, Outgoing, Provider, Target
from triops.ports.upstream import Coming, Timeouts, Upstream

if TYPE_CHECKING:
    from triops.lenses.llmops.gateway.service import Gateway

_ANSWER = 64 << 20  # bytes of a whole answer
_LONGEST_WAIT_S = 5.0  # as the provider asks before it is asked again; the caller may wait longer by himself
_UNBILLED = frozenset({"connect", "rate_limited", "overloaded", "server", "auth", "not_found", "invalid"})


class Asker:
    def __init__(
        self, gateway: "Gateway", upstream: Upstream, speaks: Callable[[ProviderSpec], Provider], rng: random.Random
    ) -> None:
        self._gateway = gateway
        self._upstream = upstream
        self._speaks = speaks
        self._rng = rng

    async def run(self, call: Doing, project: ProjectConfig) -> None:
        """Returns when the caller has, or may be given, the whole answer. Raises: TriopsError."""
        assert call.route is not None
        gateway, route = self._gateway, call.route
        last: Fault | None = None
        before: Pick | None = None
        for pick in gateway.router.plan(project, route, self._rng, gateway.now):
            if last is not None and pick.retry:
                await asyncio.sleep(max(pick.wait_s, min(last.retry_after_s, _LONGEST_WAIT_S)))
            before, provider = pick, self._speaks(pick.provider)
            last = await self._attempt(call, project, pick, provider)
            if last is None:
                return
            if call.begun or call.disconnected or not next_may_answer(last.kind):
                break
        if last is None or before is None:
            raise gateway.router.nobody(project, route, gateway.now())
        raise failed(last, before.provider, self._speaks(before.provider).native)

    async def _attempt(self, call: Doing, project: ProjectConfig, pick: Pick, provider: Provider) -> Fault | None:
        """None when it answered."""
        gateway, router = self._gateway, self._gateway.router
        asking = Asking(pick.provider, pick.model, gateway.now_ns())
        outgoing = self._outgoing(call, pick, provider)
        gateway.intend(call, pick.provider.name, pick.model, asking.started_ns)
        told = call.told
        told.provider, told.model, told.dropped = pick.provider.name, pick.model, outgoing.dropped
        router.started(pick, asking.started_ns / 1e9)
        try:
            usage = await self._asked(call, pick, provider, outgoing, asking)
        except Fault as fault:
            self._record(call, project, asking, self._spent(call, asking, fault), fault)
            self._ended(call, pick, asking, fault)
            return fault
        except BaseException:
            cut = Fault("cut", "the call was given up")
            self._record(call, project, asking, self._spent(call, asking, cut), cut)
            router.abandoned(pick)
            raise
        self._record(call, project, asking, usage, None)
        self._ended(call, pick, asking, None)
        return None

    def _outgoing(self, call: Doing, pick: Pick, provider: Provider) -> Outgoing:
        ask, spec = call.ask, pick.provider
        target = Target(spec.name, pick.model, spec.path, spec.credential, spec.headers, call.cap)
        content = call.content
        if content is None and ask.dialect not in provider.native:
            content = call.taker.content()
        outgoing = provider.request(ask, content, target)
        if outgoing.dropped and call.route is not None and call.route.unsupported == "refuse":
            raise Invalid(f"{spec.name} has no word for it", field=outgoing.dropped[0], expected="leave it out")
        return outgoing

    async def _asked(
        self, call: Doing, pick: Pick, provider: Provider, outgoing: Outgoing, asking: Asking
    ) -> Usage | None:
        """What the provider said that was used. Raises: Fault."""
        try:
            coming = await self._upstream.send(pick.provider.host, outgoing, self._times(call, pick, asking))
        except Overloaded as full:
            raise Fault("overloaded", full.message) from None
        asking.sent = True
        asking.status = coming.status
        try:
            if call.ask.stream and 200 <= coming.status < 300:
                return await self._streamed(call, provider, coming)
            body = await coming.read(_ANSWER)
        finally:
            coming.close()
        call.answer = reply = provider.reply(call.ask, coming.status, coming.headers, body)
        call.raw = body if call.content is None and call.ask.dialect in provider.native else None
        return reply.usage

    async def _streamed(self, call: Doing, provider: Provider, coming: Coming) -> Usage | None:
        """The events go to the caller as they come, but for those from the finish on: they wait for the record."""
        ask, taker = call.ask, call.taker
        native = call.content is None and ask.dialect in provider.native
        decoder = provider.decoder(ask)
        heard = call.heard = Heard(self._gateway.recorded_bytes())
        held: list[Event] = []
        choices = max(1, ask.n)
        try:
            async for data in coming.chunks():
                events = decoder.feed(data)
                if not events:
                    continue
                out: list[Event] = []
                for event in events:
                    if event.deltas:
                        heard.hear(event.deltas)
                    (held if len(heard.finishes) >= choices else out).append(event)
                if not call.begun:
                    self._begin(call)
                if not call.first_ns and heard.characters:
                    call.first_ns = self._gateway.now_ns() - call.started_ns
                if out and not taker.gone:
                    taker.events(out, native)
                    await taker.room()
        except Fault as fault:
            if len(heard.finishes) < choices or fault.kind == "garbage":
                raise  # else all was said, and only the end is missing
        for event in decoder.end():
            heard.hear(event.deltas)
            held.append(event)
        if not call.begun:
            self._begin(call)
        taker.end(held, native)
        return heard.usage

    def _begin(self, call: Doing) -> None:
        call.begun = True
        call.taker.begin(call.told)

    def _times(self, call: Doing, pick: Pick, asking: Asking) -> Timeouts:
        """The attempt's, within what is left of the whole call's. Raises: Fault when nothing is."""
        assert call.route is not None
        left = call.route.timeout_s - (asking.started_ns - call.started_ns) / 1e9
        if left <= 0:
            raise Fault("timeout", f"no complete answer within {call.route.timeout_s:g} s")
        times = pick.timeouts_for(call.ask.stream)
        if times.total <= left:
            return times
        return Timeouts(times.connect, min(times.first, left), times.between, left)

    # What an attempt used

    def _spent(self, call: Doing, asking: Asking, fault: Fault) -> Usage | None:
        """What a failed attempt is billed: what the provider said; nothing where it refused; else we must estimate."""
        if call.heard is not None and call.heard.usage is not None:
            return call.heard.usage
        if not asking.sent and fault.kind in _UNBILLED:
            return NOTHING
        return NOTHING if fault.kind in _UNBILLED or fault.kind == "content_filter" else None

    def _record(
        self, call: Doing, project: ProjectConfig, asking: Asking, usage: Usage | None, fault: Fault | None
    ) -> None:
        """`usage` None: the provider did not say, so it is counted here."""
        estimator, ask = self._gateway.estimator, call.ask
        estimated = usage is None
        if usage is None:
            usage = Usage(call.input_estimate, self._output_tokens(call, asking))
        elif fault is None and usage.input:
            estimator.learn(asking.model, ask.size, usage.input)
        cost = project.prices.cost(asking.provider.name, asking.model, usage, asking.started_ns)
        call.attempts.append(
            Attempt(
                asking.provider.name,
                asking.model,
                asking.started_ns,
                self._gateway.now_ns(),
                fault.status or asking.status if fault else asking.status,
                fault.kind if fault else "",
                fault.message[:500].replace(asking.provider.credential or "\0", "***") if fault else "",
                usage,
                estimated,
                cost.pico,
                cost.price,
            )
        )

    def _output_tokens(self, call: Doing, asking: Asking) -> int:
        heard, estimator = call.heard, self._gateway.estimator
        if heard is not None:
            kept = heard.kept
            tokens = estimator.output_tokens(kept, asking.model)
            return tokens if heard.characters <= len(kept) or not kept else tokens * heard.characters // len(kept)
        if isinstance(call.answer, Reply):
            text = "".join([part.text for choice in call.answer.choices for part in choice.parts])
            return estimator.output_tokens(text, asking.model)
        return 0

    def _ended(self, call: Doing, pick: Pick, asking: Asking, fault: Fault | None) -> None:
        now_ns = self._gateway.now_ns()
        ms = (now_ns - asking.started_ns) / 1e6
        first_ns = call.first_ns - (asking.started_ns - call.started_ns) if call.first_ns else 0
        retryable = fault is not None and next_may_answer(fault.kind)
        self._gateway.router.ended(pick, now_ns / 1e9, fault is None, first_ns / 1e6 if first_ns > 0 else ms, retryable)
        self._gateway.counts.attempted(call.caller.project, pick, now_ns, ms, fault)

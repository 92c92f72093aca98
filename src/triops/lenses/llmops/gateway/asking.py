"""Providers asked for one call: one after the other until one answers, each attempt recorded before and after."""

import asyncio

from triops.kernel.call import NOTHING, Attempt
from triops.kernel.completion import Reply, Usage
from triops.kernel.errors import Invalid, Overloaded, TriopsError
from triops.lenses.llmops.gateway.admission import most_of
from triops.lenses.llmops.gateway.belonging import account_of
from triops.lenses.llmops.gateway.config import ProjectConfig
from triops.lenses.llmops.gateway.doing import Asking, Doing
from triops.lenses.llmops.gateway.faults import failed, masked
from triops.lenses.llmops.gateway.parts import Parts
from triops.lenses.llmops.gateway.prices import FREE, cost_of
from triops.lenses.llmops.gateway.router import Pick, next_may_answer
from triops.lenses.llmops.gateway.said import Heard
from triops.lenses.llmops.gateway.specs import LOCAL, ProviderSpec, RouteSpec
from triops.lenses.llmops.gateway.streaming import Streaming
from triops.lenses.llmops.gateway.waiting import place
from triops.ports.providers import Fault, Outgoing, Provider, Target
from triops.ports.upstream import Timeouts

_ANSWER = 64 << 20  # bytes of a whole answer
_LEAST_S = 0.05  # of time that is left, for asking anyone within it to make sense
_LONGEST_WAIT_S = 5.0  # as the provider asks before it is asked again; the caller may wait longer by himself
_CACHED = 1 << 20  # characters of a streamed answer that are kept for the cache
_UNBILLED = frozenset(
    {"connect", "rate_limited", "overloaded", "server", "auth", "not_found", "invalid", "content_filter"}
)


class Asker:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def run(self, call: Doing, project: ProjectConfig, route: RouteSpec) -> None:
        """Returns when the caller has, or may be given, the whole answer. Raises: TriopsError."""
        parts = self._parts
        last: Fault | None = None
        before: Pick | None = None
        if route.queue.wait_s > 0:
            await place(parts.admission.queues, project.project, route)
        for pick in parts.router.plan(project, route, parts.rng, parts.now):
            if last is not None and not pick.fallback and _left_s(call, route, parts.now_ns()) < _LEAST_S:
                pick.same = False  # no time is left to ask another target; a fallback has its own
                continue
            if last is not None and pick.retry:
                await asyncio.sleep(max(pick.wait_s, min(last.retry_after_s, _LONGEST_WAIT_S)))
            now_ns = parts.now_ns()
            price = project.prices.find(pick.provider.name, pick.model, now_ns)
            if price is None and call.ask.operation == "moderations":
                price = FREE  # as they are, unless a price says otherwise
            asking = Asking(pick.provider, pick.model, now_ns, price)
            self._reserve(call, project, route, pick, asking)
            before = pick
            last = await self._attempt(call, route, pick, asking)
            if last is None:
                return
            if call.begun or call.disconnected or not next_may_answer(last.kind):
                break
        if last is None or before is None:
            raise parts.router.nobody(project, route, parts.now())
        raise failed(last, before.provider, parts.speaks(before.provider).native)

    def _reserve(self, call: Doing, project: ProjectConfig, route: RouteSpec, pick: Pick, asking: Asking) -> None:
        """Room for the most that the attempt may cost. Raises: Overloaded, RateLimited, BudgetExceeded, Forbidden."""
        now = asking.started_ns / 1e9
        most = most_of(pick, asking.price, call.ask, call.size.most, call.expected)
        if call.ticket is None:
            call.ticket = ticket = self._parts.admission.admit(call.caller, project, route, call.user, most, now)
            call.told.left = ticket.left
        else:
            call.ticket.again(most, now, sum([attempt.cost or 0 for attempt in call.attempts]))

    def ended(self, call: Doing) -> None:
        """When the caller has his answer: what is learned of the provider that gave it."""
        if call.answered_by is not None:
            self._ended(call, *call.answered_by, None)

    async def _attempt(self, call: Doing, route: RouteSpec, pick: Pick, asking: Asking) -> Fault | None:
        """None when it answered."""
        parts, spec = self._parts, pick.provider
        provider = parts.speaks(spec)
        call.told.provider, call.told.model = spec.name, pick.model
        moderates = spec.dialect != LOCAL and call.ask.dialect in provider.native
        if call.ask.operation == "moderations" and not moderates:
            raise Invalid(
                f"{spec.name} moderates nothing", field="model", got=call.ask.model, expected="dialect openai"
            )
        if spec.dialect != LOCAL:
            outgoing = self._outgoing(call, route, spec, pick.model, provider)
        parts.recorder.intend(call, spec.name, pick.model, asking.started_ns)
        parts.router.started(pick, asking.started_ns / 1e9)
        try:
            if spec.dialect == LOCAL:
                spec = await self._here(spec, call)
                outgoing = self._outgoing(call, route, spec, pick.model, provider)
            usage = await self._asked(call, spec, provider, outgoing, asking, self._times(call, route, pick, asking))
        except Fault as fault:
            self._record(call, asking, self._billed(call, asking, fault), fault)
            self._ended(call, pick, asking, fault)
            return fault
        except TriopsError:  # ours, or a guard's: the provider did nothing wrong
            self._record(call, asking, self._said(call) if asking.asked else NOTHING, None)
            self._ended(call, pick, asking, None)
            raise
        except BaseException:
            cut = Fault("cut", "the call was given up")
            self._record(call, asking, self._billed(call, asking, cut), cut)
            parts.router.abandoned(pick)
            raise
        self._record(call, asking, usage, None)
        call.answered_by = (pick, asking)
        return None

    async def _here(self, spec: ProviderSpec, call: Doing) -> ProviderSpec:
        try:
            return await self._parts.found(spec, call.ask.operation)
        except TriopsError as error:
            raise Fault("connect", error.message) from None

    def _outgoing(self, call: Doing, route: RouteSpec, spec: ProviderSpec, model: str, provider: Provider) -> Outgoing:
        ask, content = call.ask, call.content
        cap = call.ticket.cap if call.ticket is not None else None
        headers = spec.headers
        if spec.source == "caller":
            headers += account_of(spec, ask.headers)
        target = Target(spec.name, model, spec.path, spec.credential, headers, cap)
        if content is None and ask.dialect not in provider.native:
            content = call.taker.content()
        outgoing = provider.request(ask, content, target)
        if outgoing.dropped:
            if route.unsupported == "refuse":
                raise Invalid(f"{spec.name} has no word for it", field=outgoing.dropped[0], expected="leave it out")
            call.told.dropped = outgoing.dropped
        return outgoing

    async def _asked(
        self, call: Doing, spec: ProviderSpec, provider: Provider, outgoing: Outgoing, asking: Asking, times: Timeouts
    ) -> Usage | None:
        """What the provider said that was used. Raises: Fault; GuardBlocked."""
        ask = call.ask
        native = not call.changed and ask.dialect in provider.native
        asking.asked = True
        try:
            coming = await self._parts.upstream.send(spec.host, outgoing, times)
        except Overloaded as full:
            raise Fault("overloaded", full.message) from None
        asking.sent, asking.status = True, coming.status
        try:
            if ask.stream and 200 <= coming.status < 300:
                kept = _CACHED if call.key is not None else self._parts.recorder.most
                call.heard = Heard(kept)
                return await Streaming(call, provider.decoder(ask), native, self._parts).run(coming)
            body = await coming.read(_ANSWER)
        finally:
            coming.close()
        call.answer = answer = provider.reply(ask, coming.status, coming.headers, body)
        call.raw = body if native else None
        unbilled = ask.operation == "count" or (ask.operation == "moderations" and answer.usage is None)
        return NOTHING if unbilled else answer.usage

    def _times(self, call: Doing, route: RouteSpec, pick: Pick, asking: Asking) -> Timeouts:
        """Raises: Fault when nothing is left of the targets'."""
        left = route.timeout_s if pick.fallback else _left_s(call, route, asking.started_ns)
        if left <= 0:
            raise Fault("timeout", f"no complete answer within {route.timeout_s:g} s")
        return pick.timeouts_within(left, call.ask.stream)

    # What an attempt used

    def _said(self, call: Doing) -> Usage | None:
        if call.heard is not None:
            return call.heard.usage
        return call.answer.usage if call.answer is not None else None

    def _billed(self, call: Doing, asking: Asking, fault: Fault) -> Usage | None:
        """Of a failed attempt: what the provider said, nothing where it refused or was sent nothing; else None, for it
        may have worked for us."""
        if not asking.asked:
            return NOTHING
        said = self._said(call)
        if said is not None:
            return said
        if fault.kind in _UNBILLED and call.heard is None:
            return NOTHING
        return None

    def _record(self, call: Doing, asking: Asking, usage: Usage | None, fault: Fault | None) -> None:
        """`usage` None: the provider did not say, so it is counted here."""
        spec = asking.provider
        estimated = usage is None
        if usage is None:
            usage = Usage(min(call.expected, call.size.most), self._output_tokens(call, asking))
        cost = cost_of(asking.price, usage)
        kind, message, status = "", "", asking.status
        if fault is not None:
            kind, message, status = fault.kind, masked(fault.message[:500], spec), fault.status or status
        call.attempts.append(
            Attempt(
                spec.name,
                asking.model,
                asking.started_ns,
                self._parts.now_ns(),
                status,
                kind,
                message,
                usage,
                estimated,
                cost.pico,
                cost.price,
            )
        )

    def _output_tokens(self, call: Doing, asking: Asking) -> int:
        """Never more than the provider was allowed: an estimate stays within what was reserved."""
        tokens = self._counted(call, asking)
        cap = call.ticket.cap if call.ticket is not None else None
        most = call.ask.max_tokens if cap is None else cap
        return tokens if most is None else min(tokens, most * call.ask.n)

    def _counted(self, call: Doing, asking: Asking) -> int:
        heard, estimator = call.heard, self._parts.estimators.of(call.caller.project)
        if heard is not None:
            return estimator.heard_tokens(heard.kept, heard.characters, asking.model)
        if isinstance(call.answer, Reply):
            text = "".join([part.text for choice in call.answer.choices for part in choice.parts])
            return estimator.output_tokens(text, asking.model)
        return 0

    def _ended(self, call: Doing, pick: Pick, asking: Asking, fault: Fault | None) -> None:
        """Of the attempt that was recorded last."""
        attempt = call.attempts[-1]
        now_ns = attempt.ended_ns
        ms = (now_ns - asking.started_ns) / 1e6
        if fault is None and attempt.usage.input and not (attempt.estimated or call.changed):
            self._parts.estimators.of(call.caller.project).learn(asking.model, call.size.text, attempt.usage.input)
        first_ns = call.first_ns - (asking.started_ns - call.started_ns) if call.first_ns else 0
        if fault is not None and fault.kind == "overloaded" and not asking.sent:
            self._parts.router.abandoned(pick)  # our own bound of connections says nothing of the provider
        else:
            waited = first_ns / 1e6 if first_ns > 0 else ms
            self._parts.router.ended(pick, now_ns / 1e9, waited, fault.kind if fault is not None else "")
        self._parts.counts.attempted(call.caller.project, pick.provider.name, now_ns, ms, fault.kind if fault else "")


def _left_s(call: Doing, route: RouteSpec, now_ns: int) -> float:
    """Of the time that the targets have together."""
    return route.timeout_s - (now_ns - call.started_ns) / 1e9

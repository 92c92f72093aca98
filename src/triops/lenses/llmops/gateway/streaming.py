"""A streamed answer on its way from a provider to the caller, as fast as he reads."""

from collections.abc import Sequence

from triops.kernel.completion import Delta, Usage
from triops.kernel.errors import GuardBlocked
from triops.lenses.llmops.gateway.doing import Doing
from triops.lenses.llmops.gateway.parts import Parts
from triops.lenses.llmops.guards import Finding, StreamGuard
from triops.ports.providers import Decoder, Event, Fault
from triops.ports.upstream import Coming

_PROGRESS_NS = 500_000_000  # between records of how far it is: what a kill may leave uncounted
_STREAM = 64 << 20  # bytes of one


class Streaming:
    """Events go on as they come, but for those from the last choice's finish on: these wait until the record is
    written. `native`: as they came, byte for byte."""

    def __init__(self, call: Doing, decoder: Decoder, native: bool, parts: Parts) -> None:
        assert call.heard is not None
        self._call = call
        self._decoder = decoder
        self._heard = call.heard
        self._now_ns = parts.now_ns
        self._recorder = parts.recorder
        self._due_ns = self._now_ns() + _PROGRESS_NS
        guarding = call.guarding
        self._guard: StreamGuard | None = guarding.stream() if guarding is not None and guarding.outward else None
        self._native = native and self._guard is None
        self._out: list[Event] = []
        self._held: list[Event] = []
        self._choices = max(1, call.ask.n)

    async def run(self, coming: Coming) -> Usage | None:
        """What the provider said that was used. Raises: Fault; GuardBlocked."""
        call, heard, taker = self._call, self._heard, self._call.taker
        try:
            await self._pass_on(coming)
        except Fault as fault:
            said = self._decoder.done or len(heard.finishes) >= self._choices
            if fault.kind == "garbage" or not said:
                raise  # else only the end is missing
        self._through(self._decoder.end())
        if self._guard is not None:
            deltas, findings = self._guard.end()
            self._found(findings)
            heard.hear(deltas)
            self._out.append(Event(b"", tuple(deltas)))
        if not call.begun:
            self._begin()
        taker.end([*self._out, *self._held], self._native)
        return heard.usage

    async def _pass_on(self, coming: Coming) -> None:
        """What came together goes on together, also what came before a fault; what came with the end waits for the
        rest."""
        size = 0
        try:
            while pieces := await coming.some():
                size += sum(map(len, pieces))
                if size > _STREAM:
                    raise Fault("garbage", f"the provider's answer is over {_STREAM} bytes")
                events: list[Event] = []
                try:
                    for data in pieces:
                        events += self._decoder.feed(data)
                finally:
                    self._through(events)
                if self._decoder.done:
                    coming.ending()
                if self._out and not coming.ended:
                    self._send()
                    await self._call.taker.room()
        except BaseException:
            self._send()
            raise

    def _send(self) -> None:
        out, self._out = self._out, []
        if out and not self._call.taker.gone:
            self._call.taker.events(out, self._native)

    def _through(self, events: Sequence[Event]) -> None:
        """Sorts what may go on now from what must wait."""
        heard = self._heard
        out = self._out if len(heard.finishes) < self._choices else self._held
        for event in events:
            if event.deltas:
                if self._guard is not None:
                    event = Event(b"", tuple(self._guarded(event.deltas)))
                heard.hear(event.deltas)
                if len(heard.finishes) >= self._choices:
                    out = self._held
            out.append(event)
        if not self._call.begun and events:
            self._begin()
        now_ns = self._now_ns()
        if not self._call.first_ns and heard.characters:
            self._call.first_ns = now_ns - self._call.started_ns
        if now_ns >= self._due_ns:
            self._due_ns = now_ns + _PROGRESS_NS
            self._recorder.progress(self._call, now_ns)

    def _guarded(self, deltas: Sequence[Delta]) -> list[Delta]:
        assert self._guard is not None
        try:
            passed, findings = self._guard.feed(deltas)
        except GuardBlocked as blocked:
            self._call.guards.extend(blocked.findings)
            raise
        self._found(findings)
        return passed

    def _found(self, findings: Sequence[Finding]) -> None:
        self._call.guards.extend([finding.as_json() for finding in findings])

    def _begin(self) -> None:
        self._call.begun = True
        self._call.taker.begin(self._call.told)

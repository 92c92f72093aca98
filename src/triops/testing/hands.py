"""An actuator and a notifier that only write down what they are asked, and answer what a test tells them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from triops.kernel.errors import Invalid
from triops.kernel.ids import ProjectId
from triops.ports.actuators import Outcome
from triops.ports.notifiers import Notice


@dataclass
class WritingActuator:
    """`then` is awaited in the midst of a run: it may fail, wait, or change the world of the test."""

    name: str = "http"
    ran: list[Mapping[str, Any]] = field(default_factory=list)
    outcome: Outcome = field(default_factory=lambda: Outcome(True, "200 OK"))
    then: Callable[[Mapping[str, Any]], Awaitable[None]] | None = None

    def check(self, spec: Mapping[str, Any]) -> None:
        if "url" not in spec:
            raise Invalid("missing", field="url", expected="where to send it")

    def plan(self, spec: Mapping[str, Any]) -> str:
        return f"{spec.get('method', 'GET')} {spec['url']}"

    async def run(self, project: ProjectId, spec: Mapping[str, Any]) -> Outcome:
        self.ran.append(spec)
        if self.then is not None:
            await self.then(spec)
        return self.outcome


@dataclass
class WritingNotifier:
    """`fault` is what each attempt answers; None delivers."""

    name: str = "webhook"
    sent: list[Notice] = field(default_factory=list)
    attempts: int = 0
    fault: str | None = None

    def check(self, spec: Mapping[str, Any]) -> None:
        if "url" not in spec:
            raise Invalid("missing", field="url", expected="where to send it")

    async def send(self, spec: Mapping[str, Any], notice: Notice) -> str | None:
        self.attempts += 1
        if self.fault is None:
            self.sent.append(notice)
        return self.fault

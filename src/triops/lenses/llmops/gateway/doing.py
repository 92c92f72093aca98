"""One call while it is being answered: what is known of it, and what it became."""

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from triops.kernel.call import Attempt, Cached, Intent
from triops.kernel.completion import Ask, Chat, Embed, Embedded, Reply
from triops.lenses.llmops.gateway.admission import Ticket
from triops.lenses.llmops.gateway.said import Heard
from triops.lenses.llmops.gateway.specs import Caller, ProviderSpec, RouteSpec
from triops.lenses.llmops.gateway.taker import Taker, Told

_TAGS = 20
_NAME = 200


class Doing:
    """`content` is not None where it replaces what the caller sent (a prompt was filled in, a guard took something
    out). `given_up`: the caller left and his route waits no longer. `begun`: he has been sent something."""

    __slots__ = (
        "answer", "ask", "attempts", "begun", "cache", "caller", "cap", "content", "disconnected", "first_ns",
        "given_up", "guards", "heard", "id", "input", "input_estimate", "intents", "parent", "project", "prompt",
        "prompt_label", "prompt_version", "raw", "record", "route", "saved", "session", "settings", "span",
        "started_ns", "tags", "taker", "task", "ticket", "timer", "told", "trace", "user",
    )  # fmt: skip

    def __init__(self, ask: Ask, headers: Mapping[str, str], taker: Taker, started_ns: int) -> None:
        self.id = os.urandom(16).hex()
        self.ask = ask
        self.taker = taker
        self.started_ns = started_ns
        self.told = Told(self.id)
        self.caller = Caller("")
        self.project = ""
        self.route: RouteSpec | None = None
        self.content: Chat | Embed | None = None
        self.record = "full"
        self.cap: int | None = None
        self.ticket: Ticket | None = None
        self.task: asyncio.Task[Any] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.begun = self.disconnected = self.given_up = False
        self.intents = 0
        self.attempts: list[Attempt] = []
        self.first_ns = 0
        self.cache: Cached = "off"
        self.saved = 0
        self.guards: list[Mapping[str, Any]] = []
        self.heard: Heard | None = None
        self.answer: Reply | Embedded | None = None
        self.raw: bytes | None = None
        self.input = ""
        self.input_estimate = 0
        self.settings: Mapping[str, Any] = {}
        self.prompt, self.prompt_version, self.prompt_label = "", 0, ""
        self.user = headers.get("x-triops-user", "")[:_NAME] or ask.user
        self.session = headers.get("x-triops-session", "")[:_NAME] or ask.session
        tags = headers.get("x-triops-tags")
        self.tags = ask.tags
        if tags:
            self.tags += tuple(tag.strip()[:_NAME] for tag in tags.split(",")[:_TAGS] if tag.strip())
        self.trace, self.parent = _parent(headers.get("traceparent", ""), self.id)
        self.span = os.urandom(8).hex()

    def intent(self, provider: str, model: str, at_ns: int) -> Intent:
        """The next one. What was said is in the first alone: it is the same for all."""
        caller, ask, number = self.caller, self.ask, self.intents
        self.intents += 1
        return Intent(
            self.id, caller.project, at_ns, number, ask.dialect, ask.operation, self.route.name if self.route else "",
            ask.model, provider, model, caller.key, caller.application, caller.team, self.user or caller.user,
            self.session, self.tags, self.prompt, self.prompt_version, self.prompt_label, ask.stream, self.trace,
            self.span, self.parent, self.input_estimate, "" if number else self.input,
            {} if number else self.settings,
        )  # fmt: skip


class Asking:
    """One attempt in progress. `sent`: the provider may have begun to work for us."""

    __slots__ = ("model", "provider", "sent", "started_ns", "status")

    def __init__(self, provider: ProviderSpec, model: str, started_ns: int) -> None:
        self.provider = provider
        self.model = model
        self.started_ns = started_ns
        self.sent = False
        self.status = 0


def _parent(header: str, own: str) -> tuple[str, str]:
    """Trace and parent span of a `traceparent` (W3C), else a trace of our own."""
    parts = header.strip().split("-")
    if len(parts) >= 4 and len(parts[0]) == 2 and len(parts[1]) == 32 and len(parts[2]) == 16 and parts[0] != "ff":
        try:
            if int(parts[1], 16) and int(parts[2], 16) and header.strip() == header.strip().lower():
                return parts[1], parts[2]
        except ValueError:
            pass
    return own, ""

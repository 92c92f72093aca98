"""One call while it is being answered: what is known of it, and what it became."""

import asyncio
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from triops.kernel.call import Attempt, Cached
from triops.kernel.completion import Ask, Chat, Embed, Embedded, Reply
from triops.lenses.llmops.gateway.cache import Key
from triops.lenses.llmops.gateway.estimate import Size
from triops.lenses.llmops.gateway.prices import Price
from triops.lenses.llmops.gateway.router import Pick
from triops.lenses.llmops.gateway.said import Heard
from triops.lenses.llmops.gateway.specs import Caller, ProviderSpec, RouteSpec
from triops.lenses.llmops.gateway.taker import Taker, Told
from triops.lenses.llmops.gateway.tickets import Ticket
from triops.lenses.llmops.guards import Guarding
from triops.lenses.llmops.redaction.rule import Rule

_TAGS = 20
_NAME = 200
_UNKNOWN = Size()


class Doing:
    """`content` is not None where it replaces what the caller sent (a prompt was filled in, a guard took something
    out). `given_up`: the caller left and his route waits no longer. `begun`: he has been sent something. `raw`: the
    provider's own bytes of a whole answer, where they may go to the caller as they are. `ended_ns`, `error`: as was
    recorded. `answered_by`: the attempt that answered, of which more is noted when the caller has his answer.
    `redaction`: what may be recorded, where not all may; `output`: what that is of the answer."""

    __slots__ = (
        "answer",
        "answered_by",
        "ask",
        "attempts",
        "begun",
        "cache",
        "caller",
        "content",
        "disconnected",
        "ended_ns",
        "error",
        "expected",
        "first_ns",
        "given_up",
        "guarding",
        "guards",
        "heard",
        "id",
        "input",
        "intents",
        "key",
        "output",
        "parent",
        "prompt",
        "prompt_label",
        "prompt_version",
        "raw",
        "record",
        "redaction",
        "route",
        "saved",
        "session",
        "settings",
        "size",
        "span",
        "started_ns",
        "tags",
        "taker",
        "task",
        "ticket",
        "timer",
        "told",
        "trace",
        "user",
    )

    def __init__(
        self, ask: Ask, headers: Mapping[str, str], taker: Taker, caller: Caller, record: str, started_ns: int
    ) -> None:
        random = os.urandom(24).hex()
        self.id, self.span = random[:32], random[32:]
        self.ask = ask
        self.taker = taker
        self.caller = caller
        self.record = record
        self.started_ns = started_ns
        self.told = Told(self.id)
        self.redaction: Rule | None = None
        self.route: RouteSpec | None = None
        self.content: Chat | Embed | None = None
        self.guarding: Guarding | None = None
        self.ticket: Ticket | None = None
        self.key: Key | None = None
        self.task: asyncio.Task[Any] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.begun = self.disconnected = self.given_up = False
        self.size = _UNKNOWN
        self.expected = 0
        self.intents = 0
        self.attempts: list[Attempt] = []
        self.first_ns = self.ended_ns = 0
        self.error = ""
        self.answered_by: tuple[Pick, Asking] | None = None
        self.cache: Cached = "off"
        self.saved = 0
        self.guards: list[Mapping[str, Any]] = []
        self.heard: Heard | None = None
        self.answer: Reply | Embedded | None = None
        self.raw: bytes | None = None
        self.input = self.output = ""
        self.settings: Mapping[str, Any] = {}
        self.prompt, self.prompt_version, self.prompt_label = "", 0, ""
        self.user = ask.user
        self.session = headers.get("x-triops-session", "")[:_NAME] or ask.session
        self.tags = ask.tags
        if tags := headers.get("x-triops-tags"):
            self.tags += tuple(tag.strip()[:_NAME] for tag in tags.split(",")[:_TAGS] if tag.strip())
        if prompt := headers.get("x-triops-prompt"):
            self.prompt, self.prompt_version, self.prompt_label = _filled_by_caller(prompt)
        self.trace, self.parent = _parent(headers.get("traceparent", ""), self.id)

    @property
    def changed(self) -> bool:
        """Whether the caller's own bytes may not go to a provider, nor its bytes to him."""
        return self.content is not None

    def intent(self, provider: str, model: str, at_ns: int) -> dict[str, Any]:
        """The next one, as the members of `kernel.call.Intent` (of which none is made: it would cost more than all else
        here). What was said is in the first alone: it is the same for all."""
        caller, ask, number = self.caller, self.ask, self.intents
        self.intents += 1
        return {
            "call": self.id,
            "project": caller.project,
            "at_ns": at_ns,
            "attempt": number,
            "dialect": ask.dialect,
            "operation": ask.operation,
            "route": self.route.name if self.route else "",
            "asked": ask.model,
            "provider": provider,
            "model": model,
            "key": caller.key,
            "application": caller.application,
            "team": caller.team,
            "user": self.user,
            "session": self.session,
            "tags": self.tags,
            "prompt": self.prompt,
            "prompt_version": self.prompt_version,
            "prompt_label": self.prompt_label,
            "stream": ask.stream,
            "trace": self.trace,
            "span": self.span,
            "parent": self.parent,
            "input_estimate": self.expected,
            "input": "" if number else self.input,
            "settings": {} if number else self.settings,
        }


class Asking:
    """One attempt in progress, at the price when it began. `asked`: something may have been sent; `sent`: the provider
    has begun to answer."""

    __slots__ = ("asked", "model", "price", "provider", "sent", "started_ns", "status")

    def __init__(self, provider: ProviderSpec, model: str, started_ns: int, price: Price | None) -> None:
        self.provider = provider
        self.model = model
        self.started_ns = started_ns
        self.price = price
        self.asked = False
        self.sent = False
        self.status = 0


def _filled_by_caller(text: str) -> tuple[str, int, str]:
    """`name@version` or `name@label`: a prompt that the caller read and filled in himself. The name is percent-encoded
    where it is not ASCII; raw UTF-8, which some clients send, is read as well."""
    name, at, which = text.strip().rpartition("@")
    name, which = (_decoded(name), _decoded(which)) if at else (_decoded(which), "")
    if which.isascii() and which.isdigit() and len(which) < 10:
        return name[:_NAME], int(which), ""
    return name[:_NAME], 0, which[:_NAME]


def _decoded(text: str) -> str:
    if text.isascii() and "%" not in text:
        return text
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeError:
        return text


def _parent(header: str, own: str) -> tuple[str, str]:
    """Trace and parent span of a `traceparent` (W3C), else a trace of our own."""
    if not header:
        return own, ""
    parts = header.strip().split("-")
    if len(parts) >= 4 and len(parts[0]) == 2 and len(parts[1]) == 32 and len(parts[2]) == 16 and parts[0] != "ff":
        try:
            if int(parts[1], 16) and int(parts[2], 16) and header == header.lower():
                return parts[1], parts[2]
        except ValueError:
            pass
    return own, ""

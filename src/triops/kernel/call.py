"""One call of a model through the gateway: what was meant before a provider was asked, and what came of it.

These are the journal's records. A call is one `Intent`, one more for each further attempt (retry, fallback), and at
most one `Outcome`; a call without one was killed. A stream that takes long is a `Progress` now and then, so that a kill
does not lose how far it was. In the journal each is a JSON object of its fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from triops.kernel.completion import Usage
from triops.kernel.value import value

Cached = Literal["off", "miss", "hit"]
NOTHING = Usage()


@dataclass(frozen=True, slots=True)
class Intent:
    """`call`: 32 hexadecimal digits. `at_ns`: unix time. `attempt` counts from 0. `provider` and `model`: who is about
    to be asked; both "" where the call is answered or refused without asking anyone. `trace`, `span`, `parent`:
    hexadecimal, `parent` "" without a `traceparent`. `input_estimate`: tokens, counted by ourselves. `input`: what was
    said to the model as JSON text (a list of `{"role", "parts"}`), cut at the recording bound, or "" when not recorded.
    `settings`: the request's own parameters (temperature, max_tokens, …).
    """

    call: str
    project: str
    at_ns: int
    attempt: int
    dialect: str
    operation: str
    route: str
    asked: str
    provider: str
    model: str
    key: str = ""
    application: str = ""
    team: str = ""
    user: str = ""
    session: str = ""
    tags: tuple[str, ...] = ()
    prompt: str = ""
    prompt_version: int = 0
    prompt_label: str = ""
    stream: bool = False
    trace: str = ""
    span: str = ""
    parent: str = ""
    input_estimate: int = 0
    input: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@value
class Attempt:
    """One asking of one provider. `error`: "" or its kind (`ports.providers.Fault.kind`). `usage`: what is billed for
    it, zero where nothing was. `estimated`: counted by ourselves, because the answer was cut before the provider said.
    `cost`: pico-dollars; None without a price. `price`: `name@revision` of the price that was used.
    """

    provider: str
    model: str
    started_ns: int
    ended_ns: int
    status: int = 0
    error: str = ""
    message: str = ""
    usage: Usage = NOTHING
    estimated: bool = False
    cost: int | None = None
    price: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the answer of an attempt was: `characters` heard, and the `tokens` that these are by our own count."""

    call: str
    at_ns: int
    attempt: int
    characters: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status`: the HTTP status that the caller saw. `error`: "" or its kind (`budget_exceeded`, `rate_limited`,
    `guard_blocked`, a provider's fault, `disconnected`, `killed`). `first_ns`: from the start to the first token, 0
    where there was none. `output`: what the model said as JSON text (a list of `{"parts", "finish"}`), cut, or "".
    `saved`: pico-dollars that the cache saved. `guards`: findings (`{"rule", "where", "action", "count"}`), never the
    text found. `model`: as the provider named it.
    """

    call: str
    ended_ns: int
    status: int
    error: str = ""
    message: str = ""
    model: str = ""
    attempts: tuple[Attempt, ...] = ()
    first_ns: int = 0
    cache: Cached = "off"
    saved: int = 0
    finish: tuple[str, ...] = ()
    disconnected: bool = False
    output: str = ""
    output_bytes: int = 0
    guards: tuple[Mapping[str, Any], ...] = ()
    dropped: tuple[str, ...] = ()

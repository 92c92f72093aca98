"""Providers of language models: one adapter each, pure functions between our words and theirs. No adapter does I/O: the
gateway's transport (`ports/upstream.py`) sends what `request` made and hands back what came.

Parameters that a provider has no word for: hints about sampling and bookkeeping (seed, penalties, logit_bias, user,
metadata, service_tier, store, …) are dropped and named in `Outgoing.dropped`, which the caller is told; what changes
the answer's meaning (n > 1, tools, tool_choice, format, images, logprobs, stop) is refused with Invalid that names it.
Each adapter states its own two lists in its docstring.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from triops.kernel.completion import Ask, Chat, Delta, Embed, Embedded, Reply
from triops.kernel.value import value

FaultKind = Literal[
    "connect",  # no connection (in time), a refused one, a name that does not resolve
    "timeout",  # first token, between tokens, or in total: the message says which
    "rate_limited",  # 429
    "overloaded",  # 503, 529
    "server",  # any other 5xx
    "auth",  # 401, 403
    "not_found",  # 404: no such model
    "invalid",  # 400, 413, 422: our caller's request
    "content_filter",
    "garbage",  # an answer that is not what the dialect says
    "cut",  # the answer ended before its end
]
RETRYABLE = frozenset({"connect", "timeout", "rate_limited", "overloaded", "server", "garbage", "cut"})


class Fault(Exception):
    """A provider did not answer as asked. `body`: its own words, as it sent them (at most 64 kB), for a caller of the
    same dialect; secrets are masked before it is shown. `retry_after_s`: as it said, 0 where it did not."""

    def __init__(
        self, kind: FaultKind, message: str, status: int = 0, body: bytes = b"", retry_after_s: float = 0.0
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status
        self.body = body
        self.retry_after_s = retry_after_s


@value
class Target:
    """Whom to ask: `path` is the base URL's own path without a trailing slash (`/v1`); `credential` the key, "" for
    none. `cap`: the most tokens that a choice may have, where the caller set no bound and a hard budget needs one."""

    provider: str
    model: str
    path: str = ""
    credential: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    cap: int | None = None


@value
class Outgoing:
    """`path` is complete, with the target's. `headers` lower-case, without host, content-length and connection."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    dropped: tuple[str, ...] = ()


@value
class Event:
    """One event of a stream: its bytes as they came (whole events only), and what they mean. `hidden`: it came only
    because we asked for it (the usage of a caller who did not), so a caller of the same dialect does not see it."""

    raw: bytes
    deltas: tuple[Delta, ...]
    hidden: bool = False


class Offered(NamedTuple):
    """A model that a provider says it has, by the name that it is asked for. `created`: unix seconds, 0 for unknown."""

    name: str
    created: int = 0


class Decoder(Protocol):
    """Reads one streamed answer. Raises: Fault for an error event, garbage (an event that is not the dialect's, or over
    32 MB), or an end before the end. `done`: the dialect's own end has come, and nothing that counts follows."""

    done: bool

    def feed(self, data: bytes) -> Sequence[Event]: ...

    def end(self) -> Sequence[Event]:
        """The connection ended."""
        ...


class Provider(Protocol):
    """`name`: the `dialect` of a Provider document. `native`: dialects of asks whose `raw` is sent on as it is, but for
    the model's name and what the target adds; answers and events of these go back to the caller as they came."""

    name: str
    native: frozenset[str]

    def request(self, ask: Ask, content: Chat | Embed | None, target: Target) -> Outgoing:
        """`content` None: send `ask.raw` on (only where the ask's dialect is native). Raises: Invalid."""
        ...

    def reply(self, ask: Ask, status: int, headers: Mapping[str, str], body: bytes) -> Reply | Embedded:
        """A whole answer. Raises: Fault for any status but 2xx, and for garbage."""
        ...

    def decoder(self, ask: Ask) -> Decoder: ...

    def listing(self, target: Target) -> Outgoing:
        """Asks for the models that it has; the target's own model says nothing here."""
        ...

    def offered(self, status: int, headers: Mapping[str, str], body: bytes) -> Sequence[Offered]:
        """What came of that, bounded. Raises: Fault for any status but 2xx, and for garbage."""
        ...

"""What an edge for a family of models' clients is: pure functions between its wire and `kernel/completion.py`.

One `Dialect` an endpoint that calls a model, one `Lookup` an endpoint that only tells (lists of models, versions). Who
reads sockets, authenticates, asks the gateway and writes the answer is the same for all: `web/completing/`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from triops.kernel.completion import Ask, Chat, Delta, Embed, Embedded, Reply
from triops.kernel.errors import TriopsError
from triops.lenses.llmops.gateway.limits import Left


@dataclass(frozen=True, slots=True)
class Problem:
    """An error in the caller's words."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class Encoder(Protocol):
    """Writes one streamed answer; every method answers bytes that may be empty."""

    def start(self) -> bytes: ...

    def feed(self, deltas: Sequence[Delta]) -> bytes: ...

    def end(self) -> bytes: ...

    def fail(self, problem: Problem) -> bytes:
        """The stream has begun and cannot be completed: the dialect's own error event, so that no client takes what
        came for the whole."""
        ...


class Dialect(Protocol):
    """`name`: as in `Ask.dialect`. `path`: `/v1/chat/completions`; always POST. `stream_type`: content type of streamed
    answers. `call_header`: where its clients look for a request's id; "" for nowhere."""

    name: str
    path: str
    stream_type: str
    call_header: str

    def ask(self, body: bytes, headers: Mapping[str, str]) -> Ask:
        """`headers` lower-case. Reads the envelope and checks what it reads. Raises: Invalid that names the field."""
        ...

    def content(self, ask: Ask) -> Chat | Embed:
        """The whole request. Raises: Invalid that names the field (`messages[2].content[0].type`)."""
        ...

    def reply(self, ask: Ask, answer: Reply | Embedded) -> bytes: ...

    def encoder(self, ask: Ask) -> Encoder: ...

    def problem(self, error: TriopsError) -> Problem:
        """In the dialect's error shape, with the status its clients expect (they retry on some)."""
        ...

    def limits(self, left: Left) -> Sequence[tuple[str, str]]:
        """Headers that say what the caller's key has left."""
        ...


@dataclass(frozen=True, slots=True)
class Served:
    """A model that a caller may ask for: a route, an alias, or a provider's own model name."""

    name: str
    provider: str
    created: int = 0


class Lookup(Protocol):
    """An endpoint that tells and costs nothing. `path` may end in `{name}`, which holds the rest of the path."""

    method: str
    path: str

    def dialect(self, headers: Mapping[str, str]) -> str:
        """As whose client he asks who sends these (`openai`); "" where models are not told."""
        ...

    def answer(self, body: bytes, headers: Mapping[str, str], name: str, served: Sequence[Served]) -> bytes:
        """Raises: TriopsError."""
        ...

    def problem(self, error: TriopsError) -> Problem: ...

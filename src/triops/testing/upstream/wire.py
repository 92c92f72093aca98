"""What one provider's endpoint is to the loopback server: pure functions from a request to an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from triops.testing.upstream.orders import Orders


class Refused(Exception):
    """The provider refuses the request: `status`, and words for its error."""

    def __init__(self, status: int, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.param = param


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` lower-case. `tree`: the body's JSON. `id`: of the provider's own choice, counting up."""

    method: str
    path: str
    headers: Mapping[str, str]
    tree: Mapping[str, Any]
    id: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What the server must know of a request before it is answered. `key`: the credential that came."""

    model: str
    user: str
    key: str
    stream: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """`events`: what is written, one item for a whole answer. `tokens`: those of the output that each event brings.
    `tells`: the place of the event that holds the usage, -1 for none. `error`: the event that says an error."""

    events: Sequence[bytes]
    tokens: Sequence[int]
    input_tokens: int
    tells: int = -1
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    content_type: str = "application/json"
    error: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Wire(Protocol):
    """`path` may end in `*`, which holds any rest."""

    method: str
    path: str

    def asked(self, request: Request) -> Asked:
        """Raises: Refused for what cannot be read."""
        ...

    def answer(self, request: Request, asked: Asked, orders: Orders) -> Answer:
        """Raises: Refused."""
        ...

    def refusal(self, status: int, message: str, param: str | None) -> bytes:
        """The body of an error; an empty message means the words that the provider uses for that status."""
        ...

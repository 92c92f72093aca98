"""One request as it was read, and the errors of reading one."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class Request:
    """`path` without its query, as it came. `headers`: lower-case names; values that came twice joined by a comma."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Refused(Exception):
    """The request cannot be read; the connection ends with this answer. `body`: in the words of who refuses it, else
    it is made of `message`."""

    def __init__(self, status: int, message: str, body: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.body = body


@dataclass(frozen=True)
class Bounds:
    """Of one connection. `headers` and `body` in bytes; seconds: `slow_s` for a request's head, without a byte of its
    body, or of an answer that is not read, `idle_s` between requests. `connections`: at once; over it the newest is
    refused. `unasked`: bytes of a body that are read before it is known who sends it; `bodies`: of all connections
    together, until their answers are complete."""

    headers: int = 64 << 10
    body: int = 64 << 20
    unasked: int = 64 << 10
    bodies: int = 1 << 30
    slow_s: float = 60.0
    idle_s: float = 120.0
    connections: int = 20_000
    sweep_s: float = 1.0  # how often time-outs are looked for

"""The head of an answer as it is written."""

from collections.abc import Sequence
from http import HTTPStatus

_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
Headers = Sequence[tuple[str, str]]


def written(status: int, headers: Headers, framing: str) -> bytes:
    """`headers`: at least one; a value with line breaks is written on one line. `framing`: lines of the connection's
    own."""
    line = _LINES.get(status) or f"HTTP/1.1 {status} \r\n"
    shown = "\r\n".join(map(": ".join, headers))
    if shown.count("\n") != len(headers) - 1 or shown.count("\r") != len(headers) - 1:
        shown = "\r\n".join([f"{name}: {' '.join(value.split())}" for name, value in headers])
    return f"{line}{shown}\r\n{framing}\r\n".encode("latin-1", "replace")

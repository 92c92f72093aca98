"""The head of an answer as it is written."""

from collections.abc import Sequence
from http import HTTPStatus

_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
Headers = Sequence[tuple[str, str]]


def written(status: int, headers: Headers, framing: str) -> bytes:
    """`framing`: lines of the connection's own. A value with line breaks is written on one line."""
    line = _LINES.get(status) or f"HTTP/1.1 {status} \r\n"
    shown = ""
    for name, value in headers:
        shown += f"{name}: {value}\r\n"
    if shown.count("\n") != len(headers) or shown.count("\r") != len(headers):
        shown = "".join([f"{name}: {' '.join(value.split())}\r\n" for name, value in headers])
    return f"{line}{shown}{framing}\r\n".encode("latin-1", "replace")

"""Server-sent events out of a stream of bytes, however it is split: LF, CRLF and CR end a line, a blank line ends an
event, lines of `data` are joined, comments and other fields are passed over."""

import re
from typing import NamedTuple

from triops.ports.providers import Fault

MOST_EVENT = 32 << 20  # bytes of one event (one may hold an image, or all of an answer); more is a Fault
_LONG = 64 << 10  # bytes of an event that has not ended, from which on its pieces are joined but once
_BLANK = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_BOM = b"\xef\xbb\xbf"


class Sent(NamedTuple):
    """`raw`: the event's bytes as they came, with the blank line that ended it. `data` is None where it had none (a
    comment, a ping)."""

    raw: bytes
    name: str
    data: bytes | None


class Splitter:
    """Raises: Fault (garbage) for an event over 32 MB, or bytes that begin like no event at all (JSON, HTML)."""

    def __init__(self) -> None:
        self._rest = b""
        self._more: list[bytes] = []  # pieces of a long event after `_rest`
        self._length = 0  # of `_more`
        self._begun = False

    def feed(self, data: bytes) -> list[Sent]:
        """The events that are complete now."""
        buffer = data
        if self._rest:
            if len(self._rest) >= _LONG and b"\n" not in data and b"\r" not in data:  # no event ends in it
                self._more.append(data)
                self._length += len(data)
                if len(self._rest) + self._length > MOST_EVENT:
                    raise _too_long()
                return []
            buffer = b"".join([self._rest, *self._more, data])
            self._more, self._length = [], 0
        if not self._begun and not self._begin(buffer):
            self._rest = buffer
            return []
        if b"\r" in buffer:
            pieces, self._rest = _split_any(buffer)
            found = [_read(raw) for raw in pieces]
        else:
            pieces = buffer.split(b"\n\n")
            self._rest = pieces.pop()
            found = [
                Sent(piece + b"\n\n", "", piece[6:])  # nearly every event
                if piece.startswith(b"data: ") and b"\n" not in piece and len(piece) < MOST_EVENT
                else _read(piece + b"\n\n")
                for piece in pieces
            ]
        if len(self._rest) > MOST_EVENT:
            raise _too_long()
        return found

    def end(self) -> list[Sent]:
        """What stood there without a blank line when the connection ended, if that makes an event."""
        rest, self._rest, self._more = b"".join([self._rest, *self._more]), b"", []
        if not rest.strip():
            return []
        sent = _read(rest + b"\n\n")
        return [] if sent.data is None else [sent]

    def _begin(self, buffer: bytes) -> bool:
        if len(buffer) < len(_BOM) and _BOM.startswith(buffer):
            return False
        first = buffer.removeprefix(_BOM).lstrip(b"\r\n \t")[:1]
        if not first:
            return False
        if first in b"{<[":
            raise Fault("garbage", "not a stream of events", body=buffer[:65536])
        self._begun = True
        return True


def _split_any(buffer: bytes) -> tuple[list[bytes], bytes]:
    """A carriage return at the very end may be half of a line's end: it waits for what comes next."""
    found, start = [], 0
    for match in _BLANK.finditer(buffer):
        end = match.end()
        if end == len(buffer) and buffer.endswith(b"\r"):
            break
        found.append(buffer[start:end])
        start = end
    return found, buffer[start:]


def _too_long() -> Fault:
    return Fault("garbage", f"an event of more than {MOST_EVENT} bytes")


def _read(raw: bytes) -> Sent:
    if len(raw) > MOST_EVENT:
        raise _too_long()
    name, data = "", []
    for line in raw.removeprefix(_BOM).splitlines():  # of bytes: at LF, CRLF and CR only
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
    return Sent(raw, name, b"\n".join(data) if data else None)

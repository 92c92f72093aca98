"""Lines of JSON out of a stream of bytes, however it is split."""

from triops.ports.providers import Fault

MOST_LINE = 1 << 20  # bytes of one line; more is a Fault


class LineSplitter:
    """Raises: Fault (garbage) for a line over 1 MB."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete now, each with its end."""
        *lines, self._rest = (self._rest + data if self._rest else data).split(b"\n")
        if len(self._rest) > MOST_LINE or any(len(line) > MOST_LINE for line in lines):
            raise Fault("garbage", f"a line of more than {MOST_LINE} bytes")
        return [line + b"\n" for line in lines]

    def end(self) -> list[bytes]:
        """What stood there without an end when the connection ended."""
        rest, self._rest = self._rest, b""
        return [rest] if rest.strip() else []

"""A connected socket handed to another process, with the bytes that were read of it so far.

Both ends have one socket of a pair that keeps the borders of messages. A handover is one message with the descriptor
and the first bytes, and further messages while bytes remain. Each message begins with how many bytes still follow it.
Bounded: at most `most` handovers wait to be sent; over it none is taken, and the
client is told to try again.
"""

import array
import asyncio
import contextlib
import errno
import logging
import resource
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable

log = logging.getLogger(__name__)

KIND = socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_DGRAM
_LEFT = struct.Struct("<I")
_PIECE = 32 << 10
_DESCRIPTOR = array.array("i").itemsize
_HEAD = 16 << 20  # a longer beginning was never sent by us

Taken = Callable[[socket.socket, bytes], None]


def pair() -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, KIND)
    for end in (ours, theirs):
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    return ours, theirs


def many_descriptors() -> None:
    """As many open connections as the machine allows a process without asking."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Handover:
    """`taken` is called for every connection that the other process hands over; `ended` when it is gone."""

    def __init__(self, end: socket.socket, taken: Taken, ended: Callable[[], None], most: int = 8000) -> None:
        self._end = end
        self._taken = taken
        self._ended = ended
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[bytes, int]] = deque()  # message, descriptor or -1
        self._handovers = 0
        self._coming: socket.socket | None = None
        self._head = bytearray()
        self._closed = False
        self._loop.add_reader(end, self._read)

    def give(self, descriptor: int, head: bytes) -> bool:
        """Hand over; the caller's own descriptor stays open and his to close. False when too many wait, or the other
        process is gone."""
        if self._closed or self._handovers >= self._most:
            return False
        pieces = [head[at : at + _PIECE] for at in range(0, len(head), _PIECE)] or [b""]
        left = len(head)
        sent = socket.dup(descriptor)
        self._handovers += 1
        for number, piece in enumerate(pieces):
            left -= len(piece)
            self._waiting.append((_LEFT.pack(left) + piece, sent if number == 0 else -1))
        self._write()
        return True

    def close(self) -> None:
        """Safe twice. What waits is dropped."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._end)
        self._loop.remove_writer(self._end)
        for _, descriptor in self._waiting:
            if descriptor >= 0:
                socket.close(descriptor)
        self._waiting.clear()
        if self._coming is not None:
            self._coming.close()
        self._end.close()

    def _write(self) -> None:
        while self._waiting:
            message, descriptor = self._waiting[0]
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))] if descriptor >= 0 else []
            try:
                self._end.sendmsg([message], rights)
            except (BlockingIOError, InterruptedError):
                self._loop.add_writer(self._end, self._write)
                return
            except OSError as error:
                if error.errno == errno.ENOBUFS:  # no room for now, told by no event
                    self._loop.call_later(0.01, self._write)
                    return
                self._gone()
                return
            self._waiting.popleft()
            if descriptor >= 0:
                self._handovers -= 1
                socket.close(descriptor)
        self._loop.remove_writer(self._end)

    def _read(self) -> None:
        for _ in range(64):  # others have their turn
            try:
                message, rights, _, _ = self._end.recvmsg(_PIECE + _LEFT.size, socket.CMSG_SPACE(_DESCRIPTOR))
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self._gone()
                return
            if len(message) < _LEFT.size:
                self._gone()
                return
            for level, kind, data in rights:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS and len(data) >= _DESCRIPTOR:
                    self._begin(array.array("i", data[:_DESCRIPTOR])[0])
            if self._coming is None:
                continue
            self._head += message[_LEFT.size :]
            if _LEFT.unpack_from(message)[0] == 0 or len(self._head) > _HEAD:
                self._done()

    def _begin(self, descriptor: int) -> None:
        if self._coming is not None:
            self._coming.close()
        self._coming = socket.socket(fileno=descriptor)
        self._coming.setblocking(False)
        self._head.clear()

    def _done(self) -> None:
        coming, head = self._coming, bytes(self._head)
        self._coming = None
        self._head.clear()
        if coming is not None:
            self._taken(coming, head)

    def _gone(self) -> None:
        if not self._closed:
            self.close()
            self._ended()

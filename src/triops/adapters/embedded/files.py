"""Files read, and written for good, off the event loop."""

import asyncio
import errno
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import ParamSpec, TypeVar

from triops.kernel.errors import StoreFull, Unavailable

P = ParamSpec("P")
T = TypeVar("T")
_PIECE = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)  # the caller's to word
_ROOM_BYTES = 1 << 20  # an I/O error on a disk with less room than this is a full disk


async def in_thread(pool: Executor, folder: Path, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Raises: StoreFull, Unavailable for what the disk under `folder` refuses; what is not there stays an OSError."""
    try:
        return await asyncio.get_running_loop().run_in_executor(pool, lambda: work(*arguments, **named))
    except _ABSENT:
        raise
    except OSError as error:
        if error.errno in _FULL or (error.errno == errno.EIO and _no_room(folder)):
            raise StoreFull(f"no room for artifacts in {folder}") from error
        raise Unavailable(f"cannot read or write in {folder}: {os.strerror(error.errno or 0)}") from error


def sync_folder(folder: Path) -> None:
    """Names in a folder are on the disk when this returns."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class FileReading:
    """`ports.blobs.Reading` of a file: the next piece is read while the last one is sent, so two are held.

    It is made, and reads, by way of `run`: on a thread.
    """

    def __init__(
        self,
        path: Path | int,
        start: int,
        end: int | None,
        run: Callable[[Callable[[], bytes]], Awaitable[bytes]],
    ) -> None:
        """`path` may be an open file, which becomes the reading's own."""
        self._fd = path if isinstance(path, int) else os.open(path, os.O_RDONLY)
        self.size = os.fstat(self._fd).st_size
        self._at = min(start, self.size)
        self._end = self.size if end is None else min(end, self.size)
        self._run = run
        self._next: asyncio.Future[bytes] | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._next is None:
            self._ahead()
        assert self._next is not None
        piece = await asyncio.shield(self._next)
        self._at += len(piece)
        if not piece:
            raise StopAsyncIteration
        self._ahead()
        return piece

    async def aclose(self) -> None:
        reading, self._next = self._next, None
        if reading is not None:
            await asyncio.gather(reading, return_exceptions=True)
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _ahead(self) -> None:
        at, size = self._at, min(_PIECE, self._end - self._at)
        if size <= 0 or self._fd < 0:
            self._next = asyncio.get_running_loop().create_future()
            self._next.set_result(b"")
        else:
            self._next = asyncio.ensure_future(self._run(lambda: os.pread(self._fd, size, at)))


def _no_room(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _ROOM_BYTES
    except OSError:
        return False

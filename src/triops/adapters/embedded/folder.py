"""`ports.files` on a folder that the administrator named: artifacts where clients write to a shared disk themselves.

No symbolic link is followed below the folder, not even one that appears in between: every step of a path is opened by
itself, relative to the one before. Projects are told apart by their paths alone, which is why paths of this folder are
only ever made from locations that the server itself gave to its runs and models.
"""

import asyncio
import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import AsyncIterable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from triops.adapters.embedded.files import FileReading, in_thread
from triops.kernel.errors import TooLarge, Unavailable
from triops.kernel.ids import ProjectId
from triops.ports.files import Entry, Found, in_the_way, is_folder, no_such

P = ParamSpec("P")
T = TypeVar("T")
_UPLOADING = ".artifact.uploading."  # a file that is being written; MLflow's servers hide the same names
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class Folder:
    """`top` need not be there before something is written. `most`: bytes of one file."""

    def __init__(self, top: Path, *, most: int, threads: int = 2) -> None:
        self._top = top
        self._most = most
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None

    async def start(self) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="folder")

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.shutdown)

    async def find(self, project: ProjectId, path: str) -> Found:
        return await self._run(self._find, path)

    async def read(self, project: ProjectId, found: Found, start: int = 0, end: int | None = None) -> FileReading:
        return await self._run(self._open, found.path, start, end)

    async def list(self, project: ProjectId, path: str, after: str = "", limit: int = 1000) -> Sequence[Entry]:
        entries = await self._run(self._list, path)
        return [entry for entry in entries if entry.key > after][:limit]

    async def write(self, project: ProjectId, path: str, chunks: AsyncIterable[bytes]) -> int:
        writing = await self._run(_Writing, self._top, path)
        size = 0
        try:
            async for chunk in chunks:
                size += len(chunk)
                if size > self._most:
                    raise TooLarge(f"the artifact is larger than {self._most} bytes", limit=self._most)
                await self._run(writing.write, chunk)
            await self._run(writing.finish)
        except BaseException:
            await asyncio.shield(self._run(writing.drop))
            raise
        return size

    async def delete(self, project: ProjectId, path: str) -> None:
        await self._run(self._delete, path)

    def _find(self, path: str) -> Found:
        with self._opened(path) as fd:
            told = os.fstat(fd)
        return Found(path, told.st_size, f"{told.st_mtime_ns:x}-{told.st_size:x}", told.st_mtime)

    def _open(self, path: str, start: int, end: int | None) -> FileReading:
        with self._opened(path) as fd:
            return FileReading(os.dup(fd), start, end, self._run)

    @contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        """A regular file. Raises: NotFound, Invalid (a folder)."""
        folder, _, name = path.rpartition("/")
        fd = -1
        try:
            with _descended(self._top, folder) as parent:
                fd = os.open(name or ".", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
            mode = os.fstat(fd).st_mode
            if stat.S_ISDIR(mode):
                raise is_folder(path)
            if not stat.S_ISREG(mode):
                raise no_such(path)
            yield fd
        except (FileNotFoundError, NotADirectoryError) as error:
            raise no_such(path) from error
        except OSError as error:
            if error.errno != errno.ELOOP:  # the name is a link
                raise
            raise no_such(path) from error
        finally:
            if fd >= 0:
                os.close(fd)

    def _list(self, path: str) -> Sequence[Entry]:
        entries = []
        with contextlib.suppress(OSError), _descended(self._top, path) as fd, os.scandir(fd) as found:
            for entry in found:
                if entry.is_symlink() or entry.name.startswith(_UPLOADING):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    entries.append(Entry(entry.name, None))
                elif entry.is_file(follow_symlinks=False):
                    entries.append(Entry(entry.name, entry.stat(follow_symlinks=False).st_size))
        return sorted(entries, key=lambda entry: entry.key)

    def _delete(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), _descended(self._top, folder) as parent:
            if stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
                shutil.rmtree(name, dir_fd=parent)  # follows no links, by way of open folders
            else:
                os.unlink(name, dir_fd=parent)

    async def _run(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        if self._pool is None:
            raise Unavailable("the artifact root is not open")
        return await in_thread(self._pool, self._top, work, *arguments, **named)


class _Writing:
    """A file while it is written, under another name."""

    def __init__(self, top: Path, path: str) -> None:
        self._top, self._path = top, path
        self._folder, _, self._name = path.rpartition("/")
        self._hidden = _UPLOADING + secrets.token_hex(8)
        top.mkdir(parents=True, exist_ok=True)
        try:
            with _descended(top, self._folder, make=True) as parent:
                with contextlib.suppress(FileNotFoundError):
                    if stat.S_ISDIR(os.stat(self._name, dir_fd=parent, follow_symlinks=False).st_mode):
                        raise is_folder(path)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
                self._fd = os.open(self._hidden, flags, 0o666, dir_fd=parent)
        except (NotADirectoryError, FileNotFoundError):
            raise in_the_way(path) from None

    def write(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:
            view = view[os.write(self._fd, view) :]

    def finish(self) -> None:
        os.fsync(self._fd)
        with _descended(self._top, self._folder) as parent:
            os.replace(self._hidden, self._name, src_dir_fd=parent, dst_dir_fd=parent)
            os.fsync(parent)
        os.close(self._fd)
        self._fd = -1

    def drop(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            with contextlib.suppress(OSError), _descended(self._top, self._folder) as parent:
                os.unlink(self._hidden, dir_fd=parent)


@contextmanager
def _descended(top: Path, path: str, make: bool = False) -> Iterator[int]:
    """The folder `path` below `top`, open. Raises: FileNotFoundError, NotADirectoryError (a link is none either)."""
    fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY)  # where the top itself leads is the administrator's affair
    try:
        for name in path.split("/") if path else ():
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=fd)
            try:
                below = os.open(name, _DIRECTORY, dir_fd=fd)
            except OSError as error:
                raise NotADirectoryError(error.errno, os.strerror(error.errno or 0), name) from error
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)

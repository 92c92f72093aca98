"""`ports.blobs` on files: `<folder>/<project>/ab/<digest>`, and `<folder>/<project>/incoming/` for what is staged.

A staged file is hashed while it is written, in pieces and off the event loop, and is moved to its digest by a rename.
SHA-256: with the processor's own instructions it is the fastest of the digests that stand up to chosen content.
"""

import asyncio
import contextlib
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from triops.adapters.embedded.files import FileReading, in_thread, sync_folder
from triops.kernel.errors import NotFound, Overloaded, TooLarge, Unavailable
from triops.kernel.ids import ProjectId
from triops.kernel.tenant import project_id
from triops.ports.blobs import Staged

P = ParamSpec("P")
T = TypeVar("T")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_WAIT_S = 60.0  # for a turn
_PIECE = 1 << 20  # bytes gathered before a thread writes them
_WRITE_BACK = 16 << 20  # bytes after which the kernel is asked to begin writing to the disk


class FileBlobs:
    """`staging`: contents taken in at a time. `threads`: for reading, writing and hashing."""

    def __init__(self, folder: Path, *, staging: int = 32, threads: int = 4) -> None:
        self._folder = folder
        self._turns = asyncio.Semaphore(staging)
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None

    async def start(self) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="blobs")
            await self._run(self._clear)

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.shutdown)

    async def stage(self, project: ProjectId, chunks: AsyncIterable[bytes], *, most: int) -> Staged:
        async with self._turn():
            incoming = await self._run(_Incoming, self._folder / project_id(project))
            try:
                await self._take(incoming, chunks, most)
                return await self._run(incoming.finish)
            except BaseException:
                await asyncio.shield(self._run(incoming.drop))
                raise

    async def keep(self, project: ProjectId, staged: Staged) -> None:
        await self._run(_keep, self._incoming(project, staged), self._path(project, staged.digest))

    async def discard(self, project: ProjectId, staged: Staged) -> None:
        await self._run(_unlink, self._incoming(project, staged))

    async def read(self, project: ProjectId, digest: str, start: int = 0, end: int | None = None) -> FileReading:
        path = self._path(project, digest)
        try:
            return await self._run(FileReading, path, start, end, self._run)
        except FileNotFoundError:
            raise NotFound(f"no blob {digest}") from None

    async def delete(self, project: ProjectId, digest: str) -> None:
        await self._run(_unlink, self._path(project, digest))

    async def kept_before(self, project: ProjectId, shard: int, before_s: float) -> Sequence[str]:
        return await self._run(_kept_before, self._folder / project_id(project) / f"{shard:02x}", before_s)

    async def projects(self) -> Sequence[ProjectId]:
        names = await self._run(os.listdir, self._folder)
        return [ProjectId(name) for name in sorted(names)]

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Raises: Overloaded when none comes in time."""
        try:
            async with asyncio.timeout(_WAIT_S):
                await self._turns.acquire()
        except TimeoutError:
            raise Overloaded("too many artifacts are being taken in", retry_after_s=10.0) from None
        try:
            yield
        finally:
            self._turns.release()

    async def _take(self, incoming: "_Incoming", chunks: AsyncIterable[bytes], most: int) -> None:
        """One piece is written while the next is gathered: two are held."""
        pieces: list[bytes] = []
        gathered = size = 0
        writing: asyncio.Future[None] | None = None
        try:
            async for chunk in chunks:
                size += len(chunk)
                if size > most:
                    raise TooLarge(f"the content is larger than {most} bytes", limit=most)
                pieces.append(chunk)
                gathered += len(chunk)
                if gathered >= _PIECE:
                    if writing is not None:
                        await writing
                    writing = asyncio.ensure_future(self._run(incoming.write, pieces))
                    pieces, gathered = [], 0
        finally:
            if writing is not None:
                await asyncio.shield(writing)
        if pieces:
            await self._run(incoming.write, pieces)

    def _path(self, project: ProjectId, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise NotFound(f"no blob {digest[:80]}")
        return self._folder / project_id(project) / digest[:2] / digest

    def _incoming(self, project: ProjectId, staged: Staged) -> Path:
        return self._folder / project_id(project) / "incoming" / Path(staged.name).name

    def _clear(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for entry in os.scandir(self._folder):
            shutil.rmtree(Path(entry.path) / "incoming", ignore_errors=True)

    async def _run(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """`work` on a thread of the store's own; what fails there, as our kinds."""
        if self._pool is None:
            raise Unavailable("the blobs are not open")
        return await in_thread(self._pool, self._folder, work, *arguments, **named)


class _Incoming:
    """A staged file while it is written. Its methods run on threads, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.name = secrets.token_hex(16)
        self._path = folder / "incoming" / self.name
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._hash = hashlib.sha256()
        self._size = self._told = 0

    def write(self, pieces: Sequence[bytes]) -> None:
        for piece in pieces:
            self._hash.update(piece)
            view = memoryview(piece)
            while view:
                view = view[os.write(self._fd, view) :]
            self._size += len(piece)
        if self._size - self._told >= _WRITE_BACK:
            # So that the disk works while more is received, instead of all at the end: of pages that are not written
            # yet this drops none, it only begins to write them.
            os.posix_fadvise(self._fd, self._told, self._size - self._told, os.POSIX_FADV_DONTNEED)
            self._told = self._size

    def finish(self) -> Staged:
        os.fsync(self._fd)
        os.close(self._fd)
        self._fd = -1
        return Staged(self._hash.hexdigest(), self._size, self.name)

    def drop(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._path.unlink(missing_ok=True)


def _keep(staged: Path, path: Path) -> None:
    if not path.parent.is_dir():
        path.parent.mkdir(exist_ok=True)
        sync_folder(path.parent.parent)
    # Always moved, also onto equal content: so it is as young as its youngest reference, and whole again if it was not.
    os.replace(staged, path)
    sync_folder(path.parent)


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)


def _kept_before(folder: Path, before_s: float) -> list[str]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        return [entry.name for entry in entries if entry.stat().st_mtime < before_s]
    return []

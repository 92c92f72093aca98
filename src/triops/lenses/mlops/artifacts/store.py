"""Artifacts in the server's own store: paths in the book, content in the blobs. An implementation of `ports.files`.

A blob lives as long as something points at it. That nothing is taken away while a reference to it is being written is
held by a lock for a digest's first byte: who keeps a blob holds it until the row is committed, who deletes one asks the
book within it.
"""

import asyncio
import math
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from triops.kernel.ids import ProjectId
from triops.ledger.artifacts.paths import Artifact, ArtifactPaths
from triops.ports.blobs import Blobs, Reading, Staged
from triops.ports.clock import Clock
from triops.ports.files import Entry, Found

GRACE_S = 3600.0  # a blob younger than this is not swept


class Artifacts:
    """`most`: bytes of one artifact."""

    def __init__(self, book: ArtifactPaths, blobs: Blobs, clock: Clock, most: int) -> None:
        self._book = book
        self._blobs = blobs
        self._clock = clock
        self.most = most
        self._moving = tuple(asyncio.Lock() for _ in range(256))

    async def find(self, project: ProjectId, path: str) -> Found:
        artifact = await self._book.get(project, path)
        return Found(path, artifact.size, artifact.digest, artifact.at)

    async def read(self, project: ProjectId, found: Found, start: int = 0, end: int | None = None) -> Reading:
        return await self._blobs.read(project, found.tag, start, end)

    async def list(self, project: ProjectId, path: str, after: str = "", limit: int = 1000) -> Sequence[Entry]:
        return await self._book.list(project, path, after, limit)

    async def write(self, project: ProjectId, path: str, chunks: AsyncIterable[bytes]) -> int:
        """Answered when content and path are durable. Raises: Invalid where a file would lie in a file."""
        async with self.staging(project, chunks) as staged:
            artifact = Artifact(path, staged.digest, staged.size, self._clock.now())
            before = await self._book.put(project, artifact)
        if before and before != staged.digest:
            await self.release(project, [before])
        return staged.size

    @asynccontextmanager
    async def staging(self, project: ProjectId, chunks: AsyncIterable[bytes]) -> AsyncIterator[Staged]:
        """Content as a kept blob; the block writes the row that points at it. If it fails nothing is left."""
        staged = await self._blobs.stage(project, chunks, most=self.most)
        try:
            async with self._lock(staged.digest):
                await self._blobs.keep(project, staged)
                yield staged
        except BaseException:
            await asyncio.shield(self._undo(project, staged))
            raise

    async def blob(self, project: ProjectId, digest: str) -> Reading:
        """Raises: NotFound."""
        return await self._blobs.read(project, digest)

    async def delete(self, project: ProjectId, path: str) -> None:
        """A kill in between leaves some of a folder, and blobs that the sweep takes."""
        while digests := await self._book.remove(project, path):
            await self.release(project, digests)

    async def release(self, project: ProjectId, digests: Iterable[str]) -> None:
        """Free what was pointed at until now, unless something else still does."""
        for digest in dict.fromkeys(digests):
            async with self._lock(digest):
                if await self._book.unreferenced(project, [digest]):
                    await self._blobs.delete(project, digest)

    async def sweep(self, now: float) -> None:
        """Blobs that nothing points at: what a kill left."""
        for project in await self._blobs.projects():
            await self._free(project, now - GRACE_S)

    async def forget(self, project: ProjectId) -> None:
        """The project was erased: nothing points at its blobs any more."""
        await self._free(project, math.inf)

    async def _free(self, project: ProjectId, before_s: float) -> None:
        for shard in range(256):
            digests = await self._blobs.kept_before(project, shard, before_s)
            if digests:
                await self.release(project, await self._book.unreferenced(project, digests))

    async def _undo(self, project: ProjectId, staged: Staged) -> None:
        await self._blobs.discard(project, staged)
        await self.release(project, [staged.digest])

    def _lock(self, digest: str) -> asyncio.Lock:
        return self._moving[int(digest[:2], 16)]

"""Uploads in parts, sent side by side and put together at the end.

A part is sent to a URL whose secret is the upload's id, as with stores that sign URLs: the client's library sends no
credentials with parts. What is neither completed nor aborted is forgotten after a day.
"""

import re
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Sequence

from triops.kernel.errors import Invalid, NotFound, TooLarge
from triops.kernel.ids import ProjectId
from triops.ledger.artifacts.uploads import Part, UploadBook
from triops.lenses.mlops.artifacts.store import Artifacts
from triops.ports.clock import Clock

PARTS = 10_000  # of one upload
KEPT_S = 86_400.0
_ID = re.compile(r"[A-Za-z0-9_-]{43}")


class Uploads:
    def __init__(self, book: UploadBook, artifacts: Artifacts, clock: Clock) -> None:
        self._book = book
        self._artifacts = artifacts
        self._clock = clock

    async def begin(self, project: ProjectId, path: str, parts: int) -> str:
        """Answers the upload's id. Raises: Invalid number of parts, Overloaded."""
        if not 1 <= parts <= PARTS:
            raise Invalid(f"the number of parts is 1 to {PARTS}", field="num_parts", got=parts)
        id = secrets.token_urlsafe(32)
        await self._book.begin(project, id, path, self._clock.now())
        return id

    async def add(self, id: str, number: int, chunks: AsyncIterable[bytes]) -> str:
        """Take a part, instead of an earlier one of its number; answers its tag. Raises: NotFound, Invalid."""
        if not _ID.fullmatch(id):
            raise NotFound("No such multipart upload exists")
        if not 1 <= number <= PARTS:
            raise Invalid(f"the number of a part is 1 to {PARTS}", field="part_number", got=number)
        project, _ = await self._book.begun(id)
        async with self._artifacts.staging(project, chunks) as staged:
            before = await self._book.add(project, id, Part(number, staged.digest, staged.size))
        if before and before != staged.digest:
            await self._artifacts.release(project, [before])
        return staged.digest

    async def complete(self, project: ProjectId, id: str, path: str, given: Sequence[tuple[int, str]]) -> None:
        """Put the file together from its parts `given` as number and tag. Raises: NotFound, Invalid."""
        await self._mine(project, id, path)
        known = {part.number: part for part in await self._book.parts(project, id)}
        wanted = []
        for number, tag in given:
            part = known.get(number)
            if part is None or part.digest != tag.strip('"'):
                raise Invalid(f"part {number} was not received, or is another one by now", field="parts")
            wanted.append(part)
        if [part.number for part in wanted] != sorted({part.number for part in wanted}):
            raise Invalid("parts come once each and in order", field="parts")
        if sum(part.size for part in wanted) > self._artifacts.most:
            raise TooLarge(f"the artifact is larger than {self._artifacts.most} bytes")
        await self._artifacts.write(project, path, self._joined(project, wanted))
        await self._artifacts.release(project, await self._book.end(project, id))

    async def abort(self, project: ProjectId, id: str, path: str) -> None:
        """Raises: NotFound."""
        await self._mine(project, id, path)
        await self._artifacts.release(project, await self._book.end(project, id))

    async def sweep(self, now: float) -> None:
        """Forget what was given up."""
        while old := await self._book.begun_before(now - KEPT_S):
            for project, id in old:
                await self._artifacts.release(project, await self._book.end(project, id))

    async def _mine(self, project: ProjectId, id: str, path: str) -> None:
        if await self._book.begun(id) != (project, path):
            raise NotFound(f"No multipart upload with id={id[:80]} exists")

    async def _joined(self, project: ProjectId, parts: Sequence[Part]) -> AsyncIterator[bytes]:
        for part in parts:
            reading = await self._artifacts.blob(project, part.digest)
            try:
                async for piece in reading:
                    yield piece
            finally:
                await reading.aclose()

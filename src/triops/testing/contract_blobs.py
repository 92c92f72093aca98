"""What every `ports.blobs` adapter promises, as tests. An adapter's own test subclasses `BlobsContract`.

class TestFiles(BlobsContract):
    def make(self, directory):
        return FileBlobs(directory)
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from triops.kernel.errors import Invalid, NotFound, TooLarge, Unavailable
from triops.kernel.ids import ProjectId
from triops.ports.blobs import Blobs, Staged

A, B = ProjectId("a"), ProjectId("b")
_MOST = 1 << 30


class BlobsContract:
    def make(self, directory: Path) -> Blobs:
        raise NotImplementedError

    @asynccontextmanager
    async def opened(self, directory: Path) -> AsyncIterator[Blobs]:
        blobs = self.make(directory)
        await blobs.start()
        try:
            yield blobs
        finally:
            await blobs.close()

    @pytest.mark.parametrize("size", [0, 1, 1 << 20, (3 << 20) + 17])
    async def test_what_is_kept_is_read_back_whole_and_under_its_digest(self, tmp_path: Path, size: int) -> None:
        content = (b"0123456789abcdef" * (size // 16 + 1))[:size]
        async with self.opened(tmp_path) as blobs:
            staged = await stage(blobs, A, content)
            assert (staged.digest, staged.size) == (hashlib.sha256(content).hexdigest(), size)
            await blobs.keep(A, staged)
            assert await read(blobs, A, staged.digest) == content
        async with self.opened(tmp_path) as blobs:
            assert await read(blobs, A, staged.digest) == content

    async def test_ranges(self, tmp_path: Path) -> None:
        content = bytes(range(256)) * 9000
        async with self.opened(tmp_path) as blobs:
            digest = await keep(blobs, A, content)
            for start, end in ((0, 1), (5, 5), (1 << 20, (1 << 20) + 3), (100, None), (len(content) - 1, 1 << 40)):
                assert await read(blobs, A, digest, start, end) == content[start:end]
            assert await read(blobs, A, digest, len(content) + 5) == b""

    async def test_staged_content_is_nobodys_until_it_is_kept(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as blobs:
            staged = await stage(blobs, A, b"x")
            with pytest.raises(NotFound):
                await blobs.read(A, staged.digest)
            await blobs.discard(A, staged)
            await blobs.discard(A, staged)
            assert stored(tmp_path) == 0

    async def test_a_restart_clears_away_what_was_staged(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as blobs:
            await stage(blobs, A, b"x" * 100)
        async with self.opened(tmp_path):
            assert stored(tmp_path) == 0

    async def test_equal_content_is_stored_once_a_project(self, tmp_path: Path) -> None:
        content = b"x" * 1000
        async with self.opened(tmp_path) as blobs:
            assert await keep(blobs, A, content) == await keep(blobs, A, content)
            assert stored(tmp_path) == len(content)
            await keep(blobs, B, content)
            assert stored(tmp_path) == 2 * len(content)

    async def test_projects_never_see_each_others(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as blobs:
            digest = await keep(blobs, A, b"secret")
            with pytest.raises(NotFound):
                await blobs.read(B, digest)
            await blobs.delete(B, digest)
            assert await read(blobs, A, digest) == b"secret"
            assert await blobs.projects() == [A]

    async def test_deleting_frees_the_space_and_is_idempotent(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as blobs:
            digest = await keep(blobs, A, b"x" * 1000)
            await blobs.delete(A, digest)
            await blobs.delete(A, digest)
            assert stored(tmp_path) == 0
            with pytest.raises(NotFound):
                await blobs.read(A, digest)

    async def test_a_blob_that_is_read_may_be_deleted(self, tmp_path: Path) -> None:
        content = b"x" * (5 << 20)
        async with self.opened(tmp_path) as blobs:
            digest = await keep(blobs, A, content)
            reading = await blobs.read(A, digest)
            pieces = [await anext(aiter(reading))]
            await blobs.delete(A, digest)
            pieces += [piece async for piece in reading]
            await reading.aclose()
            await reading.aclose()
            assert b"".join(pieces) == content

    async def test_what_is_too_large_leaves_nothing(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as blobs:
            with pytest.raises(TooLarge):
                await stage(blobs, A, b"x" * (3 << 20), most=(3 << 20) - 1)
            assert (await stage(blobs, A, b"x" * 10, most=10)).size == 10
            assert stored(tmp_path) == 10

    async def test_an_iterator_that_fails_leaves_nothing(self, tmp_path: Path) -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield b"x" * (3 << 20)
            raise Invalid("gone")

        async with self.opened(tmp_path) as blobs:
            with pytest.raises(Invalid, match="gone"):
                await blobs.stage(A, broken(), most=_MOST)
            assert stored(tmp_path) == 0

    async def test_a_cancelled_stage_leaves_nothing(self, tmp_path: Path) -> None:
        begun, never = asyncio.Event(), asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            yield b"x" * (3 << 20)
            begun.set()
            await never.wait()

        async with self.opened(tmp_path) as blobs:
            staging = asyncio.create_task(blobs.stage(A, endless(), most=_MOST))
            await begun.wait()
            staging.cancel()
            with pytest.raises(asyncio.CancelledError):
                await staging
            assert stored(tmp_path) == 0

    async def test_many_at_once(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as blobs:
            contents = [bytes([number]) * 100_000 for number in range(100)]
            digests = await asyncio.gather(*(keep(blobs, A, content) for content in contents))
            assert await asyncio.gather(*(read(blobs, A, digest) for digest in digests)) == contents

    async def test_what_was_kept_before_a_time(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as blobs:
            digest = await keep(blobs, A, b"x")
            shard = int(digest[:2], 16)
            assert list(await blobs.kept_before(A, shard, time.time() + 60)) == [digest]
            assert list(await blobs.kept_before(A, shard, time.time() - 60)) == []
            assert list(await blobs.kept_before(A, (shard + 1) % 256, time.time() + 60)) == []
            assert list(await blobs.kept_before(B, shard, time.time() + 60)) == []

    @pytest.mark.parametrize("digest", ["", "..", "a", "../../a", "A" * 64, "0" * 63 + "/", "0" * 65])
    async def test_what_is_no_digest_is_not_found(self, tmp_path: Path, digest: str) -> None:
        async with self.opened(tmp_path) as blobs:
            with pytest.raises(NotFound):
                await blobs.read(A, digest)

    async def test_closed(self, tmp_path: Path) -> None:
        blobs = self.make(tmp_path)
        await blobs.close()
        with pytest.raises(Unavailable):
            await stage(blobs, A, b"x")
        await blobs.start()
        await blobs.start()
        await keep(blobs, A, b"x")
        await blobs.close()
        await blobs.close()
        with pytest.raises(Unavailable):
            await stage(blobs, A, b"x")


async def pieces(content: bytes, size: int = 60_000) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


async def stage(blobs: Blobs, project: ProjectId, content: bytes, most: int = _MOST) -> Staged:
    return await blobs.stage(project, pieces(content), most=most)


async def keep(blobs: Blobs, project: ProjectId, content: bytes) -> str:
    staged = await stage(blobs, project, content)
    await blobs.keep(project, staged)
    return staged.digest


async def read(blobs: Blobs, project: ProjectId, digest: str, start: int = 0, end: int | None = None) -> bytes:
    reading = await blobs.read(project, digest, start, end)
    try:
        return b"".join([piece async for piece in reading])
    finally:
        await reading.aclose()


def stored(directory: Path) -> int:
    """Bytes of all files under a directory: for stores on files."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection

from triops.adapters.embedded.blobs import FileBlobs
from triops.kernel.errors import Invalid, NotFound, TooLarge
from triops.kernel.ids import ProjectId
from triops.ledger.artifacts.paths import Artifact, ArtifactPaths, put
from triops.ledger.artifacts.uploads import UploadBook
from triops.ledger.erase import erase_project
from triops.lenses.mlops.artifacts import Artifacts, Places, Uploads
from triops.ports.files import Entry
from triops.ports.records import Records
from triops.testing.books import open_records
from triops.testing.clock import FakeClock
from triops.testing.contract_blobs import pieces, stored

A, B = ProjectId("a"), ProjectId("b")


class Opened:
    def __init__(self, records: Records, blobs: FileBlobs, directory: Path, most: int) -> None:
        self.records = records
        self.blobs = blobs
        self.directory = directory
        self.clock = FakeClock(1_700_000_000.0)
        self.artifacts = Artifacts(ArtifactPaths(records), blobs, self.clock, most)
        self.uploads = Uploads(UploadBook(records), self.artifacts, self.clock)

    async def write(self, path: str, content: bytes, project: ProjectId = A) -> int:
        return await self.artifacts.write(project, path, pieces(content))

    async def read(self, path: str, project: ProjectId = A) -> bytes:
        found = await self.artifacts.find(project, path)
        reading = await self.artifacts.read(project, found)
        try:
            return b"".join([piece async for piece in reading])
        finally:
            await reading.aclose()

    def stored(self) -> int:
        return stored(self.directory)


@asynccontextmanager
async def opened(directory: Path, most: int = 1 << 30) -> AsyncIterator[Opened]:
    async with open_records(directory) as records:
        blobs = FileBlobs(directory / "blobs")
        await blobs.start()
        try:
            yield Opened(records, blobs, directory / "blobs", most)
        finally:
            await blobs.close()


async def test_space_is_free_when_the_last_reference_goes(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        for path in ("r/a", "r/b", "r/c/d"):
            assert await store.write(path, b"x" * 1000) == 1000
        assert store.stored() == 1000
        await store.artifacts.delete(A, "r/a")
        await store.artifacts.delete(A, "r/c")
        assert await store.read("r/b") == b"x" * 1000
        await store.write("r/b", b"y" * 10)
        assert store.stored() == 10
        await store.artifacts.delete(A, "r")
        await store.artifacts.delete(A, "r")
        assert store.stored() == 0


async def test_a_folder_of_thousands_is_deleted_whole_and_nothing_beside_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.write("r/0", b"same")
        digest = (await store.artifacts.find(A, "r/0")).tag

        def many(connection: Connection) -> None:
            for number in range(1, 1203):
                put(connection, A, Artifact(f"r/{number}", digest, 4, 1.0))

        await store.records.write(many)
        for neighbour in ("r.txt", "r0", "r ", "rr/x"):
            await store.write(neighbour, neighbour.encode())
        await store.artifacts.delete(A, "r")
        assert [entry.name for entry in await store.artifacts.list(A, "")] == ["r ", "r.txt", "r0", "rr"]


async def test_projects_never_see_each_others(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.write("r/a", b"of a")
        await store.write("r/a", b"of b", B)
        assert (await store.read("r/a"), await store.read("r/a", B)) == (b"of a", b"of b")
        await store.artifacts.delete(B, "r")
        assert await store.read("r/a") == b"of a"
        with pytest.raises(NotFound):
            await store.read("r/a", B)


async def test_a_file_is_no_folder_and_a_folder_no_file(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.write("r/a", b"1")
        for path in ("r", "r/a/b", "r/a/b/c"):
            with pytest.raises(Invalid):
                await store.write(path, b"other")
        with pytest.raises(Invalid, match="refers to a directory, not a file: 'r'"):
            await store.artifacts.find(A, "r")
        with pytest.raises(NotFound, match="No such artifact: 'r/b'"):
            await store.artifacts.find(A, "r/b")
        assert store.stored() == 1


async def test_what_is_too_large_leaves_the_artifact_before_it(tmp_path: Path) -> None:
    async with opened(tmp_path, most=100) as store:
        await store.write("a", b"x" * 100)
        with pytest.raises(TooLarge):
            await store.write("a", b"x" * 101)
        assert await store.read("a") == b"x" * 100


async def test_content_that_comes_and_goes_at_once_is_never_lost(tmp_path: Path) -> None:
    """The same few contents under many paths, written, overwritten and deleted side by side."""
    chance = random.Random(7)
    contents = [bytes([number]) * 500 for number in range(3)]
    async with opened(tmp_path) as store:
        held: dict[str, bytes] = {}

        async def churn(path: str) -> None:
            for _ in range(6):
                if chance.random() < 0.4:
                    await store.artifacts.delete(A, path)
                    held.pop(path, None)
                else:
                    content = chance.choice(contents)
                    await store.write(path, content)
                    held[path] = content

        await asyncio.gather(*(churn(f"r/{number}") for number in range(12)))
        assert {path: await store.read(path) for path in held} == held
        assert store.stored() == sum(map(len, set(held.values())))


async def test_folders_are_listed_level_by_level_and_page_by_page(tmp_path: Path) -> None:
    paths = ["a", "b/1", "b/2/x", "b-c", "b.d/y", "b0", "c/d/e", "é/ü", "z"]
    async with opened(tmp_path) as store:
        for path in paths:
            await store.write(path, path.encode())
        every = await store.artifacts.list(A, "")
        assert sorted(every, key=lambda entry: entry.name) == [
            Entry("a", 1),
            Entry("b", None),
            Entry("b-c", 3),
            Entry("b.d", None),
            Entry("b0", 2),
            Entry("c", None),
            Entry("z", 1),
            Entry("é", None),
        ]
        assert await store.artifacts.list(A, "b") == [Entry("1", 3), Entry("2", None)]
        assert await store.artifacts.list(A, "a") == []
        assert await store.artifacts.list(A, "nothing") == []
        for size in range(1, 10):
            paged: list[Entry] = []
            while page := await store.artifacts.list(A, "", paged[-1].key if paged else "", size):
                assert len(page) <= size
                paged += page
            assert paged == every


async def test_the_sweep_takes_what_nothing_points_at_once_it_is_old_enough(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.write("r/a", b"kept")
        await store.write("r/a", b"erased", B)
        await erase_project(store.records, B)
        now = max(path.stat().st_mtime for path in store.directory.rglob("*"))
        await store.artifacts.sweep(now + 3000)
        assert store.stored() == len(b"kept") + len(b"erased")
        await store.artifacts.sweep(now + 4000)
        assert store.stored() == len(b"kept")
        assert await store.read("r/a") == b"kept"


async def test_an_erased_project_has_nothing_left_on_disk(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.write("r/a", b"kept")
        await store.write("r/a", b"erased", B)
        upload = await store.uploads.begin(B, "r/big", 1)
        await store.uploads.add(upload, 1, pieces(b"a part"))
        await erase_project(store.records, B)
        await store.artifacts.forget(B)
        assert store.stored() == len(b"kept")
        with pytest.raises(NotFound):
            await store.uploads.add(upload, 1, pieces(b"a part"))


async def test_an_upload_in_parts(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        id = await store.uploads.begin(A, "r/big", 3)
        tags = await asyncio.gather(
            *(store.uploads.add(id, number, pieces(bytes([number]) * 200_000)) for number in (3, 1, 2))
        )
        replaced = await store.uploads.add(id, 2, pieces(b"two"))
        by_number = {3: tags[0], 1: tags[1], 2: replaced}
        given = [(number, by_number[number]) for number in (1, 2, 3)]
        for wrong in (given[::-1], [*given, given[-1]], [(1, "0" * 64)], [(9, given[0][1])]):
            with pytest.raises(Invalid):
                await store.uploads.complete(A, id, "r/big", wrong)
        for project, path in ((B, "r/big"), (A, "r/other")):
            with pytest.raises(NotFound):
                await store.uploads.complete(project, id, path, given)
            with pytest.raises(NotFound):
                await store.uploads.abort(project, id, path)
        await store.uploads.complete(A, id, "r/big", given)
        assert await store.read("r/big") == b"\1" * 200_000 + b"two" + b"\3" * 200_000
        assert store.stored() == 400_003  # the parts themselves are gone
        with pytest.raises(NotFound):
            await store.uploads.add(id, 1, pieces(b"late"))


async def test_an_upload_that_is_aborted_or_given_up_leaves_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        aborted = await store.uploads.begin(A, "r/big", 2)
        await store.uploads.add(aborted, 1, pieces(b"x" * 100))
        await store.uploads.abort(A, aborted, "r/big")
        assert store.stored() == 0
        given_up = await store.uploads.begin(A, "r/big", 2)
        await store.uploads.add(given_up, 1, pieces(b"x" * 100))
        await store.uploads.sweep(store.clock.now() + 80_000)
        assert store.stored() == 100
        await store.uploads.sweep(store.clock.now() + 90_000)
        assert store.stored() == 0
        with pytest.raises(NotFound):
            await store.uploads.abort(A, given_up, "r/big")


async def test_a_part_is_kept_while_its_upload_is_open(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        id = await store.uploads.begin(A, "r/big", 1)
        tag = await store.uploads.add(id, 1, pieces(b"same"))
        await store.write("r/a", b"same")
        await store.artifacts.delete(A, "r/a")
        await store.uploads.complete(A, id, "r/big", [(1, tag)])
        assert await store.read("r/big") == b"same"


@pytest.mark.parametrize("parts", [0, -1, 10_001])
async def test_the_number_of_parts_is_bounded(tmp_path: Path, parts: int) -> None:
    async with opened(tmp_path) as store:
        with pytest.raises(Invalid):
            await store.uploads.begin(A, "r/big", parts)


async def test_what_was_freed_is_gone_and_nothing_else(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        places = Places(store.artifacts, "mlflow-artifacts:/")
        for path in ("0/r1/artifacts/a", "0/r1/artifacts/b/c", "0/r2/artifacts/a", "1/r3/artifacts/a"):
            await store.write(path, path.encode())
        elsewhere = [
            "s3://bucket/r1",
            "file:///etc",
            "/etc",
            "mlflow-artifacts:/",
            "mlflow-artifacts:/../x",
            "relative",
        ]
        await places.freed(A, ["mlflow-artifacts:/0/r1/artifacts", "mlflow-artifacts:/1", *elsewhere])
        assert [entry.name for entry in await store.artifacts.list(A, "")] == ["0"]
        assert [entry.name for entry in await store.artifacts.list(A, "0")] == ["r2"]
        assert store.stored() == len("0/r2/artifacts/a")

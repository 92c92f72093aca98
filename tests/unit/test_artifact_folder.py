"""A folder as artifact root: nothing outside of it, whatever lies in it."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from triops.adapters.embedded.folder import Folder
from triops.kernel.errors import Invalid, NotFound, TooLarge
from triops.kernel.ids import ProjectId
from triops.lenses.mlops.artifacts import Places
from triops.ports.files import Entry
from triops.testing.contract_blobs import pieces

P = ProjectId("default")


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Folder]:
    folder = Folder(tmp_path / "root", most=1000)
    await folder.start()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    yield folder
    await folder.close()


async def content(folder: Folder, path: str) -> bytes:
    reading = await folder.read(P, await folder.find(P, path))
    try:
        return b"".join([piece async for piece in reading])
    finally:
        await reading.aclose()


async def test_files_are_written_listed_read_and_deleted(folder: Folder, tmp_path: Path) -> None:
    assert await folder.list(P, "") == []
    await folder.write(P, "r/a b.txt", pieces(b"1"))
    await folder.write(P, "r/ü/c", pieces(b"22"))
    await folder.write(P, "r/ü/c", pieces(b"333"))
    assert await folder.list(P, "r") == [Entry("a b.txt", 1), Entry("ü", None)]
    assert await folder.list(P, "r", after="a b.txt") == [Entry("ü", None)]
    assert await content(folder, "r/ü/c") == b"333"
    assert (tmp_path / "root" / "r" / "ü" / "c").read_bytes() == b"333"
    with pytest.raises(NotFound):
        await folder.find(P, "r/none")
    with pytest.raises(Invalid):
        await folder.find(P, "r/ü")
    with pytest.raises(Invalid):
        await folder.write(P, "r/ü", pieces(b"x"))
    with pytest.raises(Invalid):
        await folder.write(P, "r/ü/c/d", pieces(b"x"))
    await folder.delete(P, "r/ü")
    await folder.delete(P, "r/ü")
    assert await folder.list(P, "r") == [Entry("a b.txt", 1)]


async def test_what_is_too_large_leaves_nothing(folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        await folder.write(P, "r/a", pieces(b"x" * 1001, size=10))
    assert os.listdir(tmp_path / "root" / "r") == []


@pytest.mark.parametrize("target", ["../outside", "/etc", "."])
async def test_no_link_is_followed(folder: Folder, tmp_path: Path, target: str) -> None:
    root = tmp_path / "root"
    (root / "r").mkdir(parents=True)
    (root / "r" / "link").symlink_to(root / target if target != "/etc" else target)
    (root / "r" / "file").symlink_to(tmp_path / "outside" / "secret")
    assert await folder.list(P, "r") == []
    assert await folder.list(P, "r/link") == []
    for path in ("r/file", "r/link/secret", "r/link/passwd", "r/link"):
        with pytest.raises(NotFound):
            await folder.find(P, path)
    with pytest.raises(Invalid):
        await folder.write(P, "r/link/new", pieces(b"x"))
    await folder.delete(P, "r/link/secret")
    await folder.delete(P, "r/link")
    await folder.delete(P, "r")
    assert (tmp_path / "outside" / "secret").read_text() == "secret"
    assert root.is_dir()


async def test_what_is_no_file_is_not_opened(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    os.mkfifo(tmp_path / "root" / "pipe")
    with pytest.raises(NotFound):
        await folder.find(P, "pipe")
    assert await folder.list(P, "") == []


async def test_only_locations_below_the_root_are_ours(folder: Folder, tmp_path: Path) -> None:
    root = tmp_path / "root"
    for setting in (str(root), root.as_uri()):
        places = Places(folder, setting, folder)
        assert places.at(f"{root}/0/r/artifacts", "a").path == "0/r/artifacts/a"
        assert places.at(f"{root.as_uri()}/0/r/artifacts").path == "0/r/artifacts"
        for location in (
            str(tmp_path / "outside"),
            f"{root}/../outside",
            f"{root.as_uri()}/%2e%2e/outside",
            f"{root}x/r",
            f"file://elsewhere{root}/0",
            "/",
            "relative",
            "s3://bucket/x",
            "http://127.0.0.1/x",
        ):
            with pytest.raises(Invalid, match="does not read or write artifact location"):
                places.at(location, "a")


async def test_no_location_climbs_to_what_lies_beside_it(folder: Folder, tmp_path: Path) -> None:
    root = str(tmp_path / "root")
    places = Places(folder, root, folder)
    assert places.at(f"{root}/1/run/artifacts", "model").path == "1/run/artifacts/model"
    for location in (f"{root}/1/run/artifacts/../../../2/theirs", f"file://{root}/1/%2e%2e/2", f"{root}/..", "/etc"):
        with pytest.raises(Invalid):
            places.at(location, "model")

import errno
import os
from pathlib import Path

import pytest

from triops.adapters.embedded.blobs import FileBlobs
from triops.kernel.errors import StoreFull, Unavailable
from triops.ports.blobs import Blobs
from triops.testing.contract_blobs import A, BlobsContract, keep, read, stage, stored


class TestFileBlobs(BlobsContract):
    def make(self, directory: Path) -> Blobs:
        return FileBlobs(directory / "blobs", staging=4)


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, StoreFull), (errno.EDQUOT, StoreFull), (5, Unavailable)])
async def test_a_disk_that_refuses_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception]
) -> None:
    blobs = FileBlobs(tmp_path)
    await blobs.start()
    kept = await keep(blobs, A, b"before")

    def refuse(fd: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        with pytest.raises(kind):
            await stage(blobs, A, b"x" * 100_000)
    assert stored(tmp_path) == len(b"before")
    assert await read(blobs, A, kept) == b"before"
    await keep(blobs, A, b"after")
    await blobs.close()


async def test_a_damaged_blob_is_whole_again_when_its_content_comes_again(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    await blobs.start()
    digest = await keep(blobs, A, b"content")
    (tmp_path / A / digest[:2] / digest).write_bytes(b"con")
    await keep(blobs, A, b"content")
    assert await read(blobs, A, digest) == b"content"
    await blobs.close()

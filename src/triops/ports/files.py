"""A tree of files that a server reads and writes for its clients: artifacts, wherever they lie.

Paths are relative, parts joined by `/`, already checked (no `..`, no empty part); "" is the root.
Atomicity: a written file is there whole or not at all, and replaces the one before it.
Durability: `write` returns when the file and its name are on the disk.
Ordering: a read or list begun after a write returned sees it. Entries come in the order of their bytes.
Idempotency: deleting what is not there does nothing.
Limits: nothing is held whole in memory.
Errors: NotFound; Invalid for a path that is a folder where a file is meant, or the reverse; TooLarge; StoreFull;
    Unavailable. Nothing outside the tree is ever read, listed, written or deleted, by way of a symbolic link neither.
Tenancy: projects never see each other's files.
"""

from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from triops.kernel.errors import Invalid, NotFound
from triops.kernel.ids import ProjectId
from triops.ports.blobs import Reading


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder. `size`: of a file, in bytes; None: a folder."""

    name: str
    size: int | None

    @property
    def key(self) -> str:
        """What entries are ordered by; the `after` of the next page."""
        return self.name if self.size is not None else self.name + "/"


@dataclass(frozen=True, slots=True)
class Found:
    """A file. `tag` changes when its content does; `at`: when it was written, unix seconds."""

    path: str
    size: int
    tag: str
    at: float


class Files(Protocol):
    async def find(self, project: ProjectId, path: str) -> Found:
        """Raises: NotFound, Invalid (a folder)."""
        ...

    async def read(self, project: ProjectId, found: Found, start: int = 0, end: int | None = None) -> Reading:
        """The bytes of [start, end) of what `find` found. Raises: NotFound when it is gone."""
        ...

    async def list(self, project: ProjectId, path: str, after: str = "", limit: int = 1000) -> Sequence[Entry]:
        """What lies in a folder, one level; nothing when there is no such folder."""
        ...

    async def write(self, project: ProjectId, path: str, chunks: AsyncIterable[bytes]) -> int:
        """Answers the bytes written."""
        ...

    async def delete(self, project: ProjectId, path: str) -> None:
        """A file, or a folder with all below it."""
        ...


def no_such(path: str) -> NotFound:
    return NotFound(f"No such artifact: '{path}'")


def is_folder(path: str) -> Invalid:
    return Invalid(f"Artifact path refers to a directory, not a file: '{path}'", field="path")


def in_the_way(path: str) -> Invalid:
    return Invalid(f"Artifact path goes through a file, not a directory: '{path}'", field="path")

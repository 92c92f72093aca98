"""The store of large immutable content, addressed by what it is: the SHA-256 of its bytes.

Atomicity: content is first staged, where nobody finds it, then kept under its digest at once and whole. A kept blob
    never changes; equal content is stored once a project.
Durability: `stage` returns when the bytes are on the disk, `keep` when their name is too.
Ordering: none. Who keeps references sees to it that none is added while the last is taken away (`delete`).
Idempotency: keeping equal content again, discarding and deleting what is gone: nothing happens.
Limits: nothing is held whole in memory, however large. A bounded number of contents is staged at a time; more wait
    without being read from, at most a minute. Over `most` bytes: TooLarge, and nothing is left of it.
Errors: NotFound, TooLarge, StoreFull, Overloaded (no turn came for a minute), Unavailable (closed, or the disk fails);
    what the chunks' iterator raises.
Tenancy: projects never see each other's blobs, not even equal ones.
"""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from triops.kernel.ids import ProjectId


@dataclass(frozen=True, slots=True)
class Staged:
    """Content that waits to be kept. `digest`: 64 hexadecimal digits; `name`: the store's own."""

    digest: str
    size: int
    name: str


class Reading(Protocol):
    """Bytes of a blob, in pieces of up to a megabyte. Who has it must close it; a blob deleted meanwhile is read on."""

    size: int  # of the whole blob

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None: ...


class Blobs(Protocol):
    async def start(self) -> None:
        """Open, and clear away what a kill left staged. Raises: Unavailable, StoreFull."""
        ...

    async def close(self) -> None:
        """Safe before start, and twice."""
        ...

    async def stage(self, project: ProjectId, chunks: AsyncIterable[bytes], *, most: int) -> Staged:
        """Take content in. Its caller keeps it or discards it."""
        ...

    async def keep(self, project: ProjectId, staged: Staged) -> None: ...

    async def discard(self, project: ProjectId, staged: Staged) -> None: ...

    async def read(self, project: ProjectId, digest: str, start: int = 0, end: int | None = None) -> Reading:
        """The bytes of [start, end); what lies behind the end of the blob is left out. Raises: NotFound."""
        ...

    async def delete(self, project: ProjectId, digest: str) -> None:
        """Its space is free when this returns."""
        ...

    async def kept_before(self, project: ProjectId, shard: int, before_s: float) -> Sequence[str]:
        """Digests whose first byte is `shard` (0 to 255) and that were last kept before this unix time."""
        ...

    async def projects(self) -> Sequence[ProjectId]:
        """Those that have blobs."""
        ...

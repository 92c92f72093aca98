"""What the three telemetry stores (metrics, logs, spans) promise alike.

Atomicity: an `append` is stored whole or not at all, except that a batch over midnight (UTC) is one commit a day; it
    returns after the last of them is durable. A repeated append completes the days that are missing.
Idempotency: with a `digest` (of project, kind and decompressed body), an append that is durable already, in the last
    24 hours, stores nothing and says `duplicate`. Without one it is at-least-once.
Ordering: none promised between appends. Rows of any time order are taken.
Limits: a bounded queue stands before the commit. When it is full: Overloaded, and nothing is stored.
Errors: Overloaded, StoreFull (disk; nothing of the day's batch is stored; reads go on; recovers when there is room),
    Unavailable (closed).
Tenancy: the first argument is the project, and no call sees another project's rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from triops.kernel.genai.heard import Heard
from triops.kernel.ids import ProjectId


@dataclass(frozen=True, slots=True)
class Appended:
    """`heard`: what spans of models' calls say, of the rows that were stored."""

    rows: int
    duplicate: bool = False
    heard: Sequence[Heard] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Usage:
    """`rows` may be an estimate; `bytes` is what the disk holds."""

    rows: int
    bytes: int
    oldest_day: str | None
    newest_day: str | None


class Retained(Protocol):
    """The life of what is stored, alike in all three."""

    async def start(self) -> None:
        """Open, and recover what a kill left behind. Raises: Unavailable when another process holds the store."""
        ...

    async def close(self) -> None:
        """Commit what was accepted, then close. Safe before start, and twice."""
        ...

    async def drop_before(self, day: str) -> int:
        """Drop every day partition before `day` (UTC, `2026-11-21`); answers the bytes the disk got back."""
        ...

    async def erase_project(self, project: ProjectId) -> int:
        """Erase every row of a project and give the disk back; answers the rows erased."""
        ...

    async def erase_user(self, project: ProjectId, user: str, traces: Sequence[int] = ()) -> int:
        """Erase the rows whose attribute `user.id` or `enduser.id` (row or resource) is `user`, and those of `traces`
        where the kind's rows have a trace; answers how many."""
        ...

    async def usage(self) -> Usage: ...

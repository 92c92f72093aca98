"""The store of everything relational. Statements are SQLAlchemy Core, so that SQLite and PostgreSQL serve alike.

Atomicity: each `write` is one transaction of its own (a savepoint within a group commit): it is applied whole, or its
    error is raised to its caller alone. It returns after it is durable.
Ordering: writes are applied in the order they were submitted. A read begun after a write returned sees it.
Idempotency: none; the ledger's own keys give it.
Limits: a bounded queue of writes. When it is full: Overloaded. A callable must be short and touch nothing but its
    connection: it runs on the writer's thread, and again when the group commit that it was part of was lost to
    another's fault. What it returns must not need the connection any more.
Errors: Overloaded, StoreFull, Unavailable (closed); Conflict for a broken unique constraint; what the callable raises.
Tenancy: tables carry the project; the ledger puts it into every statement.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of the schema; `apply` emits dialect-neutral DDL and moves rows, in one transaction."""

    number: int
    name: str
    apply: Callable[[Connection], None]


class Records(Protocol):
    async def start(self) -> None:
        """Open and migrate to the newest schema (numbered, each once, in order). Raises: Unavailable when another
        process holds the store, or when a newer Triops has written it."""
        ...

    async def close(self) -> None:
        """Commit what was accepted, then close. Safe before start, and twice."""
        ...

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run on a reader's thread, in one snapshot."""
        ...

    async def overwrite(self) -> None:
        """What was erased is not in the store's logs either when this returns, but for what a read in progress still
        needs."""
        ...

    async def write(self, change: Callable[[Connection], T]) -> T:
        """Run on the writer's thread; returns when durable."""
        ...

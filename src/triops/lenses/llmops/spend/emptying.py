"""What the gateway's process holds of calls beside the books, emptied: its journal and its caches."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from triops.kernel.errors import StoreFull, Unavailable
from triops.kernel.ids import ProjectId
from triops.lenses.llmops.spend.applying import Applying
from triops.ports.clock import Clock

# Begins a new segment of the journal, so that the ones before may go. Raises: Unavailable, StoreFull.
Rotate = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Emptying:
    applying: Applying
    rotate: Rotate
    purge: Callable[[ProjectId], None]  # the project's cache of answers
    clock: Clock

    async def apply(self, project: ProjectId) -> bool:
        """The books have every call that has ended, and no answer of the project is kept for others. Whether the
        journal that told of them may go: it may not while the gateway is starting."""
        self.purge(project)
        try:
            await self.rotate()
        except (Unavailable, StoreFull):
            rotated = False
        else:
            rotated = True
        await self.applying.all(self.clock.now())
        return rotated

    async def drop(self) -> None:
        """What is applied leaves the disk."""
        await self.applying.drop()

    async def tidy(self) -> None:
        """From time to time: a segment holds what was said, which a gateway with few calls would keep for long."""
        try:
            await self.rotate()
        except Unavailable:
            return  # it starts; there is a next time

"""Forgetting a user: rows of telemetry that name them, traces whole, their scores; the books of calls keep sums."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from triops.kernel.ids import ProjectId
from triops.ledger.scores.scores import Scores
from triops.ports.llm_spans import LlmSpans
from triops.ports.telemetry import Retained

ForgetUser = Callable[[ProjectId, str], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Erasing:
    """`elsewhere`: who else keeps answers of a project for a while, and is told to let go of them all."""

    stores: Sequence[Retained]
    llm: LlmSpans
    scores: Scores
    forget_user: ForgetUser
    elsewhere: list[Callable[[ProjectId], None]] = field(default_factory=list)

    async def user(self, project: ProjectId, user: str) -> int:
        """Answers the rows that were erased or changed. Scores go first: what they are of is found in the traces, so
        that a repeated call ends what a broken one began."""
        traces = [f"{trace:032x}" for trace in await self.llm.llm_traces_of(project, user)]
        rows = await self.scores.forget(project, traces, await self.llm.llm_sessions_of(project, user))
        rows += await self.forget_user(project, user)
        for store in self.stores:
            rows += await store.erase_user(project, user)
        for forget in self.elsewhere:
            forget(project)
        return rows

"""Forgetting a user: rows of telemetry that name them, traces whole wherever they are kept, their scores, what the
gateway still holds; the books of calls keep sums."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from triops.kernel.genai.values import TEXT, short
from triops.kernel.ids import ProjectId
from triops.ledger.scores.scores import Scores
from triops.ledger.traces.forgetting import TraceForgetting
from triops.ports.llm_spans import LlmSpans
from triops.ports.records import Records
from triops.ports.telemetry import Retained

ForgetUser = Callable[[ProjectId, str], Awaitable[int]]


class Held(Protocol):
    """What the gateway holds beside the books."""

    async def apply(self, project: ProjectId) -> bool:
        """The books have it all. Whether it may be dropped."""
        ...

    async def drop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Kept:
    """What is found of a user: `traces` in which they are the user, `sessions` in which no one else spoke."""

    traces: Sequence[int]
    sessions: Sequence[str]


@dataclass(frozen=True, slots=True)
class Erased:
    """`rows`: of everything, erased or changed."""

    traces: int
    sessions: int
    rows: int


@dataclass(frozen=True, slots=True)
class Erasing:
    """`free`: artifacts that were the experiments' traces'."""

    stores: Sequence[Retained]
    llm: LlmSpans
    scores: Scores
    experiments: TraceForgetting
    forget_user: ForgetUser
    free: Callable[[], Awaitable[None]]
    held: Held
    records: Records

    async def kept(self, project: ProjectId, user: str) -> Kept:
        """What would go, of what can be counted beforehand. Of an id that is longer only its beginning is indexed."""
        known = short(user)
        traces = [*await self.llm.llm_traces_of(project, known), *await self.experiments.named(project, user)]
        return Kept(list(dict.fromkeys(traces)), await self.llm.llm_sessions_of(project, known))

    async def user(self, project: ProjectId, user: str) -> Erased:
        """What is found by the traces goes before them, so that a repeated call ends what a broken one began. A call
        that is in progress meanwhile is one of after."""
        applied = await self.held.apply(project)
        kept = await self.kept(project, user)
        traces, sessions = kept.traces, kept.sessions
        rows = await self.scores.forget(project, [f"{trace:032x}" for trace in traces], sessions)
        rows += await self.experiments.user(project, user, traces)
        rows += await self.forget_user(project, user[:TEXT])
        for store in self.stores:
            rows += await store.erase_user(project, user, traces)
        await self.free()
        if applied:
            await self.held.drop()
        await self.records.overwrite()
        return Erased(len(traces), len(sessions), rows)

"""The store of log records. See `telemetry` for the promises that all three stores share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from triops.kernel.ids import ProjectId
from triops.kernel.page import Page
from triops.kernel.signal import I64, U8, U64, LogBatch
from triops.ports.telemetry import Appended, Retained


@dataclass(frozen=True, slots=True)
class LogQuery:
    """All given conditions hold. `text` is a case-insensitive substring of the body; `severity` is the least number;
    newest first."""

    start_ns: int
    end_ns: int
    text: str = ""
    service: str = ""
    host: str = ""
    severity: int = 0
    template: int | None = None
    trace_id: int | None = None  # 128 bits
    limit: int = 100
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class LogRow:
    time_ns: int
    severity: int
    body: str
    service: str
    template: int
    trace_id: int
    span_id: int
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LogCounts:
    """One row a (step, service, severity band): band 0 below warning, 1 warning (13-16), 2 error and worse (17+)."""

    time_ns: I64
    service: Sequence[str]
    band: U8
    count: I64


@dataclass(frozen=True, slots=True)
class TemplateCounts:
    """The most frequent templates of a window, with one example body of each."""

    template: U64
    service: Sequence[str]
    severity: U8
    count: I64
    example: Sequence[str]


class Logs(Retained, Protocol):
    async def append(self, project: ProjectId, batch: LogBatch, digest: bytes | None = None) -> Appended: ...

    async def search(self, project: ProjectId, query: LogQuery) -> Page[LogRow]:
        """Newest first; a page is stable under new rows (the cursor is a position in time). Raises: Invalid cursor."""
        ...

    async def counts(
        self, project: ProjectId, start_ns: int, end_ns: int, step_ns: int, service: str = ""
    ) -> LogCounts: ...

    async def templates(
        self, project: ProjectId, start_ns: int, end_ns: int, service: str = "", limit: int = 50
    ) -> TemplateCounts: ...

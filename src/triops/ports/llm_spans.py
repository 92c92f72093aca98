"""Spans of models' calls and of the applications around them: what the store of spans knows of them beside the spans.

A span is one of these when its attributes say so in any convention (`kernel/genai`), which is decided when it is
stored. Promises of `telemetry` hold; everything appears with its span, in one commit, and goes with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import numpy.typing as npt

from triops.kernel.ids import ProjectId
from triops.kernel.signal import I64, U8, U64, Text
from triops.ports.spans import TraceSummary


@dataclass(frozen=True, slots=True)
class LlmQuery:
    """Traces that begin in [start, end) and of which, for each condition, some span meets it. `text`: a piece of a
    text in it, in any case. `prompt`: a name, or `name@version`. `status`: "", "ok" (no span failed) or "error"."""

    start_ns: int
    end_ns: int
    text: str = ""
    application: str = ""
    model: str = ""
    provider: str = ""
    prompt: str = ""
    user: str = ""
    session: str = ""
    key: str = ""
    tag: str = ""
    status: str = ""
    min_duration_ms: float = 0.0
    min_tokens: int = 0
    limit: int = 100
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class LlmRows:
    """One row a span, columns of one length, by time. `counts`: a call whose tokens and cost are nobody else's below
    it (`kernel/genai/counting.py`). Tokens, `cost` (pico-dollars) and `output_chars` (of the whole answer) are
    -1 where the sender did not say; `tags` is a JSON array or ""; `input` and `output` are previews. `gateway`: it is
    our own gateway's span; `answer_id`: as the provider gave it."""

    trace_hi: U64
    trace_lo: U64
    span_id: U64
    parent_id: U64
    time_ns: I64
    duration_ns: I64
    status: U8
    type: Text
    call: U8
    name: Text
    model: Text
    provider: Text
    application: Text
    prompt: Text
    prompt_version: Text
    prompt_label: Text
    person: Text
    session: Text
    key: Text
    tags: Text
    input_tokens: I64
    output_tokens: I64
    cached_tokens: I64
    cache_write_tokens: I64
    cost: I64
    estimated: U8
    first_ns: I64
    output_chars: I64
    answer_id: Text
    gateway: U8
    error: Text
    input: Text
    output: Text
    counts: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.time_ns)

    def only(self, chosen: npt.NDArray[np.bool_]) -> "LlmRows":
        return LlmRows(*(getattr(self, column.name)[chosen] for column in fields(self)))


@dataclass(frozen=True, slots=True)
class Tree:
    """Every span of some traces, whatever it says: who is below whom."""

    span: U64
    parent: U64


@dataclass(frozen=True, slots=True)
class LlmTraces:
    """Newest first; `rows` are those of all of them."""

    traces: Sequence[TraceSummary]
    rows: LlmRows
    tree: Tree
    next: str | None = None


@dataclass(frozen=True, slots=True)
class LlmPace:
    """Of a window: `traces` with a call, how many of them `failed` in one, and milliseconds, None where nothing says:
    below which 95 of 100 calls stay that did not fail, and what half of the streams take to their first token."""

    traces: int = 0
    failed: int = 0
    p95_ms: float | None = None
    first_token_ms: float | None = None


@dataclass(frozen=True, slots=True)
class CallsOf:
    """Calls that meet every condition which is not "". `prompt`: a name, whichever version."""

    application: str = ""
    prompt: str = ""
    provider: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class LlmStep:
    """Calls that began in [time_ns, time_ns + step). Means (milliseconds, tokens, characters) are of those that did not
    fail, None where none says. `cost`: pico-dollars of the `costed` calls whose sender said it."""

    time_ns: int
    calls: int
    failed: int
    ms: float | None
    ms_p95: float | None
    first_ms: float | None
    input_tokens: float | None
    output_tokens: float | None
    output_chars: float | None
    cost: int
    costed: int


class LlmSpans(Protocol):
    async def llm_traces(self, project: ProjectId, query: LlmQuery) -> LlmTraces:
        """A page, newest first by the trace's first such span. Raises: Invalid."""
        ...

    async def llm_trace(self, project: ProjectId, trace_id: int) -> LlmTraces:
        """One trace, or none. At most 100,000 spans of it."""
        ...

    async def llm_rows(self, project: ProjectId, query: LlmQuery) -> LlmRows:
        """All traces that `query` means (`limit` and `cursor` aside), each row with the user and the session of its
        trace where it names none. Raises: Invalid over 500,000 spans."""
        ...

    async def llm_pace(self, project: ProjectId, start_ns: int, end_ns: int) -> LlmPace:
        """Of the calls that began in [start, end), as told, at a glance: one that is told of twice is in it twice."""
        ...

    async def llm_steps(
        self, project: ProjectId, start_ns: int, end_ns: int, step_ns: int, calls: CallsOf
    ) -> Sequence[LlmStep]:
        """Steps from `start_ns` on in which a call began, in order; calls as told, like `llm_pace`. Raises: Invalid."""
        ...

    async def llm_traces_of(self, project: ProjectId, user: str) -> Sequence[int]:
        """Ids of the traces that `erase_user` would erase whole."""
        ...

    async def llm_sessions_of(self, project: ProjectId, user: str) -> Sequence[str]:
        """Sessions in which no one but this user spoke."""
        ...

    async def forget_contents(self, before: str) -> int:
        """What was said and answered goes from every such span of the days before `before` (UTC), and from the index
        of texts; the spans, their tokens and costs stay. Answers how many spans changed; 0 where nothing was left."""
        ...

"""What lists of traces, sessions and users show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from triops.lenses.llmops.traces.sums import Sum


@dataclass(frozen=True, slots=True)
class TraceLine:
    """`model`, `provider` and `prompt` are of the first call that says them. `first_token_ms`: of the first call that
    has one, None where none has. `at`: unix seconds."""

    trace: str
    span: str
    root: str
    at: float
    ms: float
    first_token_ms: float | None
    application: str
    model: str
    provider: str
    prompt: str
    prompt_version: str
    user: str
    session: str
    tags: Sequence[str]
    status: str
    error: str
    input: str
    output: str
    sum: Sum
    spans: int
    scores: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpanLine:
    """`cost` is its own, `total_cost` and `total_tokens` with all below it; each call counts once."""

    span: str
    parent: str
    name: str
    type: str
    service: str
    at: float
    ms: float
    first_token_ms: float | None
    status: str
    error: str
    model: str
    provider: str
    prompt: str
    prompt_version: str
    user: str
    session: str
    input: Sequence[Mapping[str, Any]]
    output: Sequence[Mapping[str, Any]]
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int
    cache_write_tokens: int
    cost: int | None
    total_cost: int | None
    total_tokens: int
    estimated: bool
    attributes: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class TraceInFull:
    line: TraceLine
    spans: Sequence[SpanLine]
    next: str | None


@dataclass(frozen=True, slots=True)
class Gathered:
    """A session or a user. `names`: the users of a session, or nothing; times are unix seconds."""

    id: str
    names: Sequence[str]
    applications: Sequence[str]
    sessions: int
    traces: int
    first_at: float
    last_at: float
    sum: Sum

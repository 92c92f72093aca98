"""How the versions of a prompt fare: the calls that were recorded with it, version by version."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from triops.kernel.ids import ProjectId
from triops.kernel.signal import I64
from triops.ledger.scores.scores import Scores
from triops.lenses.llmops.traces.sums import PriceOf, Prices, Sum, add, costs, groups
from triops.lenses.llmops.watch.words import refuses
from triops.ports.llm_spans import LlmQuery, LlmRows, LlmSpans

_LOOKED_AT = 10_000  # of a version, the newest: traces whose scores, and answers whose words are read

Chosen = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PromptUse:
    """Latencies are milliseconds, None where nothing says; `output_chars` is the mean length of an answer, None where
    no sender said any. `refused`: of `answers`, whose first words were kept, how many refuse. `scores`: by name, the
    mean of a number and of how many traces."""

    version: str
    sum: Sum
    p50_ms: float | None
    p95_ms: float | None
    first_token_ms: float | None
    output_chars: float | None
    answers: int
    refused: int
    last_at_ns: int
    scores: Mapping[str, tuple[float, int]]


class Prompting:
    def __init__(self, llm: LlmSpans, scores: Scores, prices: Prices) -> None:
        self._llm = llm
        self._scores = scores
        self._prices = prices

    async def usage(self, project: ProjectId, query: LlmQuery) -> Sequence[PromptUse]:
        """By version, the newest first. `query.prompt`: a prompt's name. Raises: Invalid over 500,000 spans."""
        rows = await self._llm.llm_rows(project, query)
        price_of = await self._prices(project)
        rows, own, versions = await asyncio.to_thread(_by_version, rows, query.prompt, price_of)
        found = []
        for version, mine in versions.items():
            scores = await self._scored(project, rows, mine)
            found.append(await asyncio.to_thread(_use, version, rows, own, mine, scores))
        return sorted(found, key=lambda use: (len(use.version), use.version), reverse=True)

    async def _scored(self, project: ProjectId, rows: LlmRows, mine: Chosen) -> Mapping[str, tuple[float, int]]:
        traces = dict.fromkeys(
            f"{hi:016x}{lo:016x}"
            for hi, lo in zip(rows.trace_hi[mine].tolist(), rows.trace_lo[mine].tolist(), strict=True)
        )
        said: dict[str, list[float]] = {}
        for scores in (await self._scores.of_traces(project, list(traces)[-_LOOKED_AT:])).values():
            for name, value in scores.items():
                if not isinstance(value, str):
                    said.setdefault(name, []).append(float(value))
        return {name: (sum(values) / len(values), len(values)) for name, values in sorted(said.items())}


def _by_version(rows: LlmRows, prompt: str, price_of: PriceOf) -> tuple[LlmRows, I64, Mapping[str, Chosen]]:
    rows = rows.only(rows.counts & (rows.prompt == prompt))
    return rows, costs(rows, price_of), groups(rows.prompt_version)


def _use(version: str, rows: LlmRows, own: I64, mine: Chosen, scores: Mapping[str, tuple[float, int]]) -> PromptUse:
    fine = mine[rows.status[mine] != 2]
    took, first, long = rows.duration_ns[fine] / 1e6, rows.first_ns[fine], rows.output_chars[fine]
    first, long = first[first > 0] / 1e6, long[long >= 0]
    worded = [words for words in rows.output[fine[-_LOOKED_AT:]] if words]
    return PromptUse(
        version=version,
        sum=add(rows, own, mine),
        p50_ms=float(np.quantile(took, 0.5)) if len(took) else None,
        p95_ms=float(np.quantile(took, 0.95)) if len(took) else None,
        first_token_ms=float(np.quantile(first, 0.5)) if len(first) else None,
        output_chars=float(long.mean()) if len(long) else None,
        answers=len(worded),
        refused=sum(map(refuses, worded)),
        last_at_ns=int(rows.time_ns[mine].max()),
        scores=scores,
    )

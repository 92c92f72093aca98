"""How the versions of a prompt fare: the calls that were recorded with it, version by version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from triops.kernel.ids import ProjectId
from triops.kernel.signal import I64
from triops.ledger.scores.scores import Scores
from triops.lenses.llmops.traces.sums import Prices, Sum, add, costs, groups
from triops.ports.llm_spans import LlmQuery, LlmRows, LlmSpans

_SCORED = 10_000  # traces of a version whose scores are read, the newest


@dataclass(frozen=True, slots=True)
class PromptUse:
    """Latencies are milliseconds, None where nothing says. `scores`: by name, the mean of a number and of how many
    traces."""

    version: str
    sum: Sum
    p50_ms: float | None
    p95_ms: float | None
    first_token_ms: float | None
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
        rows = rows.only(rows.counts & (rows.prompt == query.prompt))
        own = costs(rows, await self._prices(project))
        found = [await self._use(project, v, rows, own, mine) for v, mine in groups(rows.prompt_version).items()]
        return sorted(found, key=lambda use: (len(use.version), use.version), reverse=True)

    async def _use(self, project: ProjectId, version: str, rows: LlmRows, own: I64, mine: I64) -> PromptUse:
        fine = mine[rows.status[mine] != 2]
        took, first = rows.duration_ns[fine] / 1e6, rows.first_ns[fine]
        first = first[first > 0] / 1e6
        traces = dict.fromkeys(
            f"{hi:016x}{lo:016x}"
            for hi, lo in zip(rows.trace_hi[mine].tolist(), rows.trace_lo[mine].tolist(), strict=True)
        )
        said: dict[str, list[float]] = {}
        for scores in (await self._scores.of_traces(project, list(traces)[-_SCORED:])).values():
            for name, value in scores.items():
                if not isinstance(value, str):
                    said.setdefault(name, []).append(float(value))
        return PromptUse(
            version=version,
            sum=add(rows, own, mine),
            p50_ms=float(np.quantile(took, 0.5)) if len(took) else None,
            p95_ms=float(np.quantile(took, 0.95)) if len(took) else None,
            first_token_ms=float(np.quantile(first, 0.5)) if len(first) else None,
            last_at_ns=int(rows.time_ns[mine].max()),
            scores={name: (sum(values) / len(values), len(values)) for name, values in sorted(said.items())},
        )

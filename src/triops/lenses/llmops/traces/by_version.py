"""How a prompt's versions do: calls, tokens, cost, times, lengths and scores of each, from the spans of calls."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from triops.kernel.ids import ProjectId
from triops.kernel.signal import I64
from triops.ledger.scores.scores import Scores
from triops.lenses.llmops.traces.sums import Prices, Sum, add, costs, groups
from triops.ports.llm_spans import LlmQuery, LlmRows, LlmSpans

_DEEPEST = 64


@dataclass(frozen=True, slots=True)
class VersionUse:
    """`version`: as the spans say it, "" where they do not. Times are milliseconds, `first_token_ms` and `output_chars`
    means; None where no call said. `scores`: of each name the mean over the traces that asked with this version."""

    version: str
    sum: Sum
    p50_ms: float
    p95_ms: float
    first_token_ms: float | None
    output_chars: float | None
    scores: Mapping[str, float]


class ByVersion:
    def __init__(self, llm: LlmSpans, scores: Scores, prices: Prices) -> None:
        self._llm = llm
        self._scores = scores
        self._prices = prices

    async def of(self, project: ProjectId, prompt: str, start_ns: int, end_ns: int) -> Sequence[VersionUse]:
        """The newest version first. Raises: Invalid over 500,000 spans in the range."""
        rows = await self._llm.llm_rows(project, LlmQuery(start_ns, end_ns, prompt=prompt))
        versions = _versions(rows, prompt)
        own = costs(rows, await self._prices(project))
        traces = [f"{hi:016x}{lo:016x}" for hi, lo in zip(rows.trace_hi.tolist(), rows.trace_lo.tolist(), strict=True)]
        scores = await self._scores.of_traces(project, list(dict.fromkeys(traces)))
        found = []
        for version, mine in groups(versions).items():
            mine = mine[rows.counts[mine]]
            if version is not None and len(mine):
                judged = [scores[trace] for trace in {traces[row] for row in mine.tolist()} if trace in scores]
                found.append(_use(version, rows, own, mine, judged))
        return sorted(found, key=lambda use: (use.version.isdecimal(), len(use.version), use.version), reverse=True)


def _versions(rows: LlmRows, prompt: str) -> list[str | None]:
    """Of each row the version of the prompt, which the span itself says or the nearest above it that says a prompt;
    None where that is another one or none."""
    places = {span: row for row, span in enumerate(rows.span_id.tolist())}
    parents = rows.parent_id.tolist()
    found: list[str | None] = []
    for row in range(len(rows)):
        at: int | None = row
        for _ in range(_DEEPEST):
            if at is None or rows.prompt[at]:
                break
            at = places.get(parents[at])
        found.append(rows.prompt_version[at] if at is not None and rows.prompt[at] == prompt else None)
    return found


def _use(
    version: str, rows: LlmRows, own: I64, mine: npt.NDArray[np.int64], judged: Sequence[Mapping[str, float | str]]
) -> VersionUse:
    p50, p95 = np.percentile(rows.duration_ns[mine] / 1e6, (50, 95)).tolist()
    values: defaultdict[str, list[float]] = defaultdict(list)
    for scores in judged:
        for name, value in scores.items():
            if isinstance(value, float):
                values[name].append(value)
    first, length = rows.first_ns[mine], rows.output_chars[mine]
    return VersionUse(
        version=version,
        sum=add(rows, own, mine),
        p50_ms=p50,
        p95_ms=p95,
        first_token_ms=float(first[first > 0].mean()) / 1e6 if (first > 0).any() else None,
        output_chars=float(length[length >= 0].mean()) if (length >= 0).any() else None,
        scores={name: sum(one) / len(one) for name, one in sorted(values.items())},
    )

"""Tokens and costs of rows, each call once: what the sender said, else its tokens at the price of its time."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from triops.kernel.completion import Usage
from triops.kernel.ids import ProjectId
from triops.kernel.signal import I64
from triops.ports.llm_spans import LlmRows

# What a usage of a provider's model costs at a time (unix ns), in pico-dollars; None without a price.
PriceOf = Callable[[str, str, Usage, int], int | None]
Prices = Callable[[ProjectId], Awaitable[PriceOf]]
UNKNOWN = -1


@dataclass(slots=True)
class Sum:
    """`cost`: pico-dollars, None where no call's cost is known; `unpriced`: calls whose cost is not known, but
    for those that failed with nothing used."""

    calls: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int | None = None
    unpriced: int = 0
    estimated: int = 0


def costs(rows: LlmRows, price_of: PriceOf) -> I64:
    """Of each row that counts, -1 where unknown or where the row does not count."""
    own = np.where(rows.counts, rows.cost, UNKNOWN).astype(np.int64)
    told = (rows.input_tokens >= 0) | (rows.output_tokens >= 0)
    for row in np.flatnonzero(rows.counts & (rows.cost < 0) & told).tolist():
        usage = Usage(
            max(int(rows.input_tokens[row]), 0),
            max(int(rows.output_tokens[row]), 0),
            int(rows.cached_tokens[row]),
            int(rows.cache_write_tokens[row]),
        )
        found = price_of(rows.provider[row], rows.model[row], usage, int(rows.time_ns[row]))
        if found is not None:
            own[row] = found
    return own


def add(rows: LlmRows, own: I64, chosen: npt.NDArray[Any]) -> Sum:
    """`own`: what `costs` said; `chosen`: positions or flags of rows."""
    counts = rows.counts[chosen]
    cost = own[chosen][counts]
    failed = (rows.status[chosen] == 2)[counts]
    used = (np.maximum(rows.input_tokens[chosen], 0) + np.maximum(rows.output_tokens[chosen], 0))[counts] > 0
    return Sum(
        calls=int(counts.sum()),
        errors=int(failed.sum()),
        input_tokens=int(np.maximum(rows.input_tokens[chosen][counts], 0).sum()),
        output_tokens=int(np.maximum(rows.output_tokens[chosen][counts], 0).sum()),
        cost=_exact(cost[cost >= 0]) if (cost >= 0).any() else None,
        unpriced=int(((cost < 0) & (used | ~failed)).sum()),
        estimated=int((rows.estimated[chosen] > 0)[counts].sum()),
    )


def told_once(rows: LlmRows) -> LlmRows:
    """A client's span of a call through our gateway does not count beside the gateway's, also where it is in a trace of
    its own (no `traceparent` was sent): both have the answer's id."""
    ours = rows.counts & (rows.gateway > 0) & (rows.answer_id != "")
    if not ours.any():
        return rows
    answers = set(rows.answer_id[ours])
    again = [row for row in np.flatnonzero(rows.counts & (rows.gateway == 0)) if rows.answer_id[row] in answers]
    counts = rows.counts.copy()
    counts[again] = False
    return replace(rows, counts=counts)


def groups(keys: Iterable[Any]) -> dict[Any, npt.NDArray[np.int64]]:
    """key → its rows' positions, keys in the order in which they come."""
    found: dict[Any, list[int]] = {}
    for row, key in enumerate(keys):
        found.setdefault(key, []).append(row)
    return {key: np.array(rows, dtype=np.int64) for key, rows in found.items()}


def _exact(costs: I64) -> int:
    """In Python's integers where 64 bits might not hold the sum."""
    return int(costs.sum()) if int(costs.max()) < 2**62 // len(costs) else sum(costs.tolist())

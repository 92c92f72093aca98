"""A shop of three services in memory, for tests: requests with noise, pauses and hiccups, and the Spans that hold them.

Only `red` and `search` are there. As from a real exporter, spans arrive every five seconds, after they have ended."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from triops.kernel.ids import ProjectId
from triops.kernel.page import Page
from triops.ports.spans import RedTable, TraceQuery, TraceSummary

FRONT, CATALOGUE, PRICING, DB = "service:front", "service:catalogue", "service:pricing", "database:prices"


class Shop:
    """`until` seconds of load from `begin`; `slow_ms`, `fail`, `gone` apply to pricing in [fault, healed)."""

    def __init__(
        self,
        *,
        seed: int = 1,
        begin: float = 1_800_000_000.0,
        seconds: float = 600.0,
        rate: float = 20.0,
        fault: float = 1e9,
        healed: float = 2e9,
        slow_ms: float = 0.0,
        fail: float = 0.0,
        gone: bool = False,
        load_end: float = 1e9,
        scale: float = 1.0,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.begin, self.now = begin, begin
        self.searches: list[TraceQuery] = []
        n = rng.poisson(rate * min(seconds, load_end))
        start = np.sort(rng.uniform(0, min(seconds, load_end), n))
        faulty = (start >= fault) & (start < healed)
        hiccup = np.zeros(n, bool)
        for at in np.cumsum(rng.exponential(45.0, int(seconds / 45) * 3 + 3)):
            hiccup |= (start >= at) & (start < at + rng.uniform(0.5, 2.0))

        def own(median_ms: float, sigma: float) -> Any:
            ms = scale * median_ms * np.exp(rng.normal(0, sigma, n)) * np.where(hiccup, rng.uniform(2, 4), 1.0)
            for at in np.cumsum(rng.exponential(25.0, int(seconds / 25) * 3 + 3)):  # garbage collection
                left = at + rng.uniform(0.05, 0.5) - start
                ms += np.where((start >= at) & (left > 0), left * 1000, 0.0)
            ms[: int(3 * rate)] *= 4.0  # cold start
            return ms

        db, pricing = own(1.0, 0.4), own(4.0, 0.5)
        pricing = pricing + np.where(faulty, slow_ms * np.exp(rng.normal(0, 0.3, n)), 0.0)
        catalogue, front = own(4.0, 0.5), own(6.0, 0.5)
        failed = (faulty & (rng.random(n) < fail)) | (rng.random(n) < 0.002)
        if gone:
            failed = failed | faulty
        asked = rng.random(n) < 0.85
        rows = []
        total = {DB: db, PRICING: db + pricing}
        total[CATALOGUE] = total[PRICING] + catalogue
        total[FRONT] = np.where(asked, total[CATALOGUE], 0.0) + front
        answered = asked & ~(faulty & gone)
        for source, target, mask, ms, own_ms in (
            ("", FRONT, np.ones(n, bool), total[FRONT], front),
            (FRONT, CATALOGUE, asked, total[CATALOGUE] + 1, None),
            ("", CATALOGUE, asked, total[CATALOGUE], catalogue),
            (CATALOGUE, PRICING, answered, total[PRICING] + 1, None),
            (CATALOGUE, "external:127.0.0.1:9003", asked & faulty & gone, np.full(n, 2.0), None),
            ("", PRICING, answered, total[PRICING], pricing),
            (PRICING, DB, answered, total[DB], None),
        ):
            errors = failed & asked & (source != PRICING)
            arrives = start + ms / 1000
            phase = rng.uniform(0, 5)
            arrives = np.ceil((arrives - phase) / 5) * 5 + phase + 0.05
            shares = own_ms if own_ms is not None else np.full(n, np.nan)
            rows.append((source, target, start[mask], ms[mask], errors[mask], shares[mask], arrives[mask]))
        self.rows = rows

    async def red(self, project: ProjectId, start_ns: int, end_ns: int, step_ns: int, service: str = "") -> RedTable:
        out: list[tuple[Any, ...]] = []
        for source, target, start, ms, errors, own, arrives in self.rows:
            at = np.round((start + self.begin) * 1e9).astype(np.int64)
            ok = (at >= start_ns) & (at < end_ns) & (arrives + self.begin <= self.now)
            step = at[ok] // step_ns * step_ns
            for s in np.unique(step):
                m = ms[ok][step == s]
                quantiles = np.percentile(m, [50, 95, 99])
                mean_own = float(np.mean(own[ok][step == s]))
                out.append((s, source, target, len(m), errors[ok][step == s].sum(), m.mean(), *quantiles, mean_own))
        out.sort(key=lambda row: (row[0], row[1], row[2]))
        columns = list(zip(*out, strict=True)) if out else [()] * 10
        ints, floats = (lambda c: np.array(c, np.int64)), (lambda c: np.array(c, np.float64))
        return RedTable(
            ints(columns[0]), columns[1], columns[2], ints(columns[3]), ints(columns[4]), *map(floats, columns[5:])
        )

    async def search(self, project: ProjectId, query: TraceQuery) -> Page[TraceSummary]:
        self.searches.append(query)
        return Page([TraceSummary(7, "GET /", "front", query.start_ns, 1, "ok", 3, 0, ("front",))])


async def watch(detector: Any, shop: Shop, seconds: float, every_s: float = 2.0, first: float = 0.0) -> list[Any]:
    """Tick a detector from `first` to `seconds` after the shop's begin; every claim, in order."""
    claims: list[Any] = []
    at = first
    while at <= seconds:
        shop.now = shop.begin + at
        claims += await detector.tick(ProjectId("default"), shop.now)
        at += every_s
    return claims


def begun(claims: Sequence[Any]) -> list[Any]:
    """The first claim of each anomaly."""
    return list({claim.id: claim for claim in reversed(claims)}.values())[::-1]

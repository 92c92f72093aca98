"""What went through the gateway since it started, for its page: counters and latencies of fixed size."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from typing import Any

_NAMES = 1000  # routes, and providers, of a project that are counted; over it as `other`


def _bounds() -> list[float]:
    """Milliseconds, 0.1 to 600,000, each 10% above the one before."""
    bounds = [0.1]
    while bounds[-1] < 600_000:
        bounds.append(bounds[-1] * 1.1)
    return bounds


class Latencies:
    """Quantiles to within 10%, of the last two spans of `span_s`."""

    __slots__ = ("_begun", "_bounds", "_older", "_recent", "_span")

    def __init__(self, bounds: list[float], span_s: float = 300.0) -> None:
        self._bounds = bounds
        self._span = span_s
        self._begun = 0.0
        self._recent = [0] * (len(bounds) + 1)
        self._older = [0] * (len(bounds) + 1)

    def add(self, ms: float, now: float) -> None:
        if now - self._begun > self._span:
            self._older, self._recent, self._begun = self._recent, [0] * (len(self._bounds) + 1), now
        self._recent[bisect_left(self._bounds, ms)] += 1

    def quantile(self, share: float) -> float | None:
        counts = [older + recent for older, recent in zip(self._older, self._recent, strict=True)]
        total, passed = sum(counts), 0
        for bucket, count in enumerate(counts):
            passed += count
            if count and passed >= share * total:
                return round(self._bounds[min(bucket, len(self._bounds) - 1)], 3)
        return None


class _Line:
    """One route, or one provider."""

    __slots__ = ("errors", "first", "in_flight", "kinds", "ms", "requests")

    def __init__(self, bounds: list[float]) -> None:
        self.requests = self.errors = self.in_flight = 0
        self.kinds: Counter[str] = Counter()
        self.ms = Latencies(bounds)
        self.first = Latencies(bounds)

    def shown(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "errors": self.errors,
            "kinds": dict(self.kinds.most_common(10)),
            "p50_ms": self.ms.quantile(0.5),
            "p95_ms": self.ms.quantile(0.95),
            "first_token_ms": self.first.quantile(0.5),
        }


class Counts:
    """By project. `refused`: kinds of errors that callers were given."""

    def __init__(self) -> None:
        self._bounds = _bounds()
        self._routes: dict[tuple[str, str], _Line] = {}
        self._providers: dict[tuple[str, str], _Line] = {}
        self.refused: Counter[str] = Counter()

    def ended(self, project: str, route: str, started_ns: int, ended_ns: int, first_ns: int, error: str) -> None:
        line = self._line(self._routes, project, route)
        line.requests += 1
        if error:
            line.errors += 1
            line.kinds[error] += 1
            return
        now = ended_ns / 1e9
        line.ms.add((ended_ns - started_ns) / 1e6, now)
        if first_ns:
            line.first.add(first_ns / 1e6, now)

    def attempted(self, project: str, provider: str, ended_ns: int, ms: float, fault: str) -> None:
        line = self._line(self._providers, project, provider)
        line.requests += 1
        if fault:
            line.errors += 1
            line.kinds[fault] += 1
        else:
            line.ms.add(ms, ended_ns / 1e9)

    def shown(self) -> Mapping[str, Any]:
        """`{"routes": {project: {name: …}}, "providers": …, "refused": {kind: n}}`."""
        return {
            "routes": _by_project(self._routes),
            "providers": _by_project(self._providers),
            "refused": dict(self.refused),
        }

    def _line(self, lines: dict[tuple[str, str], _Line], project: str, name: str) -> _Line:
        line = lines.get((project, name))
        if line is None:
            if len(lines) >= _NAMES:
                name = "other"
            line = lines.setdefault((project, name), _Line(self._bounds))
        return line


def _by_project(lines: Mapping[tuple[str, str], _Line]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for (project, name), line in lines.items():
        found.setdefault(project, {})[name] = line.shown()
    return found

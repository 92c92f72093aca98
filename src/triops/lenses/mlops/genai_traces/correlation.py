"""Whether two filters hold of the same traces more often than chance would have it: normalized pointwise mutual
information, -1 (never together) to 1 (always)."""

import math
from dataclasses import dataclass

_PRIOR = 0.5  # Jeffreys'


@dataclass(frozen=True, slots=True)
class Correlation:
    first: int
    second: int
    both: int
    total: int

    @property
    def npmi(self) -> float:
        """NaN where one of them never holds."""
        if min(self.first, self.second) == 0 or self.total == 0:
            return math.nan
        if self.both == 0:
            return -1.0
        if self.first == self.second == self.both:
            return 1.0
        return _npmi(self.both, self.first, self.second, self.total)

    @property
    def smoothed(self) -> float:
        """With a little of each of the four cases added, so that few traces prove little."""
        if min(self.first, self.second) == 0 or self.total == 0:
            return math.nan
        if self.both == self.total:
            return 1.0
        both = self.both + _PRIOR
        first, second = self.first + 2 * _PRIOR, self.second + 2 * _PRIOR
        return _npmi(both, first, second, self.total + 4 * _PRIOR)


def _npmi(both: float, first: float, second: float, total: float) -> float:
    if both == total:
        return 1.0
    shared = (math.log(both) + math.log(total)) - (math.log(first) + math.log(second))
    return max(-1.0, min(1.0, shared / -(math.log(both) - math.log(total))))

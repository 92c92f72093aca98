"""How many retries there may be, and how long before each: a provider in trouble is not to be asked twice as often."""

from random import Random

_FIRST_S = 0.1
_LONGEST_S = 2.0
_RESERVE = 10.0  # retries that are always there at first, so that few calls may be retried, too


class RetryBudget:
    """Each call earns `share` of a retry; at most ten are kept. Asking another model in the place of one that failed
    is no retry, and costs nothing."""

    __slots__ = ("_tokens", "refused", "share")

    def __init__(self, share: float = 0.2) -> None:
        self.share = share
        self.refused = 0
        self._tokens = _RESERVE

    def called(self) -> None:
        self._tokens = min(_RESERVE, self._tokens + self.share)

    def take(self) -> bool:
        if self._tokens < 1.0 or self.share <= 0:
            self.refused += 1
            return False
        self._tokens -= 1.0
        return True


def backoff_s(attempt: int, rng: Random) -> float:
    """Full jitter: any time up to a bound that doubles."""
    return rng.uniform(0.0, min(_LONGEST_S, _FIRST_S * 2.0 ** max(0, attempt - 1)))

"""How much of something there was in the last minute: for requests and tokens of a key."""

from collections import deque

from triops.kernel.value import value

_WINDOW_S = 60
_STEPS = 10  # a second
_KEPT = _WINDOW_S * _STEPS + 1
Room = tuple[int, int, int]  # a limit, what it has left, and the tenths of a second until all of it is


@value
class Left:
    """What a key has left of its limits a minute, None of those that it does not have. `at`: unix seconds."""

    at: float
    requests: Room | None
    tokens: Room | None


class Sliding:
    """Sums over the last 60 seconds, in steps of a tenth of a second: what came within a step counts until the whole
    step is 60 seconds old. So no 60 seconds ever hold more than a limit, and room comes back at most 0.1 s late."""

    __slots__ = ("_log", "_sum")

    def __init__(self) -> None:
        self._log: deque[list[int]] = deque()  # [step, amount]; at most 602
        self._sum = 0

    def used(self, now: float) -> int:
        log, gone = self._log, int(now * _STEPS) - _KEPT
        while log and log[0][0] <= gone:
            self._sum -= log.popleft()[1]
        return self._sum

    def add(self, now: float, amount: int) -> list[int]:
        """Answers the step that holds it, for `take_back`."""
        step, log = int(now * _STEPS), self._log
        if log and log[-1][0] >= step:  # also where the clock was set back
            entry = log[-1]
            entry[1] += amount
        else:
            entry = [step, amount]
            log.append(entry)
        self._sum += amount
        return entry

    def take_back(self, entry: list[int], amount: int) -> None:
        """Of what a step holds, if that still counts."""
        if self._log and entry[0] >= self._log[0][0]:
            entry[1] -= amount
            self._sum -= amount

    def room(self, limit: int, now: float) -> Room | None:
        """None for no limit, which is 0."""
        if not limit:
            return None
        used = self.used(now)
        return limit, limit - used if used < limit else 0, self._log[-1][0] + _KEPT - int(now * _STEPS) if used else 0

    def wait_s(self, now: float, amount: int, limit: int) -> float:
        """Until `amount` more fits."""
        over = self.used(now) + amount - limit
        if over <= 0:
            return 0.0
        for step, there in self._log:
            over -= there
            if over <= 0:
                return max(0.1, (step + _KEPT) / _STEPS - now)
        return float(_WINDOW_S)


class KeyLimits:
    """One key's last minute."""

    __slots__ = ("requests", "tokens")

    def __init__(self) -> None:
        self.requests = Sliding()
        self.tokens = Sliding()

    def left(self, requests: int, tokens: int, now: float) -> Left:
        """Of limits of so many a minute, 0 for none."""
        return Left(now, self.requests.room(requests, now), self.tokens.room(tokens, now))

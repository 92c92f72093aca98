"""Whether a model of a provider is asked at all: closed, open after failures, half open while one call tries."""

from collections import deque
from typing import Literal

from triops.lenses.llmops.gateway.specs import BreakerSpec

State = Literal["closed", "open", "half_open"]
_SHARE = 0.5  # of the window's calls that failed
_SEEN = 1000  # most calls that are remembered of a window
_LONGER = 8  # how much longer than `open_s` it stays open when each probe fails


class Breaker:
    """Opens when at least `failures` calls and half of those within `window_s` failed. After `open_s` one call may try
    (a probe; for at most `window_s`, then another may): its success closes, its failure opens for twice as long as
    before, up to eight times `open_s`."""

    __slots__ = ("_calls", "_failed", "_open_for", "_probe_at", "opens_until", "spec", "state")

    def __init__(self, spec: BreakerSpec) -> None:
        self.spec = spec
        self.state: State = "closed"
        self.opens_until = 0.0
        self._calls: deque[tuple[float, bool]] = deque()
        self._failed = 0
        self._open_for = spec.open_s
        self._probe_at: float | None = None

    @property
    def failures(self) -> int:
        """Within the window, when last looked at."""
        return self._failed

    def allows(self, now: float) -> bool:
        """Whether a call may go. Nothing is taken yet: `started` takes the probe."""
        if self.state == "closed":
            return True
        if now < self.opens_until:
            return False
        return self._probe_at is None or now - self._probe_at >= self.spec.window_s

    def started(self, now: float) -> bool:
        """Whether the call is the probe: `ended` must be told."""
        if self.state == "closed" or now < self.opens_until:
            return False
        self.state, self._probe_at = "half_open", now
        return True

    def ended(self, now: float, failed: bool, probe: bool = False) -> None:
        if self.state != "closed":
            if probe:
                self._probed(now, failed)
            return  # a call from before it opened says nothing new
        self._forget(now)
        self._calls.append((now, failed))
        self._failed += failed
        if failed and self._failed >= self.spec.failures and self._failed >= _SHARE * len(self._calls):
            self._open(now)

    def abandoned(self, probe: bool) -> None:
        """The call ended without saying anything of the provider (the caller went away)."""
        if probe:
            self._probe_at = None

    def _probed(self, now: float, failed: bool) -> None:
        if failed:
            self._open_for = min(self._open_for * 2, self.spec.open_s * _LONGER)
            self._open(now)
        else:
            self.state, self._open_for, self._probe_at = "closed", self.spec.open_s, None
            self._calls.clear()
            self._failed = 0

    def _open(self, now: float) -> None:
        self.state, self.opens_until, self._probe_at = "open", now + self._open_for, None

    def _forget(self, now: float) -> None:
        calls, before = self._calls, now - self.spec.window_s
        while calls and (calls[0][0] <= before or len(calls) >= _SEEN):
            self._failed -= calls.popleft()[1]

"""What the gateway is made of; who composes it fills it in."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from triops.lenses.llmops.gateway.admission import Admission
from triops.lenses.llmops.gateway.cache import Cache
from triops.lenses.llmops.gateway.counts import Counts
from triops.lenses.llmops.gateway.estimate import Estimators
from triops.lenses.llmops.gateway.recorder import Recorder
from triops.lenses.llmops.gateway.router import Router
from triops.lenses.llmops.gateway.specs import ProviderSpec
from triops.ports.providers import Provider
from triops.ports.upstream import Upstream

Speaks = Callable[[ProviderSpec], Provider]
Found = Callable[[ProviderSpec, str], Awaitable[ProviderSpec]]


@dataclass(frozen=True, slots=True)
class Parts:
    """`speaks`: the adapter for a provider. `found`: where a provider that runs here is, started when it does not run
    yet (its operation is the second argument). `now_ns`: unix time."""

    recorder: Recorder
    upstream: Upstream
    speaks: Speaks
    found: Found
    now_ns: Callable[[], int]
    rng: random.Random
    router: Router
    admission: Admission
    estimators: Estimators
    cache: Cache
    counts: Counts

    def now(self) -> float:
        return self.now_ns() / 1e9

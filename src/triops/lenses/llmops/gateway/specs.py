"""What the gateway's documents say, ready to be used: amounts as whole pico-dollars, times as unix seconds."""

from dataclasses import dataclass, field, replace
from typing import Final, Literal

from triops.ports.upstream import Host, Timeouts

Choose = Literal["weight", "latency", "cost", "least_busy"]
Record = Literal["", "full", "metadata", "none"]
Scope = Literal["key", "team", "user", "application", "route", "project"]
Per = Literal["day", "month", "total"]
EACH = "*"  # the name of a budget that each user has
LOCAL = "local"
DEFAULT_TIMEOUTS: Final = Timeouts()


@dataclass(frozen=True, slots=True)
class BreakerSpec:
    """Opens after `failures` within `window_s` that are at least half of the calls, for `open_s`."""

    failures: int = 5
    window_s: float = 30.0
    open_s: float = 15.0


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """`host.name` is "" for a local one that the gateway starts itself. `path`: the base URL's, without a trailing
    slash. `variable`: of the environment, that holds the key. `source`: where the credential is from: `set` (stored),
    `env`, `missing` (named but not there), `none`, `caller` (the caller's own, of this call alone). `responses`:
    `native`, `chat`, or "" for what is usual at its address."""

    name: str
    dialect: str
    host: Host
    path: str = ""
    base_url: str = ""
    credential: str = field(default="", repr=False)
    source: str = "none"
    variable: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    models: tuple[str, ...] = ()
    connections: int = 1000
    timeouts: Timeouts = DEFAULT_TIMEOUTS
    breaker: BreakerSpec = BreakerSpec()
    gguf: str = ""
    onnx: str = ""
    responses: str = ""
    stream_usage: bool = True


@dataclass(frozen=True, slots=True)
class Weighted:
    """One way that a route may go. `spec` None: there is no such provider (yet). `timeouts`: the route's where it says
    so, else the provider's; `whole`: those of an answer that is no stream."""

    provider: str
    model: str
    weight: int = 1
    spec: ProviderSpec | None = None
    timeouts: Timeouts = DEFAULT_TIMEOUTS
    whole: Timeouts = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "whole", replace(self.timeouts, first=self.timeouts.total))


@dataclass(frozen=True, slots=True)
class Canary:
    target: Weighted
    share: float


@dataclass(frozen=True, slots=True)
class CacheSpec:
    ttl_s: float = 300.0
    max_bytes: int = 64 << 20


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """`calls`: most in flight; `wait_s`: how long one more may wait for its turn."""

    calls: int = 1000
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class BudgetSpec:
    """`name` of scope `user` may be `*`: each user has the amount for himself. `amount`: pico-dollars. `source`: the
    document, for people."""

    scope: Scope
    name: str
    amount: int
    per: Per = "month"
    hard: bool = True
    source: str = ""


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """`timeout_s`: of all targets together, and of each fallback. `passed`: no document, the model's name was passed
    through. `variant`: not "" where a key may use only a part of the targets."""

    name: str
    targets: tuple[Weighted, ...]
    fallbacks: tuple[Weighted, ...] = ()
    aliases: tuple[str, ...] = ()
    timeout_s: float = 600.0
    retries: int = 1
    retry_budget: float = 0.2
    choose: Choose = "weight"
    canary: Canary | None = None
    cache: CacheSpec | None = None
    on_disconnect: Literal["drain", "cancel"] = "drain"
    drain_s: float = 30.0
    unsupported: Literal["drop", "refuse"] = "drop"
    guards: tuple[str, ...] = ()
    budgets: tuple[BudgetSpec, ...] = ()
    record: Record = ""
    queue: QueueSpec = QueueSpec()
    revision: int = 0
    passed: bool = False
    variant: str = ""


@dataclass(frozen=True, slots=True)
class KeySpec:
    """Limits of 0 are none. `expires`: unix seconds. `allow_passthrough`: a key that is bound to `routes` may also ask
    for models that no route has, by their providers' names for them."""

    name: str
    application: str = ""
    team: str = ""
    user: str = ""
    routes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    expires: float | None = None
    budgets: tuple[BudgetSpec, ...] = ()
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    requests_per_day: int = 0
    tokens_per_day: int = 0
    record: Record = ""
    allow_passthrough: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. `key`: the Key document's name, `api:NAME` for an API key of Triops, "" for nobody in particular.
    `spec` None: no limits. `expires`: unix seconds, of the secret. `passthrough_credential`: the caller's own key of a
    provider, used for this call and never kept."""

    project: str
    key: str = ""
    application: str = ""
    team: str = ""
    user: str = ""
    spec: KeySpec | None = None
    expires: float | None = None
    problem: str = ""  # why it may not call at all
    passthrough_credential: str = field(default="", repr=False)

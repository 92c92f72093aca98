"""What the lens's slice of spend is made of, in one piece for who composes it and for the native API."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from triops.ledger.calls.credentials import Credentials
from triops.ledger.calls.keys import GatewayKeys
from triops.lenses.llmops.spend.applying import Applying
from triops.lenses.llmops.spend.budgets import Budgets
from triops.lenses.llmops.spend.graph import Graph
from triops.lenses.llmops.spend.metering import Metering
from triops.lenses.llmops.spend.service import Spend
from triops.lenses.llmops.spend.snapshots import Snapshots
from triops.loop.jobs import Job

State = Callable[[], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True)
class SpendParts:
    """`state`: what is going on in the gateway's process. Raises: Unavailable while it is not ready. `told`: returns
    when the gateway knows what the books say now, or is not there; when a caller was answered, what they did holds."""

    spend: Spend
    budgets: Budgets
    applying: Applying
    keys: GatewayKeys
    credentials: Credentials
    snapshots: Snapshots
    state: State
    told: Callable[[], Awaitable[None]]


def spend_jobs(parts: SpendParts, metering: Metering, graph: Graph, changed: Callable[[], None]) -> list[Job]:
    """`changed`: the gateway's process must be told anew what it knows."""
    seen = parts.snapshots.version

    async def compare(now: float) -> None:
        nonlocal seen
        version = parts.snapshots.version
        if version != seen:
            seen = version
            changed()

    return [
        Job("gateway:apply", 0.1, parts.applying.tick, limit_s=120.0),
        Job("gateway:changed", 0.2, compare),
        Job("gateway:metrics", 10.0, metering.tick),
        Job("gateway:entities", 5.0, graph.write),
        Job("budgets", 5.0, parts.budgets.check),
        Job("spend:compact", 3600.0, parts.spend.compact, limit_s=600.0),
    ]

"""Every endpoint of the gateway: what its process answers, and what the server's port hands to it."""

from collections.abc import Sequence

from triops.edges.openai import ChatDialect
from triops.web.completing.paths import GatewayPaths
from triops.web.dialects import Dialect, Lookup


def dialects() -> Sequence[Dialect]:
    return [ChatDialect()]


def lookups() -> Sequence[Lookup]:
    return []


def gateway_paths() -> GatewayPaths:
    return GatewayPaths(
        [*(("POST", dialect.path) for dialect in dialects()), *((one.method, one.path) for one in lookups())]
    )

"""Access to traces where a request names their experiment in a place of its own: in a trace's location, in a header."""

from collections.abc import Collection

from triops.kernel.tenant import Principal
from triops.lenses.mlops.permissions import Level, Permissions


class TraceAccess:
    def __init__(self, permissions: Permissions) -> None:
        self._permissions = permissions

    async def may_write(self, who: Principal, experiment: str, traces: Collection[str]) -> None:
        """Into the experiment, and to what there is of `traces`. Raises: Forbidden."""
        await self._permissions.check_ids(who, Level.EDIT, experiments={experiment}, traces=traces)

    async def readable(self, who: Principal, experiments: Collection[str]) -> list[str]:
        """Those that may be looked at."""
        return await self._permissions.readable_experiments(who, experiments)

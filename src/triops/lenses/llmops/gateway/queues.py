"""How many calls of each route are under way, and no more than it allows."""

from triops.kernel.errors import Overloaded
from triops.lenses.llmops.gateway.specs import RouteSpec


class Queues:
    """`refused`: calls that found their route full, since the start."""

    def __init__(self) -> None:
        self._under_way: dict[tuple[str, str], int] = {}
        self.refused = 0

    def check(self, project: str, route: RouteSpec) -> None:
        """Raises: Overloaded."""
        if self._under_way.get((project, route.name), 0) >= route.queue.calls:
            self.refused += 1
            raise Overloaded(f"{route.queue.calls} calls of the route {route.name or 'of passed names'} are under way")

    def enter(self, at: tuple[str, str]) -> None:
        self._under_way[at] = self._under_way.get(at, 0) + 1

    def leave(self, at: tuple[str, str]) -> None:
        left = self._under_way.get(at, 0) - 1
        if left > 0:
            self._under_way[at] = left
        else:
            self._under_way.pop(at, None)

    def under_way(self, project: str, route: str) -> int:
        return self._under_way.get((project, route), 0)

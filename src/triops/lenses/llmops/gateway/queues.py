"""How many calls of each route are under way, and no more than it allows; who waits for a place."""

from collections import deque
from collections.abc import Callable

from triops.kernel.errors import Overloaded
from triops.lenses.llmops.gateway.specs import RouteSpec

Wake = Callable[[], None]


class Queues:
    """`refused`: calls that found no place, since the start. As many may wait for a route as it allows at once."""

    def __init__(self) -> None:
        self._under_way: dict[tuple[str, str], int] = {}
        self._waiting: dict[tuple[str, str], deque[Wake]] = {}
        self.refused = 0

    @property
    def waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    def check(self, project: str, route: RouteSpec) -> None:
        """Raises: Overloaded when all places are taken."""
        if self._under_way.get((project, route.name), 0) >= route.queue.calls:
            self.refused += 1
            raise Overloaded(f"{route.queue.calls} calls of {_shown(route)} are under way")

    def full(self, project: str, route: RouteSpec) -> bool:
        return self._under_way.get((project, route.name), 0) >= route.queue.calls

    def busy(self, project: str, route: RouteSpec) -> bool:
        """Full, or somebody waits already."""
        return (project, route.name) in self._waiting or self.full(project, route)

    def wait(self, project: str, route: RouteSpec, wake: Wake) -> None:
        """`wake` is called, once, when a place is free: first come, first served. Whoever waits no longer must
        `leave_line`.

        Raises: Overloaded when too many wait already.
        """
        line = self._waiting.setdefault((project, route.name), deque())
        if len(line) >= route.queue.calls:
            self.refused += 1
            raise Overloaded(f"{len(line)} calls wait for {_shown(route)} already")
        line.append(wake)

    def leave_line(self, project: str, route: RouteSpec, wake: Wake) -> None:
        line = self._waiting.get((project, route.name))
        if line is not None:
            if wake in line:
                line.remove(wake)
            if not line:
                del self._waiting[project, route.name]

    def enter(self, at: tuple[str, str]) -> None:
        self._under_way[at] = self._under_way.get(at, 0) + 1

    def leave(self, at: tuple[str, str]) -> None:
        left = self._under_way.get(at, 0) - 1
        if left > 0:
            self._under_way[at] = left
        else:
            self._under_way.pop(at, None)
        self._wake(at)

    def wake_next(self, project: str, route: RouteSpec) -> None:
        """Where there is still room: who was woken last did not take it."""
        if not self.full(project, route):
            self._wake((project, route.name))

    def under_way(self, project: str, route: str) -> int:
        return self._under_way.get((project, route), 0)

    def _wake(self, at: tuple[str, str]) -> None:
        line = self._waiting.get(at)
        if line:
            line.popleft()()
            if not line:
                del self._waiting[at]


def _shown(route: RouteSpec) -> str:
    return f"the route {route.name}" if route.name else "models without a route"

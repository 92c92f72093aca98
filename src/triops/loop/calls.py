"""Relations from the edges of a RED table, without ghosts.

A client span whose child span has not come (yet, or because the callee is down) looks like a call to an external
address. Such a peer must not stand beside the service that it is.
"""

from collections import OrderedDict

from triops.kernel.clock import NS
from triops.kernel.entity import Entity, Relation, RelationKind
from triops.kernel.ids import EntityId
from triops.ports.spans import RedTable

_LEAST_SHARE = 0.02  # of the requests to a service beside it, below which a new external peer is late child spans
_FELL = 0.5  # of its usual rate, below which a service's own requests may be the external peer's


class Calls:
    """What one project's services call: at most `bound` edges, the one seen longest ago is forgotten."""

    def __init__(self, bound: int = 20_000) -> None:
        self.bound = bound
        self._rate: OrderedDict[tuple[str, str], float] = OrderedDict()  # requests a second, usual
        self._services: dict[str, set[str]] = {}  # by source: the services among its callees

    def take(self, table: RedTable, seconds: float) -> tuple[list[Entity], list[Relation]]:
        """Relations seen in a window of `seconds`, and entities of callees that are no service (a service tells of
        itself by its resource)."""
        counts: dict[tuple[str, str], int] = {}
        times: dict[tuple[str, str], tuple[float, float]] = {}
        columns = (table.source, table.target, table.count.tolist(), table.time_ns.tolist())
        for source, target, count, time_ns in zip(*columns, strict=True):
            if source and target and source != target:
                edge, at = (source, target), time_ns / NS
                counts[edge] = counts.get(edge, 0) + count
                low, high = times.get(edge, (at, at))
                times[edge] = (min(low, at), max(high, at))
        entities, relations = [], []
        ghosts = {edge for edge in counts if self._is_ghost(edge, counts, seconds)}
        for edge, count in counts.items():
            if edge in ghosts:
                continue
            self._remember(edge, count / seconds)
            source, target = edge
            type_, _, name = target.partition(":")
            if type_ != "service":
                entities.append(Entity(type_, name, *times[edge]))
            kind = RelationKind.CALLS if type_ == "service" else RelationKind.USES
            relations.append(Relation(EntityId(source), kind, EntityId(target), *times[edge]))
        return entities, relations

    def _is_ghost(self, edge: tuple[str, str], counts: dict[tuple[str, str], int], seconds: float) -> bool:
        source, target = edge
        if not target.startswith("external:") or edge in self._rate:
            return False
        beside = self._services.get(source, set()) | {t for s, t in counts if s == source and t.startswith("service:")}
        for service in beside:
            now, usual = counts.get((source, service), 0), self._rate.get((source, service), 0.0) * seconds
            if counts[edge] < _LEAST_SHARE * now or now < _FELL * usual:
                return True
        return False

    def _remember(self, edge: tuple[str, str], rate: float) -> None:
        before = self._rate.get(edge, rate)
        self._rate[edge] = before + 0.2 * (rate - before)
        self._rate.move_to_end(edge)
        if edge[1].startswith("service:"):
            self._services.setdefault(edge[0], set()).add(edge[1])
        if len(self._rate) > self.bound:
            (source, target), _ = self._rate.popitem(last=False)
            self._services.get(source, set()).discard(target)

"""Which groups of symptoms an entity belongs to by topology: at most two relations away.

A healthy thing in between does not connect everything around it: two services on one quiet host, or two callees of one
caller that notices nothing, are unrelated as far as anybody can tell. Once that host or caller has an anomaly of its
own they belong together. Cost is linear in the relations of the entities asked about, hubs included.
"""

from collections.abc import Collection, Iterable, Iterator

from triops.kernel.anomaly import Anomaly
from triops.kernel.entity import RelationKind, Topology
from triops.kernel.ids import EntityId


class Reach:
    """Groups are small integers that the caller gives; `mark` adds an entity to one."""

    def __init__(
        self, topology: Topology, sick: Collection[EntityId], measured: Iterable[tuple[EntityId, EntityId]] = ()
    ) -> None:
        self._sick = sick
        self._neighbours: dict[EntityId, list[tuple[EntityId, bool, bool]]] = {}  # (other, depends on it, by a host)
        for relation in topology.relations:
            hosted = relation.kind is RelationKind.RUNS_ON
            self._neighbours.setdefault(relation.source, []).append((relation.target, True, hosted))
            self._neighbours.setdefault(relation.target, []).append((relation.source, False, hosted))
        for source, target in measured:
            self._neighbours.setdefault(source, []).append((target, True, False))
            self._neighbours.setdefault(target, []).append((source, False, False))
        self._members: dict[EntityId, set[int]] = {}
        self._above: dict[EntityId, set[int]] = {}  # groups with a member that depends on this entity
        self._below: dict[EntityId, set[int]] = {}  # groups with a member that this entity depends on

    def mark(self, entity: EntityId, group: int) -> None:
        members = self._members.setdefault(entity, set())
        if group in members:
            return
        members.add(group)
        for other, depends, _ in self._neighbours.get(entity, ()):
            (self._above if depends else self._below).setdefault(other, set()).add(group)

    def groups(self, entity: EntityId) -> dict[int, int]:
        """Groups in reach, each with its distance: 0, 1 or 2."""
        found = dict.fromkeys(self._members.get(entity, ()), 0)
        neighbours = self._neighbours.get(entity, ())
        for other, _, _ in neighbours:
            for group in self._members.get(other, ()):
                found.setdefault(group, 1)
        for other, depends, hosted in neighbours:
            sick = other in self._sick
            if depends:
                passing = [self._below] if hosted and not sick else [self._above, self._below]
            else:
                passing = [self._above, self._below] if sick else [self._above]
            for marks in passing:
                for group in marks.get(other, ()):
                    found.setdefault(group, 2)
        return found


def measured_edges(anomalies: Iterable[Anomaly]) -> Iterator[tuple[EntityId, EntityId]]:
    """Calls (source, target) that anomalies were measured on: edges, also when the topology does not know them yet."""
    for anomaly in anomalies:
        source, target = anomaly.evidence.get("source"), anomaly.evidence.get("target")
        if isinstance(source, str) and isinstance(target, str) and source and target and source != target:
            yield EntityId(source), EntityId(target)

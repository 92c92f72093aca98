"""The book of entities and relations: the topology, discovered."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, tuple_, update

from triops.kernel.entity import Entity, Health, Relation, RelationKind, Topology
from triops.kernel.errors import NotFound
from triops.kernel.ids import EntityId, ProjectId
from triops.kernel.page import Page
from triops.ledger import tables
from triops.ledger.codec import dumps, loads_mapping
from triops.ledger.paging import AnyRow, after, checked_limit, chunks, containing, page_of, searchable
from triops.ports.records import Records

_E = tables.entities.c
_R = tables.relations.c
_TOPOLOGY = 20_000


class Entities:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def observe(self, project: ProjectId, entities: Sequence[Entity], relations: Sequence[Relation] = ()) -> None:
        """Upsert: attributes are merged (new win), `first_seen` is the least and `last_seen` the greatest. Health is
        left as it is."""
        if entities or relations:
            await self._records.write(lambda c: observe(c, project, entities, relations))

    async def list(
        self,
        project: ProjectId,
        *,
        type: str = "",
        query: str = "",
        health: str = "",
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Entity]:
        """By id. `query` is a case-insensitive substring of the name."""
        statement = select(tables.entities).where(_E.project == project)
        if type:
            statement = statement.where(_E.type == type)
        if query:
            statement = statement.where(containing(_E.search, query))
        if health:
            statement = statement.where(_E.health == health)
        behind = after(cursor, (_E.id,), (str,), newest=False)
        if behind is not None:
            statement = statement.where(behind)
        statement = statement.order_by(_E.id).limit(checked_limit(limit) + 1)
        rows = await self._records.read(lambda c: c.execute(statement).all())
        return page_of(rows, limit, _entity, lambda row: (row.id,))

    async def get(self, project: ProjectId, id: EntityId) -> Entity:
        """Raises: NotFound."""
        statement = select(tables.entities).where(_E.project == project, _E.id == id)
        row = await self._records.read(lambda c: c.execute(statement).one_or_none())
        if row is None:
            raise NotFound(f"no entity {id}")
        return _entity(row)

    async def relations(
        self, project: ProjectId, *, entity: EntityId | None = None, limit: int = 1000, cursor: str | None = None
    ) -> Page[Relation]:
        """By source, kind and target; `entity` is either end."""
        statement = select(tables.relations).where(_R.project == project)
        if entity is not None:
            statement = statement.where((_R.source == entity) | (_R.target == entity))
        order = (_R.source, _R.kind, _R.target)
        behind = after(cursor, order, (str, str, str), newest=False)
        if behind is not None:
            statement = statement.where(behind)
        statement = statement.order_by(*order).limit(checked_limit(limit) + 1)
        rows = await self._records.read(lambda c: c.execute(statement).all())
        return page_of(rows, limit, _relation, lambda row: (row.source, row.kind, row.target))

    async def topology(self, project: ProjectId, since: float) -> Topology:
        """Relations seen since then, at most 20,000 (those seen last)."""
        statement = (
            select(tables.relations)
            .where(_R.project == project, _R.last_seen >= since)
            .order_by(_R.last_seen.desc(), _R.source, _R.kind, _R.target)
            .limit(_TOPOLOGY)
        )
        rows = await self._records.read(lambda c: c.execute(statement).all())
        return Topology(tuple(_relation(row) for row in rows))

    async def set_health(self, project: ProjectId, health: Mapping[EntityId, Health], default: Health) -> None:
        """Entities that are not named get `default`."""
        await self._records.write(lambda c: _set_health(c, project, health, default))

    async def expire(self, project: ProjectId, before: float) -> int:
        """Forget entities and relations last seen before then; answers how many."""

        def change(connection: Connection) -> int:
            gone = connection.execute(delete(tables.entities).where(_E.project == project, _E.last_seen < before))
            cut = connection.execute(delete(tables.relations).where(_R.project == project, _R.last_seen < before))
            return gone.rowcount + cut.rowcount

        return await self._records.write(change)


def _entity(row: AnyRow) -> Entity:
    return Entity(row.type, row.name, row.first_seen, row.last_seen, loads_mapping(row.attributes), Health(row.health))


def _relation(row: AnyRow) -> Relation:
    return Relation(EntityId(row.source), RelationKind(row.kind), EntityId(row.target), row.first_seen, row.last_seen)


def observe(
    connection: Connection, project: ProjectId, entities: Sequence[Entity], relations: Sequence[Relation] = ()
) -> None:
    """`Entities.observe` within a transaction of the caller's."""
    seen: dict[EntityId, Entity] = {}
    for entity in entities:
        seen[entity.id] = _merged(seen[entity.id], entity) if entity.id in seen else entity
    links: dict[tuple[str, str, str], Relation] = {}
    for link in relations:
        key = (str(link.source), link.kind.value, str(link.target))
        links[key] = _widened(links[key], link) if key in links else link
    _upsert_entities(connection, project, seen)
    _upsert_relations(connection, project, links)


def _upsert_entities(connection: Connection, project: ProjectId, seen: Mapping[EntityId, Entity]) -> None:
    new, changed = dict(seen), []
    for ids in chunks(seen):
        for row in connection.execute(select(tables.entities).where(_E.project == project, _E.id.in_(ids))):
            known, entity = _entity(row), new.pop(row.id)
            merged = _merged(known, entity)
            if merged != known:
                changed.append(
                    {
                        "_id": row.id,
                        "first_seen": merged.first_seen,
                        "last_seen": merged.last_seen,
                        "attributes": dumps(merged.attributes),
                    }
                )
    if changed:
        connection.execute(update(tables.entities).where(_E.project == project, _E.id == bindparam("_id")), changed)
    if new:
        connection.execute(
            insert(tables.entities),
            [
                {
                    "project": project,
                    "id": id,
                    "type": entity.type,
                    "name": entity.name,
                    "search": searchable(entity.name),
                    "health": entity.health.value,
                    "first_seen": entity.first_seen,
                    "last_seen": entity.last_seen,
                    "attributes": dumps(entity.attributes),
                }
                for id, entity in new.items()
            ],
        )


def _upsert_relations(
    connection: Connection, project: ProjectId, links: Mapping[tuple[str, str, str], Relation]
) -> None:
    new, changed = dict(links), []
    for keys in chunks(links):
        wanted = tuple_(_R.source, _R.kind, _R.target).in_(keys)
        for row in connection.execute(select(tables.relations).where(_R.project == project, wanted)):
            known, link = _relation(row), new.pop((row.source, row.kind, row.target))
            merged = _widened(known, link)
            if merged != known:
                changed.append(
                    {
                        "_source": row.source,
                        "_kind": row.kind,
                        "_target": row.target,
                        "first_seen": merged.first_seen,
                        "last_seen": merged.last_seen,
                    }
                )
    if changed:
        statement = update(tables.relations).where(
            _R.project == project,
            _R.source == bindparam("_source"),
            _R.kind == bindparam("_kind"),
            _R.target == bindparam("_target"),
        )
        connection.execute(statement, changed)
    if new:
        connection.execute(
            insert(tables.relations),
            [
                {
                    "project": project,
                    "source": source,
                    "kind": kind,
                    "target": target,
                    "first_seen": link.first_seen,
                    "last_seen": link.last_seen,
                }
                for (source, kind, target), link in new.items()
            ],
        )


def _merged(known: Entity, seen: Entity) -> Entity:
    return Entity(
        known.type,
        known.name,
        min(known.first_seen, seen.first_seen),
        max(known.last_seen, seen.last_seen),
        {**known.attributes, **seen.attributes},
        known.health,
    )


def _widened(known: Relation, seen: Relation) -> Relation:
    return Relation(
        known.source,
        known.kind,
        known.target,
        min(known.first_seen, seen.first_seen),
        max(known.last_seen, seen.last_seen),
    )


def _set_health(connection: Connection, project: ProjectId, health: Mapping[EntityId, Health], default: Health) -> None:
    """Only rows whose health differs are read and written, since nearly all keep theirs from tick to tick."""
    differing = select(_E.id, _E.health).where(_E.project == project, _E.health != default.value)
    known: dict[str, str] = {row.id: row.health for row in connection.execute(differing)}
    moves = [{"_id": id, "health": default.value} for id in known if id not in health]
    moves += [
        {"_id": id, "health": value.value} for id, value in health.items() if known.get(id, default.value) != value
    ]
    if moves:
        connection.execute(update(tables.entities).where(_E.project == project, _E.id == bindparam("_id")), moves)

"""The book of documents: configuration as code, as `triops apply` gave it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, insert, select, update

from triops.kernel.document import Document, Specs
from triops.kernel.errors import Invalid, NotFound, TooLarge
from triops.kernel.ids import ProjectId
from triops.ledger import tables
from triops.ledger.codec import dumps, loads_mapping
from triops.ledger.paging import AnyRow
from triops.ports.records import Records

_D = tables.documents.c
_H = tables.document_revisions.c
_DOCUMENTS = 10_000  # of one project; over it: TooLarge
_NOTHING: Final[Mapping[str, Any]] = {}
_REVISIONS = 100  # of one document; the oldest are forgotten

# By kind, what is asked in the transaction that writes: of the documents as they are and as they would be. What it
# raises is raised, and nothing is written.
Holds = Mapping[str, Callable[[Specs, Specs], None]]


class Documents:
    def __init__(self, records: Records) -> None:
        self._records = records
        self._versions: dict[ProjectId, int] = {}

    def version(self, project: ProjectId) -> int:
        """Rises whenever a document of the project may have changed, so that who keeps what it read knows when to read
        again. (One process writes the books.)"""
        return self._versions.get(project, 0)

    @property
    def changes(self) -> int:
        """Rises whenever a document of any project may have changed."""
        return sum(self._versions.values())

    async def put(
        self, project: ProjectId, documents: Sequence[Document], holds: Holds = _NOTHING
    ) -> Sequence[tuple[Document, str]]:
        """All or none, in one transaction. Answers each as stored with `created`, `changed` or `unchanged`; a change
        raises its revision by one and keeps the earlier revisions (the last 100). Deleted and made again, a document
        goes on where its revisions ended. Raises: Invalid for one given twice; TooLarge over 10,000 in a project; what
        one of `holds` raises."""
        given: set[tuple[str, str]] = set()
        for document in documents:
            if (document.kind, document.name) in given:
                raise Invalid("a document is given twice", field="name", got=f"{document.kind} {document.name}")
            given.add((document.kind, document.name))

        def write(connection: Connection) -> list[tuple[Document, str]]:
            _hold(connection, project, holds, {(one.kind, one.name): one.spec for one in documents})
            stored = [_put(connection, project, document) for document in documents]
            total = connection.scalar(select(func.count()).select_from(tables.documents).where(_D.project == project))
            if (total or 0) > _DOCUMENTS:
                raise TooLarge(f"a project has at most {_DOCUMENTS} documents")
            return stored

        try:
            return await self._records.write(write) if documents else []
        finally:
            self._versions[project] = self.version(project) + 1

    async def list(self, project: ProjectId, kind: str = "") -> Sequence[Document]:
        """By kind, then name; at most 10,000."""
        statement = select(tables.documents).where(_D.project == project)
        if kind:
            statement = statement.where(_D.kind == kind)
        statement = statement.order_by(_D.kind, _D.name).limit(_DOCUMENTS)
        rows = await self._records.read(lambda c: c.execute(statement).all())
        return [_document(row) for row in rows]

    async def get(self, project: ProjectId, kind: str, name: str) -> Document:
        """Raises: NotFound."""
        statement = select(tables.documents).where(_is(tables.documents, project, kind, name))
        row = await self._records.read(lambda c: c.execute(statement).one_or_none())
        if row is None:
            raise NotFound(f"no {kind} named {name}")
        return _document(row)

    async def revisions(self, project: ProjectId, kind: str, name: str) -> Sequence[Document]:
        """What it was, newest first: at most 100, the present one among them; also of a deleted document."""
        statement = (
            select(tables.document_revisions)
            .where(_is(tables.document_revisions, project, kind, name))
            .order_by(_H.revision.desc())
        )
        rows = await self._records.read(lambda c: c.execute(statement).all())
        return [_document(row) for row in rows]

    async def delete(self, project: ProjectId, kind: str, name: str, holds: Holds = _NOTHING) -> Document:
        """Answers what was deleted. Raises: NotFound; what one of `holds` raises."""
        here = _is(tables.documents, project, kind, name)

        def write(connection: Connection) -> Document:
            row = connection.execute(select(tables.documents).where(here).with_for_update()).one_or_none()
            if row is None:
                raise NotFound(f"no {kind} named {name}")
            _hold(connection, project, holds, {(kind, name): None})
            connection.execute(delete(tables.documents).where(here))
            return _document(row)

        try:
            return await self._records.write(write)
        finally:
            self._versions[project] = self.version(project) + 1


def documents_of(connection: Connection, kinds: Collection[str]) -> Mapping[ProjectId, Sequence[Document]]:
    """Of every project, the documents of some kinds, by kind and name."""
    asked = select(tables.documents).where(_D.kind.in_(kinds)).order_by(_D.project, _D.kind, _D.name)
    found: dict[ProjectId, list[Document]] = {}
    for row in connection.execute(asked):
        found.setdefault(ProjectId(row.project), []).append(_document(row))
    return found


def _hold(
    connection: Connection,
    project: ProjectId,
    holds: Holds,
    altered: Mapping[tuple[str, str], Mapping[str, Any] | None],
) -> None:
    """`altered`: specs by kind and name; None: it is removed."""
    for kind, hold in holds.items():
        own = {name: spec for (its, name), spec in altered.items() if its == kind}
        if own:
            asked = select(tables.documents).where(_D.project == project, _D.kind == kind).with_for_update()
            before = {row.name: loads_mapping(row.spec) for row in connection.execute(asked)}
            hold(before, {name: spec for name, spec in {**before, **own}.items() if spec is not None})


def _put(connection: Connection, project: ProjectId, document: Document) -> tuple[Document, str]:
    here = _is(tables.documents, project, document.kind, document.name)
    row = connection.execute(select(tables.documents).where(here).with_for_update()).one_or_none()
    spec = dumps(document.spec)
    if row is not None and row.spec == spec:
        return _document(row), "unchanged"
    past = _is(tables.document_revisions, project, document.kind, document.name)
    last = connection.scalar(select(func.max(_H.revision)).where(past)) or 0
    stored = replace(document, revision=last + 1)
    columns = {
        "revision": stored.revision,
        "updated_at": stored.updated_at,
        "updated_by": stored.updated_by,
        "spec": spec,
    }
    names = {"project": project, "kind": document.kind, "name": document.name}
    if row is None:
        connection.execute(insert(tables.documents), {**names, **columns})
    else:
        connection.execute(update(tables.documents).where(here).values(columns))
    connection.execute(insert(tables.document_revisions), {**names, **columns})
    connection.execute(delete(tables.document_revisions).where(past, _H.revision <= stored.revision - _REVISIONS))
    return stored, "created" if row is None else "changed"


def _is(table: Table, project: ProjectId, kind: str, name: str) -> ColumnElement[bool]:
    return and_(table.c.project == project, table.c.kind == kind, table.c.name == name)


def _document(row: AnyRow) -> Document:
    spec: dict[str, Any] = loads_mapping(row.spec)
    return Document(row.kind, row.name, spec, row.revision, row.updated_at, row.updated_by)

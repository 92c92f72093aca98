"""The book of traces: kept until they are deleted, with all that hangs on them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, select

from triops.kernel.errors import NotFound
from triops.kernel.ids import ProjectId
from triops.kernel.trace import NAME_TAG, Trace
from triops.ledger.paging import chunks
from triops.ledger.runs.tables import experiments, freed_artifacts
from triops.ledger.traces import tables
from triops.ledger.traces.reading import found, rows_by_id, trace_row, traces_of
from triops.ledger.traces.writing import METADATA, TAGS, Brought, add, artifacts_of, pairs, say, unpacked
from triops.ports.records import Records

_T = tables.traces.c
_E = experiments.c
_HOME = and_(_E.project == _T.project, _E.id == _T.experiment)
_BATCH = 500  # traces deleted in one transaction


class Traces:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def say(self, project: ProjectId, said: Trace, *, final: bool = True) -> Trace:
        """What its client knows of a trace; answers what is known now. Raises: NotFound, Invalid (the experiment)."""

        def write(connection: Connection) -> Trace:
            say(connection, project, said, final=final)
            return traces_of(connection, [found(connection, project, said.id)])[0]

        return await self._records.write(write)

    async def add(self, project: ProjectId, experiment: str, arrived: Sequence[Brought]) -> None:
        """Spans of any traces. Raises: NotFound, Invalid (the experiment, which only new traces ask for)."""
        await self._records.write(lambda c: add(c, project, experiment, arrived))

    async def get(self, project: ProjectId, id: str) -> Trace:
        """Raises: NotFound."""
        return await self._records.read(lambda c: traces_of(c, [found(c, project, id)])[0])

    async def some(
        self, project: ProjectId, ids: Sequence[str], experiments: Sequence[int] | None = None
    ) -> list[Trace]:
        """Those that there are, in the order asked for. `experiments`: of these alone."""

        def query(connection: Connection) -> list[Trace]:
            return traces_of(connection, _within(rows_by_id(connection, project, ids), experiments))

        return await self._records.read(query)

    async def whole(
        self, project: ProjectId, ids: Sequence[str], experiments: Sequence[int] | None = None
    ) -> list[tuple[Trace, list[bytes]]]:
        """The same with their spans' bytes, as they came: of two of one id the later counts."""

        def query(connection: Connection) -> list[tuple[Trace, list[bytes]]]:
            rows = _within(rows_by_id(connection, project, ids), experiments)
            bodies = bodies_of(connection, [row[0] for row in rows])
            traces = traces_of(connection, rows)
            return [(trace, bodies.get(row[0], [])) for trace, row in zip(traces, rows, strict=True)]

        return await self._records.read(query)

    async def experiments(self, project: ProjectId, ids: Collection[str]) -> Mapping[str, str]:
        """Trace id → experiment id, of those that there are."""

        def query(connection: Connection) -> dict[str, str]:
            found: dict[str, str] = {}
            for some in chunks(ids):
                statement = select(_T.id, _T.experiment).where(_T.project == project, _T.id.in_(some))
                found.update((row.id, str(row.experiment)) for row in connection.execute(statement))
            return found

        return await self._records.read(query)

    async def artifacts(self, project: ProjectId, id: str) -> str:
        """Where a trace's artifacts lie. Raises: NotFound."""
        statement = select(_E.artifact_location).join(tables.traces, _HOME).where(_T.project == project, _T.id == id)

        def query(connection: Connection) -> str:
            found(connection, project, id)
            return artifacts_of(str(connection.scalar(statement) or ""), id)

        return await self._records.read(query)

    async def set_tag(self, project: ProjectId, id: str, key: str, value: str) -> None:
        """Raises: NotFound."""

        def write(connection: Connection) -> None:
            no = found(connection, project, id)[0]
            if key == NAME_TAG:
                connection.execute(tables.traces.update().where(_T.no == no).values(name=value))
            else:
                TAGS.write(connection, [(no, key, value)])

        await self._records.write(write)

    async def delete_tag(self, project: ProjectId, id: str, key: str) -> None:
        """Raises: NotFound (the trace, the tag)."""

        def write(connection: Connection) -> None:
            row = trace_row(connection, project, id)
            gone = 0
            if row is not None and key == NAME_TAG:
                named = tables.traces.update().where(_T.no == row[0], _T.name.is_not(None))
                gone = connection.execute(named.values(name=None)).rowcount
            elif row is not None:
                own = tables.trace_tags.c
                gone = connection.execute(delete(tables.trace_tags).where(own.trace == row[0], own.key == key)).rowcount
            if not gone:
                raise NotFound(f"No trace tag with key '{key}' for trace with ID '{id}'")

        await self._records.write(write)

    async def end(
        self,
        project: ProjectId,
        id: str,
        end_ms: int,
        state: str,
        tags: Iterable[tuple[str, str]],
        metadata: Iterable[tuple[str, str]],
    ) -> Trace:
        """How clients before 3.0 finish a trace that they began. Raises: NotFound."""

        def write(connection: Connection) -> Trace:
            row = found(connection, project, id)
            own = dict(tags)
            changed: dict[str, Any] = {"duration_ms": end_ms - row[3], "state": state}
            if (name := own.pop(NAME_TAG, None)) is not None:
                changed["name"] = name
            connection.execute(tables.traces.update().where(_T.no == row[0]).values(**changed))
            TAGS.write(connection, pairs(row[0], own))
            METADATA.write(connection, pairs(row[0], dict(metadata)))
            return traces_of(connection, [found(connection, project, id)])[0]

        return await self._records.write(write)

    async def delete(
        self,
        project: ProjectId,
        experiment: int,
        *,
        ids: Sequence[str] | None = None,
        until_ms: int | None = None,
        most: int | None = None,
    ) -> list[str]:
        """Those of `ids`, or the oldest `most` up to a time, with their spans, tags, assessments and links; answers
        the ids of those that are gone. A large deletion is several transactions."""
        gone: list[str] = []
        own = (_T.project == project) & (_T.experiment == experiment)
        if until_ms is not None:
            own &= _T.request_ms <= until_ms
        if ids is not None:
            for some in chunks(dict.fromkeys(ids)):
                gone += await self._delete(project, select(_T.no, _T.id).where(own, _T.id.in_(some)))
            return gone
        while most is None or len(gone) < most:
            size = _BATCH if most is None else min(_BATCH, most - len(gone))
            step = await self._delete(
                project, select(_T.no, _T.id).where(own).order_by(_T.request_ms, _T.id).limit(size)
            )
            gone += step
            if len(step) < size:
                break
        return gone

    async def _delete(self, project: ProjectId, which: Any) -> list[str]:
        def write(connection: Connection) -> list[str]:
            rows = connection.execute(which).all()
            remove(connection, project, [row.no for row in rows], [row.id for row in rows])
            return [row.id for row in rows]

        return await self._records.write(write)


def remove(connection: Connection, project: ProjectId, nos: Sequence[int], ids: Sequence[str]) -> None:
    """All rows of traces; where their artifacts lie is noted for who frees them (their experiment says where, never a
    tag, which anyone may set)."""
    for some in chunks(nos):
        located = select(_T.id, _E.artifact_location).join(experiments, _HOME).where(_T.no.in_(some))
        freed = [
            {"project": project, "uri": artifacts_of(location, id)} for id, location in connection.execute(located)
        ]
        if freed:
            connection.execute(insert(freed_artifacts), freed)
        for table in tables.OF_TRACES:
            connection.execute(delete(table).where(table.c.trace.in_(some)))
        connection.execute(delete(tables.traces).where(_T.no.in_(some)))
    links = tables.trace_links.c
    for named in chunks(ids):
        connection.execute(delete(tables.trace_links).where(links.project == project, links.trace_id.in_(named)))


def bodies_of(connection: Connection, nos: Sequence[int]) -> dict[int, list[bytes]]:
    """Spans' bytes by trace, in the order in which they came."""
    bodies: dict[int, list[bytes]] = {}
    packs = tables.trace_packs.c
    for some in chunks(nos):
        statement = select(packs.trace, packs.body).where(packs.trace.in_(some)).order_by(packs.trace, packs.seq)
        for trace, body in connection.execute(statement):
            bodies.setdefault(trace, []).extend(unpacked(body))
    return bodies


def _within(rows: list[Sequence[Any]], experiments: Sequence[int] | None) -> list[Sequence[Any]]:
    if experiments is None:
        return rows
    wanted = set(experiments)
    return [row for row in rows if row[2] in wanted]

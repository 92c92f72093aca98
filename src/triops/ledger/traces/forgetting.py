"""Traces of experiments that hold the words of one user: forgotten whole, in steps."""

import re
from collections.abc import Sequence

from sqlalchemy import Connection, select

from triops.kernel.ids import ProjectId
from triops.kernel.trace import USER
from triops.ledger.paging import chunks
from triops.ledger.traces import tables
from triops.ledger.traces.traces import remove
from triops.ports.records import Records

_STEP = 200
_OF_SPANS = re.compile("tr-([0-9a-f]{32})")
_T, _M = tables.traces.c, tables.trace_metadata.c


class TraceForgetting:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def named(self, project: ProjectId, user: str) -> Sequence[int]:
        """Ids of the spans' traces whose metadata names the user."""
        own = select(_T.id).join(tables.trace_metadata, _M.trace == _T.no)
        own = own.where(_T.project == project, _M.key == USER, _M.value == user)
        ids = await self._records.read(lambda c: c.scalars(own).all())
        return [int(found[1], 16) for id in ids if (found := _OF_SPANS.fullmatch(id))]

    async def user(self, project: ProjectId, user: str, traces: Sequence[int]) -> int:
        """Those whose metadata names the user, and these, by the ids of their spans. Answers how many."""
        own = select(_T.no, _T.id).where(_T.project == project)
        named = own.join(tables.trace_metadata, _M.trace == _T.no).where(_M.key == USER, _M.value == user)

        def names_user(connection: Connection) -> int:
            rows = connection.execute(named.limit(_STEP)).all()
            remove(connection, project, [row.no for row in rows], [row.id for row in rows])
            return len(rows)

        gone = 0
        while step := await self._records.write(names_user):
            gone += step
        for some in chunks([f"tr-{trace:032x}" for trace in traces]):

            def these(connection: Connection, ids: Sequence[str] = some) -> int:
                rows = connection.execute(own.where(_T.id.in_(ids))).all()
                remove(connection, project, [row.no for row in rows], [row.id for row in rows])
                return len(rows)

            gone += await self._records.write(these)
        return gone

"""Scores, kept by their ids: the same id again takes the place of what was."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, select

from triops.kernel.ids import ProjectId
from triops.kernel.page import Page
from triops.ledger.paging import AnyRow, newest_page
from triops.ledger.scores.tables import scores
from triops.ledger.versions.upsert import put
from triops.ports.records import Records

_S = scores.c
_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Score:
    """Of a trace, a span of it, or a session. `value` or `string_value` says it; a boolean is 1.0 or 0.0. `source`:
    who judged: `api`, `user`, `annotation`, `eval`; `author`: whose key it came by. `at`: unix seconds."""

    id: str
    name: str
    at: float
    trace: str = ""
    span: str = ""
    session: str = ""
    value: float | None = None
    string_value: str = ""
    comment: str = ""
    source: str = "api"
    author: str = ""


class Scores:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def put(self, project: ProjectId, given: Sequence[Score]) -> None:
        """All or nothing."""

        def write(connection: Connection) -> None:
            for score in given:
                put(connection, scores, {"project": project, **asdict(score)})

        if given:
            await self._records.write(write)

    async def list(
        self,
        project: ProjectId,
        *,
        trace: str = "",
        session: str = "",
        name: str = "",
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Score]:
        """Newest first."""
        statement = select(_S.at, _S.id, scores).where(_S.project == project)
        for column, value in ((_S.trace, trace), (_S.session, session), (_S.name, name)):
            if value:
                statement = statement.where(column == value)
        return await newest_page(self._records, statement, _S.at, _S.id, limit, cursor, _score)

    async def of_traces(self, project: ProjectId, traces: Sequence[str]) -> Mapping[str, Mapping[str, float | str]]:
        """trace → name → the newest value of that name."""

        def read(connection: Connection) -> dict[str, dict[str, float | str]]:
            found: dict[str, dict[str, float | str]] = {}
            for at in range(0, len(traces), _CHUNK):
                of = select(_S.trace, _S.name, _S.value, _S.string_value).where(
                    _S.project == project, _S.trace.in_(traces[at : at + _CHUNK])
                )
                for row in connection.execute(of.order_by(_S.at, _S.id)):
                    found.setdefault(row.trace, {})[row.name] = row.string_value if row.value is None else row.value
            return found

        return await self._records.read(read) if traces else {}

    async def delete(self, project: ProjectId, id: str) -> bool:
        """Whether there was one."""
        statement = delete(scores).where(_S.project == project, _S.id == id)
        return await self._records.write(lambda c: c.execute(statement).rowcount > 0)

    async def forget(self, project: ProjectId, traces: Sequence[str], sessions: Sequence[str] = ()) -> int:
        """All scores of these; answers how many."""

        def write(connection: Connection) -> int:
            gone = 0
            for column, values in ((_S.trace, traces), (_S.session, sessions)):
                for at in range(0, len(values), _CHUNK):
                    chunk = values[at : at + _CHUNK]
                    statement = delete(scores).where(_S.project == project, column.in_(chunk))
                    gone += connection.execute(statement).rowcount
            return gone

        return await self._records.write(write) if traces or sessions else 0


def _score(row: AnyRow) -> Score:
    return Score(
        row.id, row.name, row.at, row.trace, row.span, row.session, row.value, row.string_value, row.comment,
        row.source, row.author,
    )  # fmt: skip

"""The book of scorers: named in an experiment, with versions that count up from 1."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select

from triops.kernel.errors import NotFound
from triops.kernel.evaluation import ScorerVersion
from triops.kernel.ids import ExperimentId, ProjectId
from triops.kernel.run import Stage
from triops.ledger.evaluations import tables
from triops.ledger.paging import AnyRow
from triops.ledger.runs.experiments import active_experiment
from triops.ledger.runs.tables import experiments
from triops.ports.records import Records

LISTED = 10_000  # of one answer
_S = tables.scorers.c
_V = tables.scorer_versions.c
_X = experiments.c
_COLUMNS = (_S.id, _S.experiment, _S.name, _V.version, _V.serialized, _V.created_ms)
_SAME = and_(_V.project == _S.project, _V.scorer == _S.id)


class Scorers:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def register(
        self, project: ProjectId, experiment: str, name: str, serialized: str, *, id: str, now_ms: int
    ) -> ScorerVersion:
        """`id` is for a scorer that is new. Raises: NotFound, Invalid (the experiment)."""

        def write(connection: Connection) -> ScorerVersion:
            no = active_experiment(connection, project, experiment)[0]
            known = select(_S.id).where(_S.project == project, _S.experiment == no, _S.name == name)
            scorer = connection.scalar(known)
            if scorer is None:
                scorer = id
                row = {"project": project, "id": id, "experiment": no, "name": name}
                connection.execute(insert(tables.scorers), row)
            last = select(func.max(_V.version)).where(_V.project == project, _V.scorer == scorer)
            version = (connection.scalar(last) or 0) + 1
            made = {"project": project, "scorer": scorer, "version": version, "serialized": serialized}
            connection.execute(insert(tables.scorer_versions), {**made, "created_ms": now_ms})
            return ScorerVersion(scorer, ExperimentId(str(no)), name, version, serialized, now_ms)

        return await self._records.write(write)

    async def latest(self, project: ProjectId, wanted: Sequence[int] | None) -> list[ScorerVersion]:
        """Each scorer's latest version, of active experiments: of all, or of those `wanted`; by experiment and name."""
        last = (
            select(_V.scorer, func.max(_V.version).label("version"))
            .where(_V.project == project)
            .group_by(_V.scorer)
            .subquery()
        )
        statement = (
            select(*_COLUMNS)
            .join(tables.scorer_versions, _SAME)
            .join(last, and_(last.c.scorer == _V.scorer, last.c.version == _V.version))
            .join(experiments, and_(_X.project == _S.project, _X.id == _S.experiment))
            .where(_S.project == project, _X.stage == Stage.ACTIVE.value)
            .order_by(_S.experiment, _S.name)
            .limit(LISTED)
        )
        if wanted is not None:
            statement = statement.where(_S.experiment.in_(wanted))
        return await self._records.read(lambda c: [_version(row) for row in c.execute(statement)])

    async def of_experiment(self, project: ProjectId, experiment: str) -> list[ScorerVersion]:
        """Each scorer's latest version. Raises: NotFound, Invalid (the experiment)."""
        no = await self._records.read(lambda c: active_experiment(c, project, experiment)[0])
        return await self.latest(project, [no])

    async def versions(
        self, project: ProjectId, experiment: str, name: str, version: int | None = None
    ) -> list[ScorerVersion]:
        """All, oldest first, or the one asked for. Raises: NotFound, Invalid (the experiment)."""

        def query(connection: Connection) -> list[ScorerVersion]:
            own = _own(connection, project, experiment, name)
            statement = select(*_COLUMNS).join(tables.scorer_versions, _SAME).where(own).order_by(_V.version)
            if version is not None:
                statement = statement.where(_V.version == version)
            rows = connection.execute(statement.limit(LISTED)).all()
            if not rows:
                known = connection.scalar(select(_S.id).where(own)) is not None
                raise _missing(experiment, name, version if known else None)
            return [_version(row) for row in rows]

        return await self._records.read(query)

    async def delete(self, project: ProjectId, experiment: str, name: str, version: int | None) -> None:
        """The one version, or all and the name with them. Raises: NotFound, Invalid (the experiment)."""

        def write(connection: Connection) -> None:
            own = _own(connection, project, experiment, name)
            scorer = connection.scalar(select(_S.id).where(own))
            gone = delete(tables.scorer_versions).where(_V.project == project, _V.scorer == scorer)
            if version is not None:
                gone = gone.where(_V.version == version)
            if not connection.execute(gone).rowcount:
                raise _missing(experiment, name, version if scorer is not None else None)
            if version is None:
                connection.execute(delete(tables.scorers).where(_S.project == project, _S.id == scorer))

        await self._records.write(write)


def _own(connection: Connection, project: ProjectId, experiment: str, name: str) -> ColumnElement[bool]:
    no: Any = active_experiment(connection, project, experiment)[0]
    return and_(_S.project == project, _S.experiment == no, _S.name == name)


def _missing(experiment: str, name: str, version: int | None) -> NotFound:
    which = f"'{name[:200]}'" + (f" and version {version}" if version is not None else "")
    return NotFound(f"Scorer with name {which} not found for experiment {experiment}.")


def _version(row: AnyRow) -> ScorerVersion:
    return ScorerVersion(
        row.id, ExperimentId(str(row.experiment)), row.name, row.version, row.serialized, row.created_ms
    )

"""Freeing what was deleted: a run's rows go for good once it has been deleted long enough, an experiment's once its
runs are gone. A step is bounded, so that the writer's thread is held for milliseconds.

Where a freed run's artifacts lie is noted in the transaction that takes its rows, and forgotten when they are gone too:
a kill leaves no artifacts of nobody, nor a run without its artifacts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, exists, insert, not_, select

from triops.kernel.ids import ProjectId
from triops.kernel.run import Stage
from triops.ledger.runs import tables
from triops.ledger.runs.experiments import DEFAULT_ID
from triops.ports.records import Records

_STEP_RUNS = 50
_STEP_CHUNKS = 2000  # of one run's batches or chunks
_R = tables.runs.c
_E = tables.experiments.c
_D = tables.datasets.c


_F = tables.freed_artifacts.c


@dataclass(frozen=True, slots=True)
class Freed:
    """Artifacts that are nobody's any more."""

    seq: int
    project: ProjectId
    artifact_uri: str


class Freeing:
    """`needed`: conditions on a row of experiments under which something still hangs on it."""

    def __init__(self, records: Records, needed: Sequence[ColumnElement[bool]] = ()) -> None:
        self._records = records
        self._needed = needed

    async def due(self, before_ms: int) -> Sequence[int]:
        """Some runs that were deleted before, by number; the oldest first."""
        statement = (
            select(_R.no)
            .where(_R.deleted_ms.is_not(None), _R.deleted_ms <= before_ms, _R.stage == Stage.DELETED.value)
            .order_by(_R.deleted_ms)
            .limit(_STEP_RUNS)
        )
        return await self._records.read(lambda c: c.scalars(statement).all())

    async def freed(self) -> list[Freed]:
        """Some artifacts that are to go."""
        statement = select(_F.seq, _F.project, _F.uri).order_by(_F.seq).limit(_STEP_RUNS)
        rows = await self._records.read(lambda c: c.execute(statement).all())
        return [Freed(row.seq, ProjectId(row.project), row.uri) for row in rows]

    async def forget(self, freed: Sequence[Freed]) -> None:
        """They are gone."""
        done = delete(tables.freed_artifacts).where(_F.seq.in_([one.seq for one in freed]))
        await self._records.write(lambda c: c.execute(done).rowcount)

    async def free(self, run: int, before_ms: int) -> bool:
        """Take the rows of a run that is still deleted. A long history goes in several transactions, its run's own row
        last, so that a kill leaves a run that is due again. Answers whether the run is gone."""
        while True:
            state = await self._records.write(lambda c: _free(c, run, before_ms))
            if state is not None:
                return state

    async def free_experiments(self, before_ms: int) -> None:
        """Those that were deleted before and have nothing left."""

        def write(connection: Connection) -> None:
            runs = exists().where(_R.project == _E.project, _R.experiment == _E.id)
            statement = (
                select(_E.project, _E.id)
                .where(_E.deleted_ms.is_not(None), _E.deleted_ms <= before_ms, _E.id != DEFAULT_ID, ~runs)
                .where(*(not_(needed) for needed in self._needed))
                .limit(_STEP_RUNS)
            )
            for project, id in connection.execute(statement).all():
                for table, column in (
                    (tables.datasets, _D.experiment),
                    (tables.experiment_tags, tables.experiment_tags.c.experiment),
                    (tables.experiments, _E.id),
                ):
                    connection.execute(delete(table).where(table.c.project == project, column == id))

        await self._records.write(write)


def _free(connection: Connection, run: int, before_ms: int) -> bool | None:
    """None: there is more."""
    still = select(_R.project, _R.artifact_uri).where(
        _R.no == run, _R.stage == Stage.DELETED.value, _R.deleted_ms <= before_ms
    )
    row = connection.execute(still).first()
    if row is None:
        return False
    batches = tables.metric_batches.c
    some = select(batches.seq).where(batches.run == run).limit(_STEP_CHUNKS)
    gone = delete(tables.metric_batches).where(batches.seq.in_(some.scalar_subquery()))
    if connection.execute(gone).rowcount == _STEP_CHUNKS:
        return None
    chunks = tables.metric_chunks.c
    keys: Sequence[str] = connection.scalars(
        select(chunks.key).where(chunks.run == run).distinct().limit(_STEP_CHUNKS // 10)
    ).all()
    if keys:
        connection.execute(delete(tables.metric_chunks).where(chunks.run == run, chunks.key.in_(keys)))
    if len(keys) == _STEP_CHUNKS // 10:
        return None
    for table in tables.OF_RUNS:
        connection.execute(delete(table).where(table.c.run == run))
    connection.execute(delete(tables.runs).where(_R.no == run))
    connection.execute(insert(tables.freed_artifacts), {"project": row.project, "uri": row.artifact_uri})
    return True

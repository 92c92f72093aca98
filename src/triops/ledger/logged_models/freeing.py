"""Freeing logged models: those that were deleted long enough ago, and those whose experiment was freed.

Their artifacts are noted in the same transaction, for the job that frees those of runs.
"""

from sqlalchemy import Connection, and_, delete, exists, insert, or_, select

from triops.kernel.run import Stage
from triops.ledger.logged_models import tables
from triops.ledger.runs.tables import experiments, freed_artifacts
from triops.ports.records import Records

_STEP = 50
_M = tables.logged_models.c
_OF_MODELS = (tables.logged_model_params, tables.logged_model_tags, tables.logged_model_metrics)


class LoggedModelsFreeing:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def free(self, before_ms: int) -> int:
        """A bounded step; answers how many models are gone."""

        def write(connection: Connection) -> int:
            deleted = and_(_M.stage == Stage.DELETED.value, _M.updated_ms <= before_ms)
            experiment = exists().where(experiments.c.project == _M.project, experiments.c.id == _M.experiment)
            statement = select(_M.project, _M.id, _M.artifact_location).where(or_(deleted, ~experiment)).limit(_STEP)
            rows = connection.execute(statement).all()
            for project, id, location in rows:
                for table in _OF_MODELS:
                    connection.execute(delete(table).where(table.c.project == project, table.c.model == id))
                connection.execute(delete(tables.logged_models).where(_M.project == project, _M.id == id))
                connection.execute(insert(freed_artifacts), {"project": project, "uri": location})
            return len(rows)

        return await self._records.write(write)

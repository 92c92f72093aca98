"""`Origins` out of the books: runs with what they read, logged models."""

from sqlalchemy import Connection

from triops.kernel.errors import NotFound
from triops.kernel.ids import ProjectId
from triops.ledger.runs.links import links_of
from triops.ledger.runs.runs import found, whole_run
from triops.lenses.mlops.registry.origins import Data, ModelOrigin, RunOrigin
from triops.ports.records import Records

_CONTEXT = "mlflow.data.context"


class RecordedOrigins:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def run(self, project: ProjectId, id: str) -> RunOrigin | None:
        def read(connection: Connection) -> RunOrigin | None:
            try:
                row = found(connection, project, id)
            except NotFound:
                return None
            run, links = whole_run(connection, row), links_of(connection, row.no)
            return RunOrigin(
                run.id,
                run.name,
                run.experiment,
                run.artifact_uri,
                run.user,
                run.status,
                run.start_ms,
                run.params,
                {key: latest.value for key, latest in run.metrics.items()},
                run.tags,
                [Data(i.dataset.name, i.dataset.digest, i.tags.get(_CONTEXT, "")) for i in links.inputs],
            )

        return await self._records.read(read)

    async def logged_model(self, project: ProjectId, id: str) -> ModelOrigin | None:
        return None

    async def registered(self, project: ProjectId, model_id: str, name: str, version: int) -> None:
        return None

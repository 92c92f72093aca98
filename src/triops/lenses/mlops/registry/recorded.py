"""`Origins` out of the books: runs with what they read, logged models; and the small files beside a model."""

from sqlalchemy import Connection

from triops.kernel.errors import NotFound, TooLarge
from triops.kernel.ids import ProjectId
from triops.ledger.runs.links import links_of
from triops.ledger.runs.runs import found, whole_run
from triops.lenses.mlops.artifacts import Places
from triops.lenses.mlops.registry.description import BYTES
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


class RecordedFiles:
    def __init__(self, places: Places) -> None:
        self._places = places

    async def read(self, project: ProjectId, location: str, path: str) -> bytes:
        """Raises: NotFound, Invalid for what is not ours to read, TooLarge."""
        place = self._places.at(location, path)
        found = await place.files.find(project, place.path)
        if found.size > BYTES:
            raise TooLarge(f"{path} has {found.size} bytes; at most {BYTES} are read")
        reading = await place.files.read(project, found)
        try:
            return b"".join([chunk async for chunk in reading])
        finally:
            await reading.aclose()

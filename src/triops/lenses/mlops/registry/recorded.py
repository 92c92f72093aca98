"""`Origins` out of the books: runs with what they read, logged models; and the small files beside a model."""

import contextlib
import json

import orjson
from sqlalchemy import Connection

from triops.kernel.errors import NotFound, TooLarge
from triops.kernel.ids import ProjectId
from triops.ledger.logged_models.models import LoggedModels
from triops.ledger.runs.links import links_of
from triops.ledger.runs.runs import found, whole_run
from triops.lenses.mlops.artifacts import Places
from triops.lenses.mlops.registry.description import BYTES
from triops.lenses.mlops.registry.origins import Data, ModelOrigin, RunOrigin
from triops.ports.records import Records

_CONTEXT = "mlflow.data.context"
_VERSIONS = "mlflow.modelVersions"
_REGISTERED = 100  # that a logged model remembers; the oldest are forgotten


class RecordedOrigins:
    def __init__(self, records: Records, models: LoggedModels) -> None:
        self._records = records
        self._models = models

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
        try:
            model = await self._models.get(project, id)
        except NotFound:
            return None
        return ModelOrigin(
            model.id,
            model.name,
            model.artifact_location,
            model.run,
            model.model_type,
            model.params,
            {metric.key: metric.value for metric in sorted(model.metrics, key=lambda m: (m.step, m.time_ms))},
            model.tags,
        )

    async def registered(self, project: ProjectId, model_id: str, name: str, version: int) -> None:
        """As MLflow does, by a tag of the logged model."""
        model = await self.logged_model(project, model_id)
        if model is None:
            return
        try:
            known = orjson.loads(model.tags.get(_VERSIONS, "[]"))
        except orjson.JSONDecodeError:
            known = []
        known = known if isinstance(known, list) else []
        said = json.dumps([*known[-_REGISTERED:], {"name": name, "version": version}])
        with contextlib.suppress(NotFound):  # deleted meanwhile
            await self._models.set_tags(project, model_id, {_VERSIONS: said})


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

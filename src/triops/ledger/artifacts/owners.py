"""Where the artifacts of runs and of model versions lie, as their books have it."""

from sqlalchemy import select

from triops.kernel.errors import Invalid, NotFound
from triops.kernel.ids import ProjectId
from triops.ledger.runs.tables import runs
from triops.ledger.versions.tables import model_versions
from triops.ports.records import Records

_V = model_versions.c


class ArtifactOwners:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def run(self, project: ProjectId, id: str) -> str:
        """The artifact URI of a run of either stage. Raises: NotFound, in MLflow's words."""
        statement = select(runs.c.artifact_uri).where(runs.c.project == project, runs.c.id == id)
        uri: str | None = await self._records.read(lambda c: c.scalar(statement))
        if uri is None:
            raise NotFound(f"Run with id={id[:80] or None} not found")
        return uri

    async def model_version(self, project: ProjectId, name: str, version: str) -> str:
        """Raises: NotFound, Invalid version, in MLflow's words."""
        try:
            number = int(version)
        except ValueError:
            raise Invalid(f"Parameter 'version' must be an integer, got '{version[:80]}'.", field="version") from None
        statement = select(_V.storage, _V.source).where(
            _V.project == project, _V.name == name, _V.version == (number if 0 < number < 1 << 31 else -1)
        )
        row = await self._records.read(lambda c: c.execute(statement).one_or_none())
        if row is None:
            raise NotFound(f"Model Version (name={name[:256]}, version={version}) not found")
        uri: str = row.storage or row.source
        return uri

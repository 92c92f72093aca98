"""`Provenances`: reads a run, its links and the files that tell where it came from."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace

from triops.kernel.errors import Invalid, NotFound
from triops.kernel.ids import ProjectId
from triops.kernel.run import Links, Run
from triops.ledger.runs.links import RunLinks
from triops.ledger.runs.runs import Runs
from triops.lenses.mlops.provenance.comparing import Row, aspects, compared
from triops.lenses.mlops.provenance.model import (
    RECORD,
    Provenance,
    of_record,
    of_tags,
    packages_of_requirements,
    python_of_env,
)

ReadFile = Callable[[ProjectId, str, str, int], Awaitable[bytes]]
"""A file of an artifact location, whole: project, location, path, bytes at most. Raises: NotFound, Invalid."""

_RECORD_BYTES = 4 << 20
_FILE_BYTES = 1 << 20
_ENV_BYTES = 64 << 10  # of YAML, which takes long to read
_MODELS = 4  # of a run whose files are looked at
_HISTORY = "mlflow.log-model.history"


@dataclass(frozen=True, slots=True)
class Compared:
    runs: list[Run]
    params: list[Row]
    metrics: list[Row]
    tags: list[Row]
    provenance: list[Row]
    packages: list[Row]


class Provenances:
    def __init__(self, runs: Runs, links: RunLinks, read_file: ReadFile) -> None:
        self._runs = runs
        self._links = links
        self._read_file = read_file

    async def get(self, project: ProjectId, run: str) -> Provenance:
        """Raises: NotFound."""
        return await self._of(project, await self._runs.get(project, run))

    async def diff(self, project: ProjectId, runs: list[str]) -> Compared:
        """Raises: NotFound; Invalid unless there are 2 to 10."""
        if not 2 <= len(runs) <= 10:
            raise Invalid("runs are compared by 2 to 10", field="run", got=len(runs))
        found = [await self._runs.get(project, run) for run in runs]
        each = [await self._of(project, run) for run in found]
        return Compared(
            found,
            compared([run.params for run in found]),
            compared([{key: latest.value for key, latest in run.metrics.items()} for run in found]),
            compared([run.tags for run in found]),
            compared([aspects(one) for one in each]),
            compared([one.packages for one in each]),
        )

    async def _of(self, project: ProjectId, run: Run) -> Provenance:
        links = await self._links.of(project, run.id)
        tagged = of_tags(run)
        raw = await self._file(project, run.artifact_uri, RECORD, _RECORD_BYTES) if _has_record(run) else None
        recorded = await asyncio.to_thread(of_record, raw) if raw is not None else None
        if recorded is not None:
            known = replace(recorded, seed=recorded.seed or tagged.seed, inputs=tuple(links.inputs))
            return known if known.code.version else replace(known, code=tagged.code)
        return await self._by_models(project, run, links, replace(tagged, inputs=tuple(links.inputs)))

    async def _by_models(self, project: ProjectId, run: Run, links: Links, known: Provenance) -> Provenance:
        """With the packages and the Python that MLflow noted beside the first model that has them."""
        for home, folder in _places(run, links):
            requirements = await self._file(project, home, f"{folder}/requirements.txt", _FILE_BYTES)
            env = await self._file(project, home, f"{folder}/python_env.yaml", _ENV_BYTES)
            if env is None:
                env = await self._file(project, home, f"{folder}/conda.yaml", _ENV_BYTES)
            if requirements is not None or env is not None:
                packages = await asyncio.to_thread(packages_of_requirements, requirements or b"")
                python = known.python or await asyncio.to_thread(python_of_env, env or b"")
                return replace(known, packages=packages, python=python)
        return known

    async def _file(self, project: ProjectId, location: str, path: str, most: int) -> bytes | None:
        """None where there is none that this server can read."""
        try:
            return await self._read_file(project, location, path, most)
        except (NotFound, Invalid):
            return None


def _has_record(run: Run) -> bool:
    return run.tags.get("triops.provenance") == RECORD


def _places(run: Run, links: Links) -> Iterator[tuple[str, str]]:
    """Where the models that a run made lie, as a location of the server's and a path that clients told, which must not
    lead out of it: in their own folders, or (older clients) among its artifacts."""
    home = run.artifact_uri.removesuffix(f"/{run.id}/artifacts")
    for output in links.outputs[:_MODELS]:
        yield home, f"models/{output.model_id}/artifacts"
    try:
        history = json.loads(run.tags.get(_HISTORY, "[]"))
    except (ValueError, RecursionError):
        return
    for one in history[:_MODELS] if isinstance(history, list) else ():
        path = one.get("artifact_path") if isinstance(one, dict) else None
        if isinstance(path, str) and path:
            yield run.artifact_uri, path

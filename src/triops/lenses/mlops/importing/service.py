"""`Importing`: one method a call. Each is a transaction, and doing it again changes nothing."""

from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from sqlalchemy import Connection

from triops.kernel.errors import Invalid
from triops.kernel.ids import ProjectId
from triops.kernel.run import MetricPoints
from triops.kernel.tenant import Principal
from triops.kernel.transfer import MovedExperiment, MovedLoggedModel, MovedModel, MovedRun, MovedVersion
from triops.kernel.version import is_prompt
from triops.ledger.artifacts.digests import digests_below
from triops.ledger.audit import Audit, AuditEntry
from triops.ledger.codec import from_json
from triops.ledger.imports.logged_models import model_locations, write_logged_model
from triops.ledger.imports.models import write_model
from triops.ledger.imports.runs import (
    artifact_uris,
    experiment_location,
    place_experiment,
    whole_runs,
    write_more,
    write_run,
)
from triops.ledger.runs.experiments import Experiments
from triops.lenses.mlops.artifacts import Places, proxied_path
from triops.lenses.mlops.importing.checking import (
    check_experiment,
    check_logged_model,
    check_model,
    check_run,
    experiment_number,
    points_of,
)
from triops.lenses.mlops.importing.evaluations import EvaluationImport
from triops.lenses.mlops.registry.telling import Teller, Telling
from triops.ports.clock import Clock
from triops.ports.records import Records

N = TypeVar("N")
JSON = dict[str, Any]
CheckLocation = Callable[[str, str], str]

_FILES = 1000
_CARRIED = ("", "file", "mlflow-artifacts")  # schemes of locations that are copied here; others stay where they are


class Importing:
    def __init__(
        self,
        records: Records,
        experiments: Experiments,
        audit: Audit,
        teller: Teller,
        clock: Clock,
        check_location: CheckLocation,
        places: Places,
        evaluations: EvaluationImport,
    ) -> None:
        self.evaluations = evaluations
        self._records = records
        self._experiments = experiments
        self._audit = audit
        self._teller = teller
        self._clock = clock
        self._check_location = check_location
        self._places = places

    async def experiments(self, who: Principal, source: str, items: Sequence[Mapping[str, Any]]) -> list[JSON]:
        """Begins an import. Each experiment's id at the source, and its id, location and state here."""
        moved = _each(items, lambda item, at: from_json(MovedExperiment, item, at), check_experiment)
        now_ms = self._now_ms()
        await self._experiments.begin(who.project, now_ms)

        def write(connection: Connection) -> list[JSON]:
            placed = []
            for one in moved:
                to = place_experiment(connection, who.project, one, self._experiments.location, now_ms)
                placed.append(
                    {"id": one.id, "to": str(to.id), "name": one.name, "location": to.location, "state": to.state}
                )
            return placed

        answers = await self._records.write(write)
        created = sum(answer["state"] == "created" for answer in answers)
        details = {"experiments": len(answers), "created": created}
        await self._audit.append(
            who.project, AuditEntry(self._clock.now(), who.name, "import.mlflow", source[:500], details=details)
        )
        return answers

    async def known(
        self, project: ProjectId, *, runs: Sequence[str], logged_models: Sequence[str], traces: Sequence[str]
    ) -> set[str]:
        """Of these ids those that are here, whole."""
        found = await self._records.read(
            lambda c: whole_runs(c, project, runs) | set(model_locations(c, project, logged_models))
        )
        return found | (await self.evaluations.known(project, traces) if traces else set())

    async def runs(self, project: ProjectId, items: Sequence[Mapping[str, Any]]) -> list[JSON]:
        """Items: `run`, `to` (experiment), `points` (columns or null), `more`. A run that is here whole stays as it
        is. Answers id, artifact_uri and state (created, present) of each."""
        moved: list[tuple[MovedRun, int, MetricPoints, bool]] = []
        for at, item in enumerate(items):
            run = from_json(MovedRun, item.get("run"), f"items[{at}].run")
            check_run(run)
            points = points_of(item.get("points") or {"keys": [], "key": [], "value": [], "time_ms": [], "step": []})
            moved.append((run, experiment_number(item.get("to")), points, bool(item.get("more"))))
        now_ms = self._now_ms()

        def write(connection: Connection) -> list[JSON]:
            whole = whole_runs(connection, project, [run.id for run, *_ in moved])
            for run, experiment, points, more in moved:
                home = self._home(connection, project, experiment)
                if run.id not in whole:
                    uri = self._place(run.artifact_uri, f"{home}/{run.id}/artifacts")
                    write_run(connection, project, run, experiment, uri, points, now_ms, more=more)
            uris = artifact_uris(connection, project, [run.id for run, *_ in moved])
            return [
                {"id": run.id, "artifact_uri": uris[run.id], "state": "present" if run.id in whole else "created"}
                for run, *_ in moved
            ]

        return await self._records.write(write)

    async def points(self, project: ProjectId, run: str, columns: Mapping[str, Any], *, more: bool) -> None:
        """The next points of a run that came with `more`. Raises: NotFound, Invalid."""
        points = points_of(columns)
        await self._records.write(lambda c: write_more(c, project, run, points, more=more))

    async def logged_models(self, project: ProjectId, items: Sequence[Mapping[str, Any]]) -> list[JSON]:
        """Items: `model`, `to` (experiment). Answers id, artifact_uri and state of each."""
        moved: list[tuple[MovedLoggedModel, int]] = []
        for at, item in enumerate(items):
            model = from_json(MovedLoggedModel, item.get("model"), f"items[{at}].model")
            check_logged_model(model)
            moved.append((model, experiment_number(item.get("to"))))
        now_ms = self._now_ms()

        def write(connection: Connection) -> list[JSON]:
            known = model_locations(connection, project, [model.id for model, _ in moved])
            answers = []
            for model, experiment in moved:
                state, location = "present", known.get(model.id, "")
                if not location:
                    home = self._home(connection, project, experiment)
                    location = self._place(model.artifact_uri, f"{home}/models/{model.id}/artifacts")
                    write_logged_model(connection, project, model, experiment, location, now_ms)
                    state = "created"
                answers.append({"id": model.id, "artifact_uri": location, "state": state})
            return answers

        return await self._records.write(write)

    async def models(self, who: Principal, items: Sequence[Mapping[str, Any]]) -> list[JSON]:
        """Items: `model`. Answers name, state and the versions that were added of each; what was added is a Change."""
        moved = _each(items, lambda item, at: from_json(MovedModel, item.get("model"), at), check_model)

        def write(telling: Telling) -> list[JSON]:
            answers = []
            for one in moved:
                for version in one.versions:
                    self._check_owned(telling.connection, who.project, version)
                state, versions = write_model(telling.connection, who.project, one)
                answers.append({"name": one.name, "state": state, "versions": versions})
                if state == "created" or versions:
                    title = f"{one.name}: {len(versions)} versions imported"
                    telling.step(one.name, "import", title, prompt=is_prompt(one.tags), who=who.name)
            return answers

        return await self._teller.write(who.project, write)

    def _check_owned(self, connection: Connection, project: ProjectId, version: MovedVersion) -> None:
        """In a folder that projects share its files are those of its own run or logged model. Raises: Invalid."""
        shared = [at for at in (version.source, version.storage_location or "") if self._places.shared(at)]
        if not shared:
            return
        model = version.source.removeprefix("models:/")
        owned = list(model_locations(connection, project, [model]).values())
        owned += artifact_uris(connection, project, [version.run]).values()
        for location in shared:
            if not any(location == own or location.startswith(own.rstrip("/") + "/") for own in owned):
                raise Invalid(
                    "a version's files must be its own run's or logged model's in this server's artifact root",
                    field="versions.source",
                    got=location,
                )

    async def digests(self, project: ProjectId, location: str, after: str) -> tuple[list[JSON], str]:
        """What is stored under an artifact location: path, size, sha256; and `after` of the next page, or "".

        Raises: Invalid where it is not in the server's own store.
        """
        folder = proxied_path(location)
        if not folder:
            raise Invalid("not in the server's own store", field="artifact_uri", got=location)
        found = await digests_below(self._records, project, folder, after, _FILES)
        items = [{"path": one.path, "size": one.size, "sha256": one.digest} for one in found]
        return items, found[-1].path if len(found) == _FILES else ""

    def _home(self, connection: Connection, project: ProjectId, experiment: int) -> str:
        """Where what is imported into an experiment lies. An id that was brought along may be another project's too."""
        location = experiment_location(connection, project, experiment).rstrip("/")
        return f"{location}/{project}" if self._places.shared(location) else location

    async def write_file(self, project: ProjectId, location: str, path: str, chunks: AsyncIterable[bytes]) -> None:
        """A file of what was imported, at its place below `location`. Raises: Invalid where this server does not
        write, and in a folder that projects share, what is not a place of this project's imports."""
        if self._places.shared(location) and f"/{project}/" not in location:
            raise Invalid("not where an import of this project lies", field="artifact_uri", got=location)
        place = self._places.at(location, path)
        await place.files.write(project, place.path, chunks)

    def _place(self, location: str, own: str) -> str:
        """Where artifacts lie from now on: here if they are copied, else where they were."""
        try:
            if urlsplit(location).scheme in _CARRIED:
                return own
            return self._check_location(location, "artifact_uri")
        except (Invalid, ValueError):
            return own

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)


def _each(
    items: Sequence[Mapping[str, Any]], read: Callable[[Mapping[str, Any], str], N], check: Callable[[N], None]
) -> list[N]:
    found = []
    for at, item in enumerate(items):
        noun = read(item, f"items[{at}]")
        check(noun)
        found.append(noun)
    return found

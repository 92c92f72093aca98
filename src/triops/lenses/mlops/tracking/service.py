"""Experiments and runs as clients of tracking use them: what is asked is checked against the limits, written to the
book, and the loop is told."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from uuid import uuid4

from sqlalchemy import Connection

from triops.kernel.errors import Invalid
from triops.kernel.ids import ExperimentId, ProjectId, RunId
from triops.kernel.run import Experiment, Input, Links, MetricPoints, ModelOutput, Run, RunStatus
from triops.ledger.runs.compaction import Compaction
from triops.ledger.runs.experiments import Experiments, views_exceeded
from triops.ledger.runs.history import History
from triops.ledger.runs.links import RunLinks, links_of
from triops.ledger.runs.log import RunLog
from triops.ledger.runs.points import Columns
from triops.ledger.runs.runs import NAME_TAG, Runs, found, whole_run
from triops.lenses.mlops.tracking import limits
from triops.lenses.mlops.tracking.naming import random_name
from triops.lenses.mlops.tracking.sampling import thinned, told, within
from triops.loop.bus import Bus
from triops.loop.events import RunEnded, RunLogged, RunStarted
from triops.ports.clock import Clock
from triops.ports.records import Records

CheckLocation = Callable[[str, str], str]
"""(URI, field): the location as it is stored, or Invalid."""

LOGGED_MODELS_TAG = "mlflow.log-model.history"


class Tracking:
    """`compaction` is told of every batch, and of runs that end."""

    def __init__(
        self,
        records: Records,
        experiments: Experiments,
        log: RunLog,
        bus: Bus,
        clock: Clock,
        check_location: CheckLocation,
        compaction: Compaction,
    ) -> None:
        self._records = records
        self._experiments = experiments
        self._runs = Runs(records)
        self._log = log
        self._links = RunLinks(records)
        self._history = History(records)
        self._bus = bus
        self._clock = clock
        self._check_location = check_location
        self._compaction = compaction

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)

    # Experiments

    async def begin(self, project: ProjectId) -> None:
        """Every project has experiment 0, "Default"."""
        await self._experiments.begin(project, self._now_ms())

    def forget(self, project: ProjectId) -> None:
        """The project was erased."""
        self._experiments.forget(project)

    async def create_experiment(
        self, project: ProjectId, name: str, location: str = "", tags: Mapping[str, str] | None = None
    ) -> ExperimentId:
        """Raises: Invalid, AlreadyExists."""
        tags = tags or {}
        if sum(key.startswith(limits.VIEW_PREFIX) for key in tags) > limits.VIEWS:
            raise Invalid(views_exceeded(limits.VIEWS), field="tags")
        if location:
            location = self._check_location(location, "artifact_location")
        limits.check_experiment_name(name)
        for key, value in tags.items():
            limits.check_experiment_tag(key, value)
        return await self._experiments.create(project, name, location, tags, self._now_ms())

    async def experiment(self, project: ProjectId, id: str) -> Experiment:
        """Raises: NotFound, Invalid."""
        await self.begin(project)
        return await self._experiments.get(project, id)

    async def experiment_named(self, project: ProjectId, name: str) -> Experiment:
        """Raises: NotFound."""
        await self.begin(project)
        return await self._experiments.named(project, name)

    async def rename_experiment(self, project: ProjectId, id: str, name: str) -> None:
        """Raises: NotFound, Invalid, Conflict (deleted), AlreadyExists."""
        limits.check_experiment_name(name)
        await self.begin(project)
        await self._experiments.rename(project, id, name, self._now_ms())

    async def delete_experiment(self, project: ProjectId, id: str) -> None:
        """Its runs with it. Raises: NotFound, Invalid."""
        await self.begin(project)
        await self._experiments.delete(project, id, self._now_ms())

    async def restore_experiment(self, project: ProjectId, id: str) -> None:
        """Its runs with it. Raises: NotFound, Invalid."""
        await self._experiments.restore(project, id, self._now_ms())

    async def set_experiment_tag(self, project: ProjectId, id: str, key: str, value: str) -> None:
        """Raises: NotFound, Invalid."""
        limits.check_experiment_tag(key, value)
        await self.begin(project)
        most = (limits.VIEW_PREFIX, limits.VIEWS) if key.startswith(limits.VIEW_PREFIX) else None
        await self._experiments.set_tag(project, id, key, value, most)

    async def delete_experiment_tag(self, project: ProjectId, id: str, key: str) -> None:
        """Raises: NotFound, Invalid."""
        await self.begin(project)
        await self._experiments.delete_tag(project, id, key)

    # Runs

    async def create_run(
        self,
        project: ProjectId,
        experiment: str,
        *,
        name: str = "",
        user: str = "",
        start_ms: int | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Run:
        """The name is also a tag; one that was not given is made up. `start_ms` None: now.

        Raises: NotFound, Invalid.
        """
        await self.begin(project)
        tags = dict(tags or {})
        tagged = tags.get(NAME_TAG, "")
        if name and tagged and name != tagged:
            raise Invalid(
                "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values"
                f" (run_name='{name}', mlflow.runName='{tagged}').",
                field="run_name",
            )
        name = name or tagged or random_name()
        tags[NAME_TAG] = name
        start_ms = self._now_ms() if start_ms is None else start_ms
        id = RunId(uuid4().hex)
        run = await self._runs.create(project, id, experiment, name=name, user=user, start_ms=start_ms, tags=tags)
        self._bus.publish(RunStarted(project, run.id, run.experiment, run.name, self._clock.now()))
        return run

    async def run(self, project: ProjectId, id: str) -> Run:
        """With params, tags and latest metrics. Raises: NotFound."""
        return await self._runs.get(project, id)

    async def linked_run(self, project: ProjectId, id: str) -> tuple[Run, Links]:
        """And with what it read and made. Raises: NotFound."""

        def query(connection: Connection) -> tuple[Run, Links]:
            row = found(connection, project, id)
            return whole_run(connection, row), links_of(connection, row.no)

        return await self._records.read(query)

    async def update_run(
        self,
        project: ProjectId,
        id: str,
        *,
        status: RunStatus | None = None,
        end_ms: int | None = None,
        name: str = "",
    ) -> Run:
        """The run without what was logged to it. None and "" change nothing. Raises: NotFound, Invalid (deleted)."""
        no, run, moved = await self._runs.update(project, id, status=status, end_ms=end_ms, name=name)
        if moved and run.status.ended:
            self._compaction.ended(no)
            self._bus.publish(RunEnded(project, run.id, run.experiment, run.status, self._clock.now()))
        elif moved and run.status is RunStatus.RUNNING:
            self._bus.publish(RunStarted(project, run.id, run.experiment, run.name, self._clock.now()))
        return run

    async def delete_run(self, project: ProjectId, id: str) -> None:
        """Raises: NotFound."""
        await self._runs.delete(project, id, self._now_ms())

    async def restore_run(self, project: ProjectId, id: str) -> None:
        """Raises: NotFound."""
        await self._runs.restore(project, id)

    # What is logged

    async def log(
        self,
        project: ProjectId,
        run: str,
        *,
        points: MetricPoints | None = None,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """One request, which was checked against the limits: all of it is durable, or nothing.

        Raises: NotFound; Invalid: deleted, or a param that has another value (ParamChanged).
        """
        row = await self._log.batch(project, run, points=points, params=params, tags=tags)
        if points is not None and len(points):
            self._compaction.logged(row.no)
            experiment = ExperimentId(str(row.experiment))
            self._bus.publish(RunLogged(project, row.id, experiment, told(points), self._clock.now()))

    async def delete_tag(self, project: ProjectId, run: str, key: str) -> None:
        """Raises: NotFound, Invalid (deleted)."""
        await self._log.delete_tag(project, run, key)

    async def record_model(self, project: ProjectId, run: str, model: Mapping[str, object]) -> None:
        """The older way to log a model: one more in the run's tag of them. Raises: NotFound, Invalid."""

        def appended(known: str | None) -> str:
            try:
                models = json.loads(known) if known else []
            except (ValueError, RecursionError):
                models = None
            if not isinstance(models, list):
                raise Invalid(f"Tag '{LOGGED_MODELS_TAG}' of run '{run}' is no list of models.", field="model_json")
            value = json.dumps([*models, model])
            limits.check_length(LOGGED_MODELS_TAG, value, limits.LOGGED_MODELS)
            return value

        await self._log.append_to_tag(project, run, LOGGED_MODELS_TAG, appended)

    async def add_inputs(
        self, project: ProjectId, run: str, inputs: Sequence[Input], models: Sequence[str] = ()
    ) -> None:
        """Raises: NotFound, Invalid."""
        limits.check_run_id(run)
        limits.check_inputs(inputs)
        await self._links.add_inputs(project, run, inputs, models)

    async def add_outputs(self, project: ProjectId, run: str, outputs: Sequence[ModelOutput]) -> None:
        """Raises: NotFound, Invalid."""
        await self._links.add_outputs(project, run, outputs)

    # Histories

    async def history(self, project: ProjectId, runs: Sequence[str], key: str) -> list[tuple[str, Columns]]:
        """Of each known run, by time, step, value."""
        return await self._history.points(project, runs, key)

    async def sampled(
        self, project: ProjectId, runs: Sequence[str], key: str, most: int, steps: tuple[int, int] | None
    ) -> list[tuple[str, Columns]]:
        """Of each known run at most `most` points, by step, time, value; `steps`: only within these, both inclusive."""
        found = await self._history.points(project, runs, key, by_step=True)
        return await asyncio.to_thread(lambda: [(run, thinned(within(columns, steps), most)) for run, columns in found])

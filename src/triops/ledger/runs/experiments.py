"""The book of experiments. Names are unique in a project, among deleted ones too; ids count up and are never reused.

Experiment 0, "Default", is there from a project's first use on. Times are unix milliseconds.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from triops.kernel.errors import AlreadyExists, Conflict, Invalid, NotFound
from triops.kernel.ids import ExperimentId, ProjectId
from triops.kernel.run import Experiment, Stage
from triops.ledger.prepared import Prepared, Rows
from triops.ledger.runs import tables
from triops.ports.records import Records

DEFAULT_ID = 0
DEFAULT_NAME = "Default"
_IDS = 1 << 63  # over it is no experiment's
_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,39}")
_E = tables.experiments.c
_T = tables.experiment_tags.c
_COLUMNS = (_E.id, _E.name, _E.artifact_location, _E.stage, _E.created_ms, _E.updated_ms)
_BY_ID = Prepared(select(*_COLUMNS).where(_E.project == bindparam("project"), _E.id == bindparam("id")))
_BY_NAME = Prepared(select(*_COLUMNS).where(_E.project == bindparam("project"), _E.name == bindparam("name")))
_TAGS = Prepared(
    select(_T.key, _T.value)
    .where(_T.project == bindparam("project"), _T.experiment == bindparam("id"))
    .order_by(_T.key)
)
_WRITE_TAGS = Rows(
    tables.experiment_tags,
    ("project", "experiment", "key", "value"),
    lambda rows: rows.on_conflict_do_update(
        index_elements=["project", "experiment", "key"], set_={"value": rows.excluded.value}
    ),
)
_WRITE_DEFAULT = Rows(
    tables.experiments,
    ("project", "id", "name", "artifact_location", "stage", "created_ms", "updated_ms"),
    lambda rows: rows.on_conflict_do_nothing(),
)
_COUNT = Prepared(
    lambda insert: (
        insert(tables.experiment_counters)
        .values(project=bindparam("project"), last=1)
        .on_conflict_do_update(index_elements=["project"], set_={"last": tables.experiment_counters.c.last + 1})
        .returning(tables.experiment_counters.c.last)
    )
)


def experiment_no(id: str) -> int:
    """An id as the number that it is; none is the default's. An id is written in one way only, so that whoever asks
    what it may be used for reads the same one. Raises: Invalid."""
    number = int(id or DEFAULT_ID) if not id or _NUMBER.fullmatch(id) else None
    if number is None:
        raise Invalid(
            f"Invalid experiment ID '{id[:200]}'. Experiment ID must be a valid integer.", field="experiment_id"
        )
    return number


class Experiments:
    """`root`: the URI under which experiments have their artifacts."""

    def __init__(self, records: Records, root: str) -> None:
        self._records = records
        self._root = root
        self._begun: set[ProjectId] = set()

    async def begin(self, project: ProjectId, now_ms: int) -> None:
        """Have the default experiment; costs nothing from the second time on."""
        if project not in self._begun:
            await self._records.write(lambda c: self._begin(c, project, now_ms))
            if len(self._begun) >= 10_000:
                self._begun.clear()
            self._begun.add(project)

    def forget(self, project: ProjectId) -> None:
        """The project was erased: it begins anew."""
        self._begun.discard(project)

    def _begin(self, connection: Connection, project: ProjectId, now_ms: int) -> None:
        location = self.location(DEFAULT_ID)
        row = (project, DEFAULT_ID, DEFAULT_NAME, location, Stage.ACTIVE.value, now_ms, now_ms)
        _WRITE_DEFAULT.write(connection, [row])

    def location(self, id: int) -> str:
        return under(self._root, str(id))

    async def create(
        self, project: ProjectId, name: str, location: str, tags: Mapping[str, str], now_ms: int
    ) -> ExperimentId:
        """`location`: "" for the one under the root. Raises: AlreadyExists."""

        def write(connection: Connection) -> ExperimentId:
            self._begin(connection, project, now_ms)
            if _BY_NAME.run(connection, project=project, name=name).first() is not None:
                raise AlreadyExists(f"Experiment(name={name}) already exists. Error: the name is taken.")
            id = int(_COUNT.run(connection, project=project).scalar_one())
            row = {
                "project": project,
                "id": id,
                "name": name,
                "artifact_location": location or self.location(id),
                "stage": Stage.ACTIVE.value,
                "created_ms": now_ms,
                "updated_ms": now_ms,
            }
            connection.execute(insert(tables.experiments), row)
            _WRITE_TAGS.write(connection, [(project, id, key, value) for key, value in tags.items()])
            return ExperimentId(str(id))

        return await self._records.write(write)

    async def get(self, project: ProjectId, id: str) -> Experiment:
        """Of either stage. Raises: NotFound; Invalid for what is no id."""
        return await self._records.read(lambda c: experiment(c, project, id))

    async def named(self, project: ProjectId, name: str) -> Experiment:
        """Of either stage. Raises: NotFound."""

        def query(connection: Connection) -> Experiment:
            row = _BY_NAME.run(connection, project=project, name=name).first()
            if row is None:
                raise NotFound(f"Could not find experiment with name '{name}'")
            return _experiment(connection, project, row)

        return await self._records.read(query)

    async def rename(self, project: ProjectId, id: str, name: str, now_ms: int) -> None:
        """Raises: NotFound, Conflict (deleted), AlreadyExists."""

        def write(connection: Connection) -> None:
            row = _found(connection, project, id)
            if row[3] != Stage.ACTIVE:
                raise Conflict("Cannot rename a non-active experiment.")
            other = _BY_NAME.run(connection, project=project, name=name).first()
            if other is not None and other[0] != row[0]:
                raise AlreadyExists(f"Experiment(name={name}) already exists. Error: the name is taken.")
            _update(connection, project, row[0], name=name, updated_ms=now_ms)

        await self._records.write(write)

    async def delete(self, project: ProjectId, id: str, now_ms: int) -> None:
        """Its runs with it. Raises: NotFound unless it is active."""

        def write(connection: Connection) -> None:
            no = _found(connection, project, id, Stage.ACTIVE)[0]
            _update(connection, project, no, stage=Stage.DELETED.value, updated_ms=now_ms, deleted_ms=now_ms)
            _mark_runs(connection, project, no, Stage.DELETED, now_ms)

        await self._records.write(write)

    async def restore(self, project: ProjectId, id: str, now_ms: int) -> None:
        """Its runs with it. Raises: NotFound unless it is deleted."""

        def write(connection: Connection) -> None:
            no = _found(connection, project, id, Stage.DELETED)[0]
            _update(connection, project, no, stage=Stage.ACTIVE.value, updated_ms=now_ms, deleted_ms=None)
            _mark_runs(connection, project, no, Stage.ACTIVE, None)

        await self._records.write(write)

    async def set_tag(self, project: ProjectId, id: str, key: str, value: str, most: tuple[str, int] | None) -> None:
        """`most`: a prefix of keys, and how many of them an experiment may have; one over it is Invalid.

        Raises: NotFound, Invalid (deleted).
        """

        def write(connection: Connection) -> None:
            no = active_experiment(connection, project, id)[0]
            if most is not None:
                keys = [row[0] for row in _TAGS.run(connection, project=project, id=no)]
                if key not in keys and sum(key.startswith(most[0]) for key in keys) >= most[1]:
                    raise Invalid(views_exceeded(most[1], str(no)), field="key")
            _WRITE_TAGS.write(connection, [(project, no, key, value)])

        await self._records.write(write)

    async def delete_tag(self, project: ProjectId, id: str, key: str) -> None:
        """Raises: NotFound (the experiment, the tag), Invalid (deleted)."""

        def write(connection: Connection) -> None:
            no = active_experiment(connection, project, id)[0]
            gone = delete(tables.experiment_tags).where(_T.project == project, _T.experiment == no, _T.key == key)
            if not connection.execute(gone).rowcount:
                raise NotFound(f"No tag with name: {key} in experiment with id {id}")

        await self._records.write(write)


def under(uri: str, *names: str) -> str:
    """A location below another; a query stays at the end."""
    path, mark, query = uri.partition("?")
    return "/".join((path.rstrip("/"), *names)) + mark + query


def experiment(connection: Connection, project: ProjectId, id: str) -> Experiment:
    """Raises: NotFound; Invalid for what is no id."""
    return _experiment(connection, project, _found(connection, project, id))


def active_experiment(connection: Connection, project: ProjectId, id: str) -> Sequence[Any]:
    """Its row: number, name, artifact location. Raises: NotFound, Invalid (deleted)."""
    row = _found(connection, project, id)
    if row[3] != Stage.ACTIVE:
        raise Invalid(
            f"The experiment {row[0]} must be in the 'active' state. Current state is {row[3]}.",
            field="experiment_id",
        )
    return row


def views_exceeded(most: int, id: str = "") -> str:
    where = f" for experiment {id}" if id else ""
    return (
        f"Unable to create another custom view{where}; the maximum number of custom views per experiment is {most}."
        " Delete an existing custom view before creating a new one."
    )


def _found(connection: Connection, project: ProjectId, id: str, stage: Stage | None = None) -> Sequence[Any]:
    no = experiment_no(id)
    row = _BY_ID.run(connection, project=project, id=no).first() if 0 <= no < _IDS else None
    if row is None or (stage is not None and row[3] != stage):
        raise NotFound(f"No Experiment with id={no} exists")
    return row


def _experiment(connection: Connection, project: ProjectId, row: Sequence[Any]) -> Experiment:
    no, name, location, stage, created_ms, updated_ms = row
    tags = dict(map(tuple, _TAGS.run(connection, project=project, id=no)))
    return Experiment(ExperimentId(str(no)), name, location, Stage(stage), created_ms, updated_ms, tags)


def _update(connection: Connection, project: ProjectId, no: int, **values: Any) -> None:
    connection.execute(update(tables.experiments).where(_E.project == project, _E.id == no).values(**values))


def _mark_runs(connection: Connection, project: ProjectId, no: int, stage: Stage, deleted_ms: int | None) -> None:
    own = (tables.runs.c.project == project) & (tables.runs.c.experiment == no)
    connection.execute(update(tables.runs).where(own).values(stage=stage.value, deleted_ms=deleted_ms))

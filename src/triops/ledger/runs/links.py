"""What runs read and made: data sets (by content, once an experiment) and logged models."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, select

from triops.kernel.ids import ProjectId
from triops.kernel.run import Dataset, Input, Links, ModelOutput
from triops.ledger.prepared import Prepared, Rows
from triops.ledger.runs import tables
from triops.ledger.runs.runs import active, found
from triops.ports.records import Records

_D = tables.datasets.c
_I = tables.run_inputs.c
_M = tables.run_models.c
_DATASET = ("name", "digest", "source_type", "source", "schema", "profile")
_WRITE_DATASETS = Rows(
    tables.datasets, ("project", "experiment", *_DATASET), lambda rows: rows.on_conflict_do_nothing()
)
_WRITE_INPUTS = Rows(tables.run_inputs, ("run", "dataset", "tags"), lambda rows: rows.on_conflict_do_nothing())
_WRITE_MODELS = Rows(tables.run_models, ("run", "model_id", "role", "step"), lambda rows: rows.on_conflict_do_nothing())
_NUMBER = Prepared(
    select(_D.no).where(
        _D.project == bindparam("project"),
        _D.experiment == bindparam("experiment"),
        _D.name == bindparam("name"),
        _D.digest == bindparam("digest"),
    )
)
_INPUTS = Prepared(
    select(*(_D[name] for name in _DATASET), _I.tags)
    .join_from(tables.run_inputs, tables.datasets, _D.no == _I.dataset)
    .where(_I.run == bindparam("run"))
    .order_by(_I.dataset)
)
_MODELS = Prepared(
    select(_M.model_id, _M.role, _M.step).where(_M.run == bindparam("run")).order_by(_M.step, _M.model_id)
)


class RunLinks:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def add_inputs(self, project: ProjectId, run: str, inputs: Sequence[Input], models: Sequence[str]) -> None:
        """What is there already stays as it is. Raises: NotFound, Invalid (deleted)."""
        first: dict[tuple[str, str], Input] = {}
        for one in inputs:
            first.setdefault((one.dataset.name, one.dataset.digest), one)

        def write(connection: Connection) -> None:
            row = active(connection, project, run)
            for one in first.values():
                data = tuple(getattr(one.dataset, name) for name in _DATASET)
                _WRITE_DATASETS.write(connection, [(project, row.experiment, *data)])
                number: Any = _NUMBER.run(
                    connection,
                    project=project,
                    experiment=row.experiment,
                    name=one.dataset.name,
                    digest=one.dataset.digest,
                ).scalar_one()
                tags = orjson.dumps(dict(one.tags)).decode()
                _WRITE_INPUTS.write(connection, [(row.no, number, tags)])
            _WRITE_MODELS.write(connection, [(row.no, model, "input", 0) for model in models])

        await self._records.write(write)

    async def add_outputs(self, project: ProjectId, run: str, outputs: Sequence[ModelOutput]) -> None:
        """Raises: NotFound, Invalid (deleted)."""

        def write(connection: Connection) -> None:
            row = active(connection, project, run)
            _WRITE_MODELS.write(connection, [(row.no, one.model_id, "output", one.step) for one in outputs])

        await self._records.write(write)

    async def of(self, project: ProjectId, run: str) -> Links:
        """Raises: NotFound."""
        return await self._records.read(lambda c: links_of(c, found(c, project, run).no))


def links_of(connection: Connection, run: int) -> Links:
    inputs = [Input(Dataset(*row[:-1]), orjson.loads(row[-1])) for row in _INPUTS.run(connection, run=run)]
    read: list[str] = []
    made: list[ModelOutput] = []
    for model, role, step in _MODELS.run(connection, run=run):
        if role == "input":
            read.append(model)
        else:
            made.append(ModelOutput(model, step))
    return Links(inputs, read, made)

"""What was measured on logged models: runs log it, in the transaction in which the run's own metrics are written."""

import math

from sqlalchemy import Connection, select

from triops.kernel.errors import NotFound
from triops.kernel.ids import ProjectId, RunId
from triops.kernel.run import MetricPoints
from triops.ledger.logged_models import tables
from triops.ledger.paging import chunks
from triops.ledger.prepared import Rows

_M = tables.logged_models.c
_WRITE = Rows(
    tables.logged_model_metrics,
    ("project", "model", "key", "time_ms", "step", "run", "value", "nan", "dataset_name", "dataset_digest"),
    lambda rows: rows.on_conflict_do_nothing(),
)


def record_metrics(
    connection: Connection, project: ProjectId, run: RunId, experiment: int, points: MetricPoints
) -> None:
    """The points of `points` that tell a model; the others are passed over. One that is there already stays.

    Raises: NotFound for a model that is not there: then nothing of the request is written.
    """
    if points.origins is None:
        return
    wanted = {model for model, _, _ in points.origin_rows if model}
    known: set[str] = set()
    for some in chunks(wanted):
        statement = select(_M.id).where(_M.project == project, _M.id.in_(some))
        known |= set(connection.scalars(statement))
    for model in sorted(wanted - known):
        raise NotFound(f"Logged model with ID '{model[:80]}' not found.")
    rows = []
    for key, time_ms, step, value, origin in zip(
        points.key.tolist(),
        points.time_ms.tolist(),
        points.step.tolist(),
        points.value.tolist(),
        points.origins.tolist(),
        strict=True,
    ):
        model, name, digest = points.origin_rows[origin] if origin >= 0 else ("", "", "")
        if model:
            nan = math.isnan(value)
            shown = 0.0 if nan else value
            rows.append((project, model, points.keys[key], time_ms, step, run, shown, int(nan), name, digest))
    _WRITE.write(connection, rows)

"""Logged models from elsewhere, in a transaction. One that is here already stays as it is."""

import math
from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from triops.kernel.ids import ProjectId
from triops.kernel.logged_model import ModelStatus
from triops.kernel.run import Stage
from triops.kernel.transfer import MovedLoggedModel
from triops.ledger.logged_models import tables
from triops.ledger.paging import chunks
from triops.ledger.prepared import Rows

WIRE = "LOGGED_MODEL_"
STATUSES = {
    f"{WIRE}STATUS_UNSPECIFIED": ModelStatus.UNSPECIFIED,
    f"{WIRE}PENDING": ModelStatus.PENDING,
    f"{WIRE}READY": ModelStatus.READY,
    f"{WIRE}UPLOAD_FAILED": ModelStatus.FAILED,
}
_M = tables.logged_models.c
_PARAMS = Rows(tables.logged_model_params, ("project", "model", "key", "value"))
_TAGS = Rows(tables.logged_model_tags, ("project", "model", "key", "value"))
_METRICS = Rows(
    tables.logged_model_metrics,
    ("project", "model", "key", "time_ms", "step", "run", "value", "nan", "dataset_name", "dataset_digest"),
    lambda rows: rows.on_conflict_do_nothing(),
)


def model_locations(connection: Connection, project: ProjectId, ids: Sequence[str]) -> dict[str, str]:
    """Where the files of those lie that are here."""
    found: dict[str, str] = {}
    for some in chunks(ids):
        rows = connection.execute(select(_M.id, _M.artifact_location).where(_M.project == project, _M.id.in_(some)))
        found |= {row.id: row.artifact_location for row in rows}
    return found


def write_logged_model(
    connection: Connection, project: ProjectId, moved: MovedLoggedModel, experiment: int, location: str, now_ms: int
) -> None:
    """Who calls has seen that it is not here. A deleted one counts as deleted now."""
    connection.execute(
        insert(tables.logged_models).values(
            project=project,
            id=moved.id,
            experiment=experiment,
            name=moved.name,
            artifact_location=location,
            status=STATUSES[moved.status].value,
            stage=moved.stage,
            model_type=moved.model_type,
            run=moved.run,
            created_ms=moved.created_ms,
            updated_ms=now_ms if moved.stage == Stage.DELETED else moved.updated_ms,
        )
    )
    _PARAMS.write(connection, [(project, moved.id, key, value) for key, value in moved.params.items()])
    _TAGS.write(connection, [(project, moved.id, key, value) for key, value in moved.tags.items()])
    rows = []
    for metric in moved.metrics:
        value = float(metric.value)
        nan = math.isnan(value)
        of = (metric.key, metric.time_ms, metric.step, metric.run, 0.0 if nan else value, int(nan))
        rows.append((project, moved.id, *of, metric.dataset_name, metric.dataset_digest))
    _METRICS.write(connection, rows)

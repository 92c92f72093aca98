"""Which metrics, params and tags the runs of experiments have: for columns of a table, and for completion."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Table, select

from triops.kernel.ids import ProjectId
from triops.kernel.run import Stage
from triops.ledger.runs import tables

LOOKED_AT: Final = 1000  # runs, the newest
MOST_KEYS: Final = 2000  # of each kind


@dataclass(frozen=True, slots=True)
class Keys:
    metrics: Sequence[str]
    params: Sequence[str]
    tags: Sequence[str]


def keys_in(connection: Connection, project: ProjectId, experiments: Sequence[int]) -> Keys:
    """Of the newest active runs, sorted."""
    runs = tables.runs.c
    newest = (
        select(runs.no)
        .where(runs.project == project, runs.experiment.in_(experiments), runs.stage == Stage.ACTIVE.value)
        .order_by(runs.start_ms.desc())
        .limit(LOOKED_AT)
    )

    def keys(table: Table) -> list[str]:
        statement = select(table.c.key).where(table.c.run.in_(newest)).distinct().order_by(table.c.key)
        return list(connection.scalars(statement.limit(MOST_KEYS)))

    return Keys(keys(tables.run_metrics), keys(tables.run_params), keys(tables.run_tags))

"""Evaluation data sets and scorers from elsewhere, in a transaction. What is here stays as it is; what is missing is
added."""

from collections.abc import Sequence

from sqlalchemy import Connection, Table, func, select

from triops.kernel.errors import AlreadyExists
from triops.kernel.ids import ProjectId
from triops.kernel.transfer import MovedDataset, MovedExample, MovedScorer
from triops.ledger.evaluations import tables
from triops.ledger.paging import chunks
from triops.ledger.prepared import Rows

_D = tables.datasets.c
_E = tables.examples.c
_S = tables.scorers.c


def _added(table: Table, *columns: str) -> Rows:
    return Rows(table, columns, lambda rows: rows.on_conflict_do_nothing())


_DATASETS = _added(
    tables.datasets,
    *("project", "id", "name", "digest", "created_ms", "updated_ms", "created_by", "updated_by", "schema", "profile"),
)
_TAGS = _added(tables.dataset_tags, "project", "dataset", "key", "value")
_LINKS = _added(tables.dataset_experiments, "project", "dataset", "experiment")
_OF_EXAMPLE = ("inputs", "outputs", "expectations", "tags", "source", "created_ms", "updated_ms")
_BY = ("created_by", "updated_by")
_EXAMPLES = _added(tables.examples, "project", "dataset", "hash", "id", *_OF_EXAMPLE, *_BY)
_SCORERS = _added(tables.scorers, "project", "id", "experiment", "name")
_VERSIONS = _added(tables.scorer_versions, "project", "scorer", "version", "serialized", "created_ms")


def write_dataset(
    connection: Connection, project: ProjectId, moved: MovedDataset, examples: Sequence[tuple[str, MovedExample]]
) -> int:
    """`moved.experiments` are ids of here, `examples` come with the hash of their inputs. Answers how many the data set
    has now. Raises: nothing for what is here."""
    of = (moved.id, moved.name, moved.digest, moved.created_ms, moved.updated_ms)
    _DATASETS.write(connection, [(project, *of, moved.created_by, moved.updated_by, moved.schema, moved.profile)])
    _TAGS.write(connection, [(project, moved.id, key, value) for key, value in moved.tags.items()])
    _LINKS.write(connection, [(project, moved.id, experiment) for experiment in moved.experiments])
    _EXAMPLES.write(
        connection,
        [
            (project, moved.id, hash, one.id, *(getattr(one, name) for name in (*_OF_EXAMPLE, *_BY)))
            for hash, one in examples
        ],
    )
    own = (_E.project == project, _E.dataset == moved.id)
    return connection.scalar(select(func.count()).select_from(tables.examples).where(*own)) or 0


def datasets_here(connection: Connection, project: ProjectId, ids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for some in chunks(ids):
        found |= set(connection.scalars(select(_D.id).where(_D.project == project, _D.id.in_(some))))
    return found


def write_scorer(connection: Connection, project: ProjectId, moved: MovedScorer, experiment: int) -> str:
    """Into the scorer of that name in the experiment, if there is one; answers its id. Raises: AlreadyExists where
    another scorer has its id."""
    named = select(_S.id).where(_S.project == project, _S.experiment == experiment, _S.name == moved.name)
    id: str | None = connection.scalar(named)
    if id is None:
        id = moved.id
        if connection.scalar(select(_S.id).where(_S.project == project, _S.id == id)) is not None:
            raise AlreadyExists(f"another scorer has the id {id}")
        _SCORERS.write(connection, [(project, id, experiment, moved.name)])
    _VERSIONS.write(connection, [(project, id, one.version, one.serialized, one.created_ms) for one in moved.versions])
    return id

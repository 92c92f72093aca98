"""What is stored below a folder, by content: how two stores are compared without reading either."""

from collections.abc import Sequence

from sqlalchemy import select

from triops.kernel.ids import ProjectId
from triops.ledger.artifacts.paths import Artifact
from triops.ledger.artifacts.tables import artifacts
from triops.ports.records import Records

_A = artifacts.c


async def digests_below(
    records: Records, project: ProjectId, folder: str, after: str, limit: int
) -> Sequence[Artifact]:
    """At most `limit` artifacts below `folder` whose paths (from the folder on) are behind `after`, by path."""
    begin, end = f"{folder}/{after}", f"{folder}0"  # "0" is the character behind "/"
    statement = (
        select(_A.path, _A.digest, _A.size, _A.at)
        .where(_A.project == project, _A.path > begin, _A.path < end)
        .order_by(_A.path)
        .limit(limit)
    )
    rows = await records.read(lambda c: c.execute(statement).all())
    return [Artifact(row.path[len(folder) + 1 :], row.digest, row.size, row.at) for row in rows]

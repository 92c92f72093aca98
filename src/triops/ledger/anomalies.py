"""The book of anomalies: every claim is kept, also when no notice is given."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, insert, select, update

from triops.kernel.anomaly import Anomaly
from triops.kernel.ids import AnomalyId, EntityId, ProjectId
from triops.kernel.page import Page
from triops.ledger import tables
from triops.ledger.codec import dumps, loads
from triops.ledger.paging import AnyRow, chunks, newest_page
from triops.ports.records import Records

_A = tables.anomalies.c
_OPEN = 10_000


class Anomalies:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def merge(self, project: ProjectId, claims: Sequence[Anomaly]) -> Sequence[Anomaly]:
        """Store what detectors claim; answers the stored rows, new and merged, in the order given (each once).

        A claim whose `key` is open is merged into it: id, onset and detection stay; score, severity and last_seen take
        the greater; value, evidence and title are those of the worse claim; ended_at and latest are the
        newer. Else it is a new row, unless it has ended already.
        """
        if not claims:
            return []
        return await self._records.write(lambda c: _merge(c, project, claims))

    async def open(self, project: ProjectId) -> Sequence[Anomaly]:
        """All that have not ended, by onset; at most 10,000 (the oldest)."""
        statement = (
            select(_A.body)
            .where(_A.project == project, _A.open_key.is_not(None))
            .order_by(_A.started_at, _A.id)
            .limit(_OPEN)
        )
        # decoded on the reader's thread: a storm's rows would hold the event loop
        return await self._records.read(lambda c: [_anomaly(row) for row in c.execute(statement)])

    async def get_many(self, project: ProjectId, ids: Sequence[AnomalyId]) -> Sequence[Anomaly]:
        """In the order given; unknown ids are left out."""

        def query(connection: Connection) -> dict[str, Anomaly]:
            found: dict[str, Anomaly] = {}
            for chunk in chunks(ids):
                statement = select(_A.id, _A.body).where(_A.project == project, _A.id.in_(chunk))
                found.update({row.id: _anomaly(row) for row in connection.execute(statement)})
            return found

        found = await self._records.read(query) if ids else {}
        return [found[id] for id in ids if id in found]

    async def list(
        self,
        project: ProjectId,
        *,
        start: float = 0.0,
        end: float = math.inf,
        entity: EntityId | None = None,
        detector: str = "",
        open_only: bool = False,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Anomaly]:
        """Newest onset first; those whose [started_at, ended_at or now] meets [start, end)."""
        statement = select(_A.started_at, _A.id, _A.body).where(_A.project == project)
        if start > 0:
            statement = statement.where(_A.ended_at.is_(None) | (_A.ended_at >= start))
        if end != math.inf:
            statement = statement.where(_A.started_at < end)
        if entity is not None:
            statement = statement.where(_A.entity == entity)
        if detector:
            statement = statement.where(_A.detector == detector)
        if open_only:
            statement = statement.where(_A.open_key.is_not(None))
        return await newest_page(self._records, statement, _A.started_at, _A.id, limit, cursor, _anomaly)

    async def drop_before(self, project: ProjectId, at: float) -> int:
        """Forget those that ended before then and belong to no incident; answers how many."""
        joined = tables.incident_anomalies.c
        claimed = exists().where(joined.project == _A.project, joined.anomaly == _A.id)
        statement = delete(tables.anomalies).where(_A.project == project, _A.ended_at < at, ~claimed)
        return await self._records.write(lambda c: c.execute(statement).rowcount)


def _anomaly(row: AnyRow) -> Anomaly:
    return loads(Anomaly, row.body)


def _merge(connection: Connection, project: ProjectId, claims: Sequence[Anomaly]) -> list[Anomaly]:
    open_rows: dict[str, Anomaly] = {}
    for keys in chunks(list(dict.fromkeys(claim.key for claim in claims))):
        statement = select(_A.open_key, _A.body).where(_A.project == project, _A.open_key.in_(keys))
        open_rows.update({row.open_key: _anomaly(row) for row in connection.execute(statement)})
    known = {row.id for row in open_rows.values()}
    stored: dict[AnomalyId, Anomaly] = {}
    for claim in claims:
        earlier = open_rows.get(claim.key)
        if earlier is None and claim.ended_at is not None:
            continue
        row = claim if earlier is None else _merged(earlier, claim)
        stored[row.id] = row
        if row.ended_at is None:
            open_rows[row.key] = row
        else:
            del open_rows[row.key]
    changed = [{"_id": row.id, **_columns(row)} for row in stored.values() if row.id in known]
    new = [{"project": project, "id": row.id, **_columns(row)} for row in stored.values() if row.id not in known]
    if changed:
        connection.execute(update(tables.anomalies).where(_A.project == project, _A.id == bindparam("_id")), changed)
    if new:
        connection.execute(insert(tables.anomalies), new)
    return list(stored.values())


def _merged(earlier: Anomaly, claim: Anomaly) -> Anomaly:
    """The open row with what the claim adds; a claim that was seen before the row's last counts as the older one."""
    newer = claim if claim.last_seen >= earlier.last_seen else earlier
    # What was measured is told at its worst: after a mend the last claims of a fading anomaly would point elsewhere.
    worst = max(earlier, claim, key=_gravity)
    return replace(
        earlier,
        score=max(earlier.score, claim.score),
        severity=max(earlier.severity, claim.severity, key=lambda severity: severity.rank),
        symptom=earlier.symptom or claim.symptom,
        last_seen=newer.last_seen,
        latest=newer.value if newer is claim else earlier.latest,
        ended_at=claim.ended_at,
        direction=worst.direction,
        value=worst.value,
        expected=worst.expected,
        unit=worst.unit,
        title=worst.title,
        evidence=worst.evidence,
    )


def _gravity(claim: Anomaly) -> tuple[float, float]:
    """How bad a claim is: its score, then how far the value is from what was expected."""
    off = abs(claim.value - claim.expected) if claim.value is not None and claim.expected is not None else 0.0
    return claim.score, off


def _columns(row: Anomaly) -> dict[str, Any]:
    return {
        "open_key": row.key if row.ended_at is None else None,
        "entity": row.entity,
        "detector": row.detector,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "body": dumps(row),
    }

"""What was said in old traces of experiments goes before they do: in steps, and once for what each holds then.

A trace's metadata say up to which of its packs that is done, so that spans that come later are due again.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, bindparam, cast, delete, exists, func, insert, or_, select, update

from triops.ledger.runs.tables import experiments, freed_artifacts
from triops.ledger.traces import tables
from triops.ledger.traces.writing import METADATA, artifacts_of, packed, unpacked
from triops.ports.records import Records

FORGOTTEN: Final = "triops.contents.forgotten"  # metadata: the last pack without contents
SAID: Final = ("mlflow.traceInputs", "mlflow.traceOutputs")  # metadata of older clients that are contents
_TRACES = 100  # of one step
_BYTES = 16 << 20  # of one step's spans, unpacked; one trace may have more
_T, _M, _P = tables.traces.c, tables.trace_metadata.c, tables.trace_packs.c
_E = experiments.c

Strip = Callable[[bytes], bytes]  # a span's bytes without contents


@dataclass(frozen=True, slots=True)
class _Old:
    no: int
    project: str
    artifacts: str
    last: int  # of its packs


class TraceContents:
    def __init__(self, records: Records, strip: Strip) -> None:
        self._records = records
        self._strip = strip

    async def forget(self, before_ms: int) -> int:
        """Of traces that began before; answers how many held any."""
        done, after = 0, 0
        while old := await self._records.read(lambda c, after=after: _due(c, before_ms, after)):  # type: ignore[misc]
            packs = await self._records.read(lambda c, old=old: _packs(c, [one.no for one in old]))  # type: ignore[misc]
            rewritten = await asyncio.to_thread(self._rewritten, packs)
            done += await self._records.write(lambda c, old=old, new=rewritten: _write(c, old, new))  # type: ignore[misc]
            after = old[-1].no
        return done

    def _rewritten(self, packs: Sequence[tuple[int, bytes]]) -> list[dict[str, Any]]:
        """Those that change."""
        found = []
        for seq, body in packs:
            spans = unpacked(body)
            kept = [self._strip(span) for span in spans]
            if kept != spans:
                size, new = packed(kept)
                found.append({"pack": seq, "new_size": size, "new_body": new})
        return found


def _due(connection: Connection, before_ms: int, after: int) -> list[_Old]:
    """The next by number that hold what was not looked at: as many as one step takes."""
    own = tables.traces  # said to each, since one is within another
    mark = select(cast(_M.value, BigInteger)).where(_M.trace == _T.no, _M.key == FORGOTTEN).correlate(own)
    newer = exists().where(_P.trace == _T.no, _P.seq > func.coalesce(mark.scalar_subquery(), 0)).correlate(own)
    told = exists().where(_M.trace == _T.no, _M.key.in_(SAID)).correlate(own)
    previews = or_(_T.request_preview.is_not(None), _T.response_preview.is_not(None))
    last = select(func.max(_P.seq)).where(_P.trace == _T.no).correlate(own).scalar_subquery()
    size = select(func.sum(_P.size)).where(_P.trace == _T.no).correlate(own).scalar_subquery()
    asked = (
        select(_T.no, _T.id, _T.project, _E.artifact_location, last.label("last"), size.label("size"))
        .join(experiments, (_E.project == _T.project) & (_E.id == _T.experiment))
        .where(_T.no > after, _T.request_ms < before_ms, or_(previews, newer, told))
        .order_by(_T.no)
        .limit(_TRACES)
    )
    found: list[_Old] = []
    room = _BYTES
    for row in connection.execute(asked):
        room -= row.size or 0
        if found and room < 0:
            break
        found.append(_Old(row.no, row.project, artifacts_of(row.artifact_location, row.id), row.last or 0))
    return found


def _packs(connection: Connection, nos: Sequence[int]) -> list[tuple[int, bytes]]:
    return [(row.seq, row.body) for row in connection.execute(select(_P.seq, _P.body).where(_P.trace.in_(nos)))]


def _write(connection: Connection, old: Sequence[_Old], packs: Sequence[dict[str, Any]]) -> int:
    """Of traces that are still there. Their artifacts (spans of older clients, attachments) are contents, too."""
    there = set(connection.scalars(select(_T.no).where(_T.no.in_([one.no for one in old]))))
    own = [one for one in old if one.no in there]
    if packs:
        change = update(tables.trace_packs).where(_P.seq == bindparam("pack"))
        connection.execute(change.values(size=bindparam("new_size"), body=bindparam("new_body")), packs)
    if own:
        here = [one.no for one in own]
        connection.execute(
            update(tables.traces).where(_T.no.in_(here)).values(request_preview=None, response_preview=None)
        )
        connection.execute(delete(tables.trace_metadata).where(_M.trace.in_(here), _M.key.in_(SAID)))
        METADATA.write(connection, [(one.no, FORGOTTEN, str(one.last)) for one in own])
        connection.execute(insert(freed_artifacts), [{"project": one.project, "uri": one.artifacts} for one in own])
    return len(own)

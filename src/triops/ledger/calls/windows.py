"""What was spent in the windows of budgets: UTC days, UTC months, and ever. By the day that a call began."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from triops.kernel.ids import ProjectId
from triops.ledger.calls import tables

_S, _D = tables.sums.c, tables.dims.c
_MICRO = 10**6
_USERS = 100_000  # of one window; those that spent most


@dataclass(frozen=True, slots=True)
class Spent:
    """`name`: "" of scope `project`. `requests` are those that were not refused. `pico`: pico-dollars."""

    project: ProjectId
    scope: str
    name: str
    period: str
    start: int
    pico: int
    tokens: int
    requests: int


def window_of(period: str, at: float) -> tuple[int, int | None]:
    """[start, end) of the day or month that `at` is in, unix seconds; `total` has no end."""
    day = datetime.fromtimestamp(at, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "day":
        start = int(day.timestamp())
        return start, start + tables.DAY
    if period == "month":
        first = day.replace(day=1)
        following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
        return int(first.timestamp()), int(following.timestamp())
    return 0, None


def spent(connection: Connection, project: ProjectId, windows: Iterable[tuple[str, str]], at: float) -> Sequence[Spent]:
    """`windows`: scopes and periods; every name of a scope that spent anything is in the answer."""
    found: list[Spent] = []
    for scope, period in sorted(set(windows)):
        start, _ = window_of(period, at)
        named = [] if scope == "project" else [_D[scope]]
        level = tables.WHO if scope == "user" else tables.WHAT
        used = func.sum(_S.cost_micro)
        asked = select(
            *named,
            used,
            func.sum(_S.cost_pico),
            func.sum(_S.input_tokens + _S.output_tokens),
            func.sum(_S.requests - _S.refused),
        ).where(_S.project == project, _S.level == level, _S.span == tables.DAY, _S.start >= start)
        if named:
            asked = asked.join(tables.dims, _D.no == _S.dims).where(_D[scope] != "").group_by(*named)
        for *name, micro, pico, tokens, requests in connection.execute(asked.order_by(used.desc()).limit(_USERS)):
            if requests is None:
                continue
            amount = int(micro) * _MICRO + int(pico)
            found.append(
                Spent(project, scope, name[0] if name else "", period, start, amount, int(tokens), int(requests))
            )
    return found

"""What was spent, as people ask: by any dimensions, in any window, and what it will come to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from triops.kernel.clock import rfc3339
from triops.kernel.errors import Invalid, TooLarge
from triops.kernel.ids import ProjectId
from triops.kernel.money import usd
from triops.ledger.calls import tables
from triops.ledger.calls.book import SpendBook
from triops.ledger.calls.totals import BY, Question, Sum, Totals
from triops.ledger.calls.windows import window_of
from triops.lenses.llmops.spend.forecast import Forecast, forecast
from triops.ports.clock import Clock

_KEPT_DAYS: Final = 7  # that each call is kept by itself; before that there are sums by the hour
_KEPT_CALLS: Final = 2_000_000  # and at most so many
_ROWS: Final = 10_000
_BUCKETS: Final = 1000
_HISTORY_DAYS: Final = 56
_GROUPS: Final = 200  # of a forecast, those that cost most


@dataclass(frozen=True, slots=True)
class Rows:
    """`total` is of all rows together. `start` and `end` are unix seconds."""

    rows: Sequence[Mapping[str, Any]]
    total: Mapping[str, Any]
    start: float
    end: float


@dataclass
class Spend:
    book: SpendBook
    totals: Totals
    clock: Clock

    async def rows(
        self,
        project: ProjectId,
        by: Sequence[str],
        start: float | None = None,
        end: float | None = None,
        every: int = 0,
        where: Mapping[str, str] | None = None,
    ) -> Rows:
        """`start` None: of the UTC month. Raises: Invalid; TooLarge over 10,000 rows."""
        now = self.clock.now()
        until = now + 5.0 if end is None else end
        since = float(window_of("month", min(now, until))[0]) if start is None else start
        if not 0 <= since < until:
            raise Invalid("start is not before end", field="start", got=since, expected="a time before end")
        _check(by, where or {})
        if every and (until - since) / every > _BUCKETS:
            raise Invalid("too many buckets", field="every", got=every, expected=f"at most {_BUCKETS} in the window")
        if every % tables.HOUR and since < (kept := await self.totals.kept_since()):
            expected = f"a multiple of 3600 for what is before {rfc3339(kept)}"
            raise Invalid("calls that old are kept by the hour", field="every", got=every, expected=expected)
        # what is to come is empty, so that until now is as well until the day's end: whole days are quickly summed
        last = until if until < now else (now // tables.DAY + 1) * tables.DAY
        question = Question(project, int(since * 1000), int(last * 1000), tuple(by), every, _where(where), _ROWS + 1)
        found = await self.totals.sums(question)
        if len(found) > _ROWS:
            raise TooLarge(f"over {_ROWS} rows: ask for a shorter window, longer buckets, or fewer dimensions")
        rows = [{**one.by, **({} if one.at is None else {"at": one.at}), **shown(one)} for one in found]
        return Rows(rows, shown(_whole(found)), since, until)

    async def forecast(
        self, project: ProjectId, by: Sequence[str], where: Mapping[str, str] | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """What the UTC month will come to, by its days so far and the weeks before; the dearest 200 groups."""
        _check(by, where or {})
        now = self.clock.now()
        start, end = window_of("month", now)
        assert end is not None
        first = start - _HISTORY_DAYS * tables.DAY
        until = (int(now) // tables.DAY + 1) * tables.DAY
        question = Question(project, first * 1000, until * 1000, tuple(by), tables.DAY, _where(where))
        days: dict[tuple[Any, ...], dict[int, int]] = {}
        for one in await self.totals.sums(question):
            days.setdefault(tuple(one.by.values()), {})[one.at or 0] = one.cost
        made = {group: forecast(costs, start, end, now) for group, costs in days.items()}
        dearest = sorted(made, key=lambda group: -made[group].expected)[:_GROUPS]
        return [{**dict(zip(by, group, strict=True)), **_shown(made[group])} for group in dearest]

    async def compact(self, now: float) -> None:
        """Calls that are old, or too many, are kept by the hour alone."""
        await self.book.compact(int((now - _KEPT_DAYS * tables.DAY) * 1000), _KEPT_CALLS)


def shown(one: Sum) -> dict[str, Any]:
    """As APIs return it: dollars as exact decimal texts."""
    return {
        **one.counts,
        "cost_usd": usd(one.cost),
        "estimated_cost_usd": usd(one.estimated),
        "saved_usd": usd(one.saved),
    }


def _shown(made: Forecast) -> dict[str, Any]:
    return {
        "month_to_date_usd": usd(made.so_far),
        "forecast_usd": usd(made.expected),
        "low_usd": usd(made.low),
        "high_usd": usd(made.high),
        "method": made.method,
        "days_of_history": made.days,
    }


def _whole(found: Sequence[Sum]) -> Sum:
    counts = {name: sum(one.counts[name] for one in found) for name in tables.COUNTS}
    cost, estimated, saved = (sum(getattr(one, name) for one in found) for name in tables.MONEY)
    return Sum({}, None, counts, cost, estimated, saved)


def _where(where: Mapping[str, str] | None) -> Mapping[str, Any]:
    return {name: int(value) if name == "prompt_version" else value for name, value in (where or {}).items()}


def _check(by: Sequence[str], where: Mapping[str, str]) -> None:
    for name in by:
        if name not in BY:
            raise Invalid("not a dimension of spend", field="by", got=name, expected=", ".join(BY))
    if len(set(by)) != len(by):
        raise Invalid("a dimension is given twice", field="by", got=",".join(by))
    for name, value in where.items():
        if name not in BY or name == "project":
            raise Invalid("not a dimension of spend", field=name, expected=", ".join(BY))
        if name == "prompt_version" and not (value.isascii() and value.isdigit() and len(value) < 10):
            raise Invalid("not a version", field=name, got=value, expected="a whole number")

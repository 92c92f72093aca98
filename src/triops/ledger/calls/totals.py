"""Sums over the book of spend: by any of its dimensions, in any window. Never rounded, never beyond 64 bits.

Whole days come from sums by day, whole hours from sums by hour, and what is left at the ends from the calls themselves;
these are kept for some days only, and before that a window is as exact as the hour.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Subquery, func, literal, select, union_all

from triops.kernel.ids import ProjectId
from triops.ledger.calls import tables
from triops.ledger.calls.book import kept_since
from triops.ledger.paging import AnyRow
from triops.ports.records import Records

_C, _S, _D = tables.calls.c, tables.sums.c, tables.dims.c
_MICRO = 10**6
BY = (*tables.TEXTS, "prompt_version", "project")


@dataclass(frozen=True, slots=True)
class Sum:
    """`at`: the start of the time bucket, None without buckets. `counts` by `tables.COUNTS`; money is pico-dollars."""

    by: Mapping[str, Any]
    at: int | None
    counts: Mapping[str, int]
    cost: int
    estimated: int
    saved: int


@dataclass(frozen=True, slots=True)
class Question:
    """[start_ms, end_ms) in unix milliseconds. `every`: seconds of a bucket, 0 for none; where single calls are not
    kept any more it must be whole hours. `where`: what a dimension must be. `most`: rows, those that cost most."""

    project: ProjectId
    start_ms: int
    end_ms: int
    by: Sequence[str] = ()
    every: int = 0
    where: Mapping[str, Any] | None = None
    most: int = 10_000


class Totals:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def kept_since(self) -> float:
        """From when on windows and buckets may be shorter than an hour, unix seconds."""
        return await self._records.read(kept_since) / 1000

    async def sums(self, question: Question) -> Sequence[Sum]:
        """By time bucket, then the dearest first."""
        return await self._records.read(lambda c: sums(c, question))


def sums(connection: Connection, question: Question) -> list[Sum]:
    inner = _inner(question, kept_since(connection))
    if inner is None:
        return []
    columns = [_D[name] for name in question.by if name != "project"]
    buckets = [inner.c.bucket] if question.every else []
    measures = [func.sum(inner.c[name]).label(name) for name in tables.MEASURES]
    asked = select(*columns, *buckets, *measures).join(inner, inner.c.dims == _D.no)
    asked = asked.where(_D.project == question.project)
    for name, value in (question.where or {}).items():
        asked = asked.where(_D[name] == value)
    if columns or buckets:
        asked = asked.group_by(*columns, *buckets)
    asked = asked.order_by(*buckets, func.sum(inner.c.cost_micro).desc(), *columns).limit(question.most)
    rows = connection.execute(asked).all()
    return [_sum(row, question) for row in rows if row.requests is not None]


def _sum(row: AnyRow, question: Question) -> Sum:
    shown = row._mapping
    by = {name: question.project if name == "project" else shown[name] for name in question.by}
    money = [int(shown[f"{name}_micro"]) * _MICRO + int(shown[f"{name}_pico"]) for name in tables.MONEY]
    at = int(shown["bucket"]) if question.every else None
    return Sum(by, at, {name: int(shown[name]) for name in tables.COUNTS}, *money)


def _inner(question: Question, since: int) -> Subquery | None:
    """Every part of the window from its coarsest table, summed by combination of dimensions."""
    hours, days = tables.HOUR * 1000, tables.DAY * 1000
    start, end = question.start_ms, question.end_ms
    if start < since:  # no calls there any more: whole hours, those that begin in the window
        start = min(-(-start // hours) * hours, since)
    if end < since:
        end = -(-end // hours) * hours
    parts: list[Select[Any]] = []
    whole = (-(-start // hours) * hours, end // hours * hours)
    fine = bool(question.every) and question.every % tables.HOUR != 0
    if fine or whole[0] >= whole[1]:
        parts += _calls(question, start, end)
    else:
        parts += _calls(question, start, whole[0]) + _calls(question, whole[1], end)
        long = (-(-whole[0] // days) * days, whole[1] // days * days)
        if long[0] >= long[1] or (question.every and question.every % tables.DAY):
            parts += _sums(question, tables.HOUR, *whole)
        else:
            parts += _sums(question, tables.HOUR, whole[0], long[0]) + _sums(question, tables.HOUR, long[1], whole[1])
            parts += _sums(question, tables.DAY, *long)
    return union_all(*parts).subquery("parts") if parts else None


def _calls(question: Question, start: int, end: int) -> list[Select[Any]]:
    if start >= end:
        return []
    here = (_C.project == question.project, _C.at_ms >= start, _C.at_ms < end)
    at = _C.at_ms - _C.at_ms % (question.every * 1000) if question.every else None
    return [_grouped(question, tables.calls.c, None if at is None else at // 1000).where(*here)]


def _sums(question: Question, span: int, start: int, end: int) -> list[Select[Any]]:
    if start >= end:
        return []
    asked = {*question.by, *(question.where or {})} - {"project"}
    level = tables.WHAT if "user" not in asked else tables.WHO if asked <= {*tables.WHO_NAMES} else tables.ALL
    here = (
        _S.project == question.project,
        _S.level == level,
        _S.span == span,
        _S.start >= start // 1000,
        _S.start < end // 1000,
    )
    at = _S.start - _S.start % question.every if question.every else None
    return [_grouped(question, tables.sums.c, at).where(*here)]


def _grouped(question: Question, columns: Any, bucket: ColumnElement[Any] | None) -> Select[Any]:
    at = literal(0) if bucket is None else bucket
    measures = [func.sum(columns[name]).label(name) for name in tables.MEASURES]
    grouping = [columns.dims] if bucket is None else [columns.dims, at]
    return select(columns.dims, at.label("bucket"), *measures).group_by(*grouping)

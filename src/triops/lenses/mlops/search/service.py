"""Searches as clients ask them: texts of filters and orders are read, bounds held, the book asked."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

import numpy as np
from sqlalchemy import Connection

from triops.kernel.clause import Clause
from triops.kernel.errors import Invalid
from triops.kernel.ids import ProjectId
from triops.kernel.run import Experiment, Stage
from triops.ledger.runs.contents import Shape
from triops.ledger.runs.experiments import experiment_no
from triops.ledger.runs.history import numbers_of, points_of
from triops.ledger.runs.keys import Keys, keys_in
from triops.ledger.runs.points import ordered
from triops.ledger.runs.search import MOST_RUNS, Family, Render, RunPage, RunQuery, RunSearch
from triops.ledger.runs.search_experiments import MOST_SEARCHED, DatasetSummary, ExperimentSearch
from triops.lenses.mlops.filters import EXPERIMENTS, RUNS, offset_of, page_token, parse_filter, parse_order_by
from triops.lenses.mlops.search import importance
from triops.lenses.mlops.search.curves import Curve, curve_of
from triops.lenses.mlops.search.importance import Importance
from triops.lenses.mlops.tracking.sampling import within
from triops.ports.records import Records

T = TypeVar("T")

MOST_EXPERIMENTS: Final = 50_000  # of a page
MOST_POINTS: Final = 400_000  # of all curves of an answer
_LEAST_POINTS: Final = 4
_NUMBERS: Final = 1 << 63  # over it is no experiment's


@dataclass(frozen=True, slots=True)
class Searched(Generic[T]):
    """`token`: of the next page, "" on the last."""

    parts: Sequence[T]
    token: str
    total: int = 0


class Search:
    def __init__(self, records: Records) -> None:
        self._records = records
        self._runs = RunSearch(records)
        self._experiments = ExperimentSearch(records)

    async def runs(
        self,
        project: ProjectId,
        experiments: Sequence[str],
        shape: Shape,
        render: Render[T],
        *,
        filter: str = "",
        order_by: Sequence[str] = (),
        stages: Sequence[Stage] = (Stage.ACTIVE,),
        limit: int,
        token: str = "",
    ) -> Searched[T]:
        """`render` runs beside the event loop. Newest first unless `order_by` says otherwise; what lacks the key that
        is ordered by comes last. Raises: Invalid, in MLflow's words."""
        check_max_results(limit, MOST_RUNS)
        clauses = parse_filter(filter, RUNS)
        orders = parse_order_by(order_by, RUNS)
        offset = offset_of(token)
        query = RunQuery(experiment_numbers(experiments), clauses, orders, stages, limit, offset)
        page = await self._runs.page(project, query, shape, render)
        return Searched(page.parts, page_token(offset + page.shown) if page.more else "")

    async def run_page(
        self,
        project: ProjectId,
        experiments: Sequence[int],
        render: Render[T],
        *,
        filter: str,
        order_by: Sequence[str],
        stages: Sequence[Stage],
        limit: int,
        offset: int,
    ) -> RunPage[T]:
        """As `runs`, with texts as objects and the number of all that were found. Raises: Invalid."""
        clauses, orders = parse_filter(filter, RUNS), parse_order_by(order_by, RUNS)
        query = RunQuery(experiments, clauses, orders, stages, limit, offset, counted=True)
        return await self._runs.page(project, query, Shape.OBJECT, render)

    async def run(self, project: ProjectId, id: str, render: Render[T]) -> tuple[T, Family]:
        """Raises: NotFound."""
        return await self._runs.one(project, id, Shape.OBJECT, render)

    async def keys(self, project: ProjectId, experiments: Sequence[int]) -> Keys:
        return await self._records.read(lambda c: keys_in(c, project, experiments))

    async def curves(
        self, project: ProjectId, runs: Sequence[str], keys: Sequence[str], most: int, steps: tuple[int, int] | None
    ) -> list[Curve]:
        """Of each known run, each metric that it has, by step; a run at a time, so that no reader is held for long.

        At most `most` points a curve, and MOST_POINTS in all.
        """
        most = max(_LEAST_POINTS, min(most, MOST_POINTS // max(1, len(runs) * len(keys))))
        found: list[Curve] = []
        for run in dict.fromkeys(runs):
            found += await self._records.read(partial(_curves, project, run, keys, most, steps))
        return found

    async def importance(
        self, project: ProjectId, experiments: Sequence[int], metric: str, filter: str
    ) -> tuple[list[Importance], int]:
        """And of how many runs it tells: the newest, at most `importance.MOST_RUNS`. Raises: Invalid."""
        clauses = (*parse_filter(filter, RUNS), Clause("metric", metric, "<=", math.inf))
        query = RunQuery(experiments, clauses, limit=importance.MOST_RUNS)
        measured = await self._runs.measured(project, query, metric)
        values = np.array(measured.values, np.float64)
        return await asyncio.to_thread(importance.importances, values, measured.params), len(values)

    async def experiments(
        self,
        project: ProjectId,
        *,
        filter: str = "",
        order_by: Sequence[str] = (),
        stages: Sequence[Stage] = (Stage.ACTIVE,),
        limit: int,
        token: str = "",
        named: str = "",
    ) -> Searched[Experiment]:
        """Newest first unless `order_by` says otherwise. `named`: a part of the name. Raises: Invalid, in MLflow's
        words."""
        check_max_results(limit, MOST_EXPERIMENTS)
        clauses = parse_filter(filter, EXPERIMENTS)
        orders = parse_order_by(order_by, EXPERIMENTS)
        offset = offset_of(token)
        found, more = await self._experiments.page(project, clauses, orders, stages, limit, offset, named)
        return Searched(found, page_token(offset + len(found)) if more else "")

    async def run_counts(self, project: ProjectId, experiments: Sequence[str]) -> dict[str, int]:
        """Of the active runs of each experiment that has any."""
        counts = await self._experiments.run_counts(project, experiment_numbers(experiments))
        return {str(no): count for no, count in counts.items()}

    async def experiment_names(self, project: ProjectId, experiments: Sequence[int] | None = None) -> dict[int, str]:
        """By number; None: of all that are active."""
        return await self._experiments.names(project, experiments)

    async def datasets(self, project: ProjectId, experiments: Sequence[str]) -> list[DatasetSummary]:
        """Raises: Invalid."""
        return await self._experiments.datasets(project, experiment_numbers(experiments))


def _curves(
    project: ProjectId,
    run: str,
    keys: Sequence[str],
    most: int,
    steps: tuple[int, int] | None,
    connection: Connection,
) -> list[Curve]:
    number = numbers_of(connection, project, [run]).get(run)
    if number is None:
        return []
    curves = []
    for key in keys:
        columns = within(ordered(points_of(connection, number, key), by_step=True), steps)
        if len(columns[0]):
            curves.append(curve_of(run, key, columns, most))
    return curves


def check_max_results(limit: int, most: int) -> None:
    if limit < 1:
        raise Invalid(
            f"Invalid value {limit} for parameter 'max_results' supplied. It must be a positive integer",
            field="max_results",
        )
    if limit > most:
        raise Invalid(
            f"Invalid value {limit} for parameter 'max_results' supplied. It must be at most {most}",
            field="max_results",
        )


def experiment_numbers(ids: Sequence[str]) -> list[int]:
    """Ids as the numbers that they are, less those that can be no experiment's. Raises: Invalid."""
    if len(ids) > MOST_SEARCHED:
        raise Invalid(
            f"At most {MOST_SEARCHED} experiments are searched at once, got {len(ids)}.", field="experiment_ids"
        )
    numbers = []
    for id in ids:
        if not id:
            raise Invalid("Invalid experiment ID ''. Experiment ID must be a valid integer.", field="experiment_ids")
        numbers.append(experiment_no(id))
    return [number for number in dict.fromkeys(numbers) if 0 <= number < _NUMBERS]

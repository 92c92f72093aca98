"""Searches as clients ask them: texts of filters and orders are read, bounds held, the book asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from triops.kernel.errors import Invalid
from triops.kernel.ids import ProjectId
from triops.kernel.run import Experiment, Stage
from triops.ledger.runs.contents import Shape
from triops.ledger.runs.search import MOST_RUNS, Render, RunPage, RunQuery, RunSearch
from triops.ledger.runs.search_experiments import DatasetSummary, ExperimentSearch
from triops.lenses.mlops.filters import EXPERIMENTS, RUNS, offset_of, page_token, parse_filter, parse_order_by
from triops.ports.records import Records

T = TypeVar("T")

MOST_EXPERIMENTS: Final = 50_000  # of a page
_MOST_IDS: Final = 30_000
_NUMBERS: Final = 1 << 63  # over it is no experiment's


@dataclass(frozen=True, slots=True)
class Searched(Generic[T]):
    """`token`: of the next page, "" on the last."""

    parts: Sequence[T]
    token: str
    total: int = 0


class Search:
    def __init__(self, records: Records) -> None:
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

    async def run_page(self, project: ProjectId, query: RunQuery, render: Render[T]) -> RunPage[T]:
        """Raises: Invalid."""
        return await self._runs.page(project, query, Shape.OBJECT, render)

    async def experiments(
        self,
        project: ProjectId,
        *,
        filter: str = "",
        order_by: Sequence[str] = (),
        stages: Sequence[Stage] = (Stage.ACTIVE,),
        limit: int,
        token: str = "",
    ) -> Searched[Experiment]:
        """Newest first unless `order_by` says otherwise. Raises: Invalid, in MLflow's words."""
        check_max_results(limit, MOST_EXPERIMENTS)
        clauses = parse_filter(filter, EXPERIMENTS)
        orders = parse_order_by(order_by, EXPERIMENTS)
        offset = offset_of(token)
        found, more = await self._experiments.page(project, clauses, orders, stages, limit, offset)
        return Searched(found, page_token(offset + len(found)) if more else "")

    async def run_counts(self, project: ProjectId, experiments: Sequence[str]) -> dict[str, int]:
        """Of the active runs of each experiment that has any."""
        counts = await self._experiments.run_counts(project, experiment_numbers(experiments))
        return {str(no): count for no, count in counts.items()}

    async def datasets(self, project: ProjectId, experiments: Sequence[str]) -> list[DatasetSummary]:
        """Raises: Invalid."""
        return await self._experiments.datasets(project, experiment_numbers(experiments))


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
    if len(ids) > _MOST_IDS:
        raise Invalid(f"At most {_MOST_IDS} experiments are searched at once, got {len(ids)}.", field="experiment_ids")
    numbers = []
    for id in ids:
        try:
            numbers.append(int(id))
        except ValueError:
            raise Invalid(
                f"Invalid experiment ID '{id[:200]}'. Experiment ID must be a valid integer.", field="experiment_ids"
            ) from None
    return [number for number in dict.fromkeys(numbers) if 0 <= number < _NUMBERS]

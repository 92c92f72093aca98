"""A search of logged models as clients ask for it: language, page and the token of the next one."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from triops.kernel.errors import Invalid
from triops.kernel.ids import ProjectId
from triops.kernel.logged_model import LoggedModel
from triops.ledger.logged_models.search import LoggedModelSearch, ModelOrder, OnDataset
from triops.ledger.runs.experiments import experiment_no
from triops.lenses.mlops.filters import LOGGED_MODELS, parse_filter

DEFAULT_RESULTS = 100
MOST_RESULTS = 1000
MOST_EXPERIMENTS = 1000


@dataclass(frozen=True, slots=True)
class OrderAsked:
    field_name: str
    ascending: bool = True
    dataset_name: str | None = None
    dataset_digest: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetAsked:
    dataset_name: str
    dataset_digest: str | None = None


class ModelSearch:
    def __init__(self, book: LoggedModelSearch) -> None:
        self.book = book

    async def find(
        self,
        project: ProjectId,
        experiments: Sequence[str],
        *,
        filter: str = "",
        datasets: Sequence[DatasetAsked] = (),
        order_by: Sequence[OrderAsked] = (),
        most: int = 0,
        token: str = "",
    ) -> tuple[list[LoggedModel], str]:
        """A page of at most `most` (0: 100; never over 1,000), and the next one's token or "". Raises: Invalid."""
        if len(experiments) > MOST_EXPERIMENTS:
            raise Invalid(f"At most {MOST_EXPERIMENTS} experiments can be searched.", field="experiment_ids")
        if most < 0:
            raise Invalid(f"Invalid value {most} for parameter 'max_results' supplied.", field="max_results")
        if not all(dataset.dataset_name for dataset in datasets):
            raise Invalid("`dataset_name` in the `datasets` clause must be specified.", field="datasets")
        numbers = [experiment_no(id) for id in experiments]
        asked = (list(experiments), filter or None, [asdict(order) for order in order_by] or None)
        offset = _offset(token, *asked) if token else 0
        most = min(most or DEFAULT_RESULTS, MOST_RESULTS)
        orders = [
            ModelOrder(
                LOGGED_MODELS.order(order.field_name, order.ascending),
                _on(order),
            )
            for order in order_by
        ]
        found = await self.book.find(
            project,
            [number for number in numbers if 0 <= number < 1 << 63] or [-1],
            clauses=parse_filter(filter, LOGGED_MODELS),
            datasets=[OnDataset(dataset.dataset_name, dataset.dataset_digest or "") for dataset in datasets],
            orders=orders,
            limit=most + 1,
            offset=offset,
        )
        return found[:most], _token(offset + most, *asked) if len(found) > most else ""


def _on(order: OrderAsked) -> OnDataset | None:
    if not (order.dataset_name or order.dataset_digest):
        return None
    return OnDataset(order.dataset_name or "", order.dataset_digest or "")


def _token(offset: int, experiments: list[str], filter: str | None, order_by: Any) -> str:
    told = {"experiment_ids": experiments, "filter_string": filter, "order_by": order_by, "offset": offset}
    return base64.b64encode(json.dumps(told).encode()).decode()


def _offset(token: str, experiments: list[str], filter: str | None, order_by: Any) -> int:
    """Raises: Invalid for a token of another search."""
    try:
        told = json.loads(base64.b64decode(token[:100_000]))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise Invalid(f"Invalid page token: {token[:200]}. {error}", field="page_token") from None
    if not isinstance(told, dict):
        raise Invalid(f"Invalid page token: {token[:200]}", field="page_token")
    for name, what, asked in (
        ("experiment_ids", "Experiment IDs", experiments),
        ("filter_string", "Filter string", filter),
        ("order_by", "Order by", order_by),
    ):
        given = told.get(name) or (None if name != "experiment_ids" else told.get(name))
        if given != asked:
            wanted = f"requested {what[0].lower()}{what[1:]}"
            verb = "do not match" if what == "Experiment IDs" else "does not match"
            raise Invalid(
                f"{what} in the page token {verb} the {wanted}. Expected: {asked}. Found: {given}", field="page_token"
            )
    offset = told.get("offset") or 0
    if isinstance(offset, bool) or not isinstance(offset, int) or not 0 <= offset < 1 << 31:
        raise Invalid(f"Invalid page token: {token[:200]}", field="page_token")
    return offset

"""Evaluation data sets as clients use them."""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from triops.kernel.errors import Invalid
from triops.kernel.evaluation import EvaluationDataset, EvaluationRecord
from triops.kernel.ids import ProjectId
from triops.ledger.evaluations.datasets import EvaluationDatasets
from triops.ledger.evaluations.examples import Examples
from triops.lenses.mlops.evaluation.examples import USER, Batch, schema_of
from triops.lenses.mlops.filters import EVALUATION_DATASETS, offset_of, page_token, parse_filter, parse_order_by
from triops.ports.clock import Clock

MOST_RESULTS = 50_000
MOST_EXAMPLES = 10_000  # of one page
_NAME = 255
_KEY = 255
_VALUE = 5000
_EXPERIMENTS = 1000


class Datasets:
    def __init__(self, book: EvaluationDatasets, examples: Examples, clock: Clock) -> None:
        self.book = book
        self.examples = examples
        self._clock = clock

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)

    async def create(
        self, project: ProjectId, name: str, tags: Mapping[str, Any], experiments: Sequence[str]
    ) -> EvaluationDataset:
        """Raises: Invalid."""
        _check_length("name", name, _NAME)
        checked, now = checked_tags(tags), self._now_ms()
        user = checked.get(USER)
        linked = _checked_experiments(experiments)
        dataset = EvaluationDataset(
            f"d-{uuid4().hex}", name, digest(name, now), now, now, user, user, tags=checked, experiments=linked
        )
        await self.book.create(project, dataset)
        return dataset

    async def find(
        self,
        project: ProjectId,
        experiments: Sequence[str],
        filter: str,
        order_by: Sequence[str],
        most: int,
        token: str,
    ) -> tuple[list[EvaluationDataset], str]:
        """A page, and the next one's token or "". Raises: Invalid."""
        if not 1 <= most <= MOST_RESULTS:
            law = "a positive integer" if most < 1 else f"at most {MOST_RESULTS}"
            raise Invalid(
                f"Invalid value {most or None} for parameter 'max_results' supplied. It must be {law}",
                field="max_results",
            )
        offset = offset_of(token)
        most = min(most, 1000)
        found = await self.book.find(
            project,
            experiments=_checked_experiments(experiments),
            clauses=parse_filter(filter, EVALUATION_DATASETS),
            orders=parse_order_by(order_by, EVALUATION_DATASETS),
            limit=most + 1,
            offset=offset,
        )
        return found[:most], page_token(offset + most) if len(found) > most else ""

    async def set_tags(self, project: ProjectId, id: str, tags: Mapping[str, Any]) -> None:
        """A null is passed over. Raises: NotFound, Invalid."""
        await self.book.set_tags(project, id, checked_tags(tags))

    async def link(self, project: ProjectId, id: str, experiments: Sequence[str]) -> EvaluationDataset:
        """Raises: NotFound, Invalid."""
        return await self.book.link(project, id, _checked_experiments(experiments), self._now_ms())

    async def unlink(self, project: ProjectId, id: str, experiments: Sequence[str]) -> EvaluationDataset:
        """Raises: NotFound, Invalid."""
        return await self.book.unlink(project, id, _checked_experiments(experiments), self._now_ms())

    async def merge(self, project: ProjectId, id: str, batch: Batch) -> tuple[int, int]:
        """Answers how many were new, how many updated. Raises: NotFound."""
        now = self._now_ms()
        users = [example.user for example in batch.examples if example.user]
        return await self.examples.merge(
            project,
            id,
            batch.examples,
            now,
            user=users[-1] if users else None,
            digest=lambda name: digest(name, now),
            schema=lambda known: schema_of(known, batch),
        )

    async def page(self, project: ProjectId, id: str, most: int, token: str) -> tuple[list[EvaluationRecord], str]:
        """Raises: Invalid token."""
        most = min(most if most > 0 else 1000, MOST_EXAMPLES)
        found = await self.examples.page(project, id, most + 1, _after(token))
        shown = found[:most]
        if len(found) <= most:
            return shown, ""
        return shown, base64.b64encode(f"{shown[-1].created_ms}:{shown[-1].id}".encode()).decode()


def digest(name: str, now_ms: int) -> str:
    return hashlib.sha256(f"{name}:{now_ms}".encode("utf-8", "surrogatepass")).hexdigest()[:8]


def checked_tags(tags: Any) -> dict[str, str]:
    """Values as text, without the null ones. Raises: Invalid."""
    if not isinstance(tags, Mapping):
        raise Invalid("'tags' must be a JSON object.", field="tags")
    checked = {key: value if isinstance(value, str) else str(value) for key, value in tags.items() if value is not None}
    for key, value in checked.items():
        _check_length("tag key", key, _KEY)
        _check_length("tag value", value, _VALUE)
    return checked


def _checked_experiments(ids: Sequence[str]) -> list[str]:
    if len(ids) > _EXPERIMENTS:
        raise Invalid(f"At most {_EXPERIMENTS} experiments.", field="experiment_ids")
    for id in ids:
        _check_length("experiment_id", id, 36)
    return list(dict.fromkeys(ids))


def _check_length(what: str, value: str, most: int) -> None:
    if len(value) > most:
        raise Invalid(f"'{what}' exceeds the maximum length of {most} characters", field=what)


def _after(token: str) -> tuple[int, str] | None:
    if not token:
        return None
    try:
        at, _, id = base64.b64decode(token[:500], validate=True).decode().partition(":")
        number = int(at)
    except (ValueError, binascii.Error):
        raise Invalid(f"Invalid page token: {token[:200]}", field="page_token") from None
    if not 0 <= number < 1 << 63 or not id:
        raise Invalid(f"Invalid page token: {token[:200]}", field="page_token")
    return number, id

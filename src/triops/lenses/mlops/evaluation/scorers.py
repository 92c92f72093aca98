"""Scorers as clients register them. They are kept as text; nothing of them is run or imported here."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

from triops.kernel.errors import Invalid, NotFound
from triops.kernel.evaluation import ScorerVersion
from triops.kernel.ids import ProjectId
from triops.ledger.evaluations.scorers import Scorers
from triops.ports.clock import Clock

_NAME = 256
_SERIALIZED = 1 << 20
_GATEWAY = "gateway:/"
_WITH_MODEL = ("instructions_judge_pydantic_data", "builtin_scorer_pydantic_data", "third_party_scorer_data")
_NOT_CUSTOM = (
    "Custom scorer registration (using @scorer decorator) is disabled by default outside of Databricks tracking "
    "environments due to security concerns. Custom scorers require arbitrary code execution during deserialization."
    "\n\nManage the scorer's code in a source code repository and import it, or use built-in scorers or make_judge()."
)


class ScorerBook:
    """`begin` lets a project's default experiment be."""

    def __init__(self, book: Scorers, clock: Clock, begin: Callable[[ProjectId], Awaitable[None]]) -> None:
        self.book = book
        self._clock = clock
        self._begin = begin

    async def register(self, project: ProjectId, experiment: str, name: str, serialized: str) -> ScorerVersion:
        """Raises: Invalid, NotFound."""
        check_serialized(serialized)
        if not name.strip():
            raise Invalid("Scorer name cannot be empty or contain only whitespace.", field="name")
        if len(name) > _NAME:
            raise Invalid(f"'name' exceeds the maximum length of {_NAME} characters", field="name")
        await self._begin(project)
        now_ms = int(self._clock.now() * 1000)
        return await self.book.register(project, experiment, name, serialized, id=str(uuid4()), now_ms=now_ms)


def check_serialized(serialized: str) -> None:
    """Raises: Invalid for what is no scorer, or one whose code a reader would run; NotFound for a gateway's model."""
    if len(serialized) > _SERIALIZED:
        raise Invalid(f"'serialized_scorer' exceeds the maximum length of {_SERIALIZED} characters")
    try:
        given = json.loads(serialized)
    except (ValueError, RecursionError):
        raise Invalid("serialized_scorer must be valid JSON", field="serialized_scorer") from None
    if not isinstance(given, dict):
        raise Invalid("serialized_scorer must be a JSON object", field="serialized_scorer")
    if any(one.get("call_source") for one in _objects(given)):
        raise Invalid(_NOT_CUSTOM, field="serialized_scorer")
    model = _model(given)
    if model is None:
        return
    if not isinstance(model, str):
        raise Invalid(f"Scorer model must be a string, got {type(model).__name__}.", field="serialized_scorer")
    if not model.strip():
        raise Invalid("Scorer model cannot be empty or contain only whitespace.", field="serialized_scorer")
    if model.startswith(_GATEWAY):
        raise NotFound(f"GatewayEndpoint not found (name='{model.removeprefix(_GATEWAY)[:200]}')")


def _model(given: Mapping[str, Any]) -> Any:
    while isinstance(given, Mapping):
        for name in _WITH_MODEL:
            if isinstance(data := given.get(name), Mapping) and data:
                return data.get("model")
        memory = given.get("memory_augmented_judge_data")
        given = memory.get("base_judge") if isinstance(memory, Mapping) else None  # type: ignore[assignment]
    return None


def _objects(given: Any) -> Iterator[Mapping[str, Any]]:
    """Every object within, without recursion."""
    open_ = [given]
    while open_:
        one = open_.pop()
        if isinstance(one, dict):
            yield one
            open_ += one.values()
        elif isinstance(one, list):
            open_ += one

"""Logged models as clients use them: names and sizes are checked, ids and times are given."""

from collections.abc import Awaitable, Callable, Mapping
from uuid import uuid4

from triops.kernel.errors import Invalid
from triops.kernel.ids import ProjectId
from triops.kernel.logged_model import LoggedModel, ModelStatus
from triops.ledger.logged_models.models import LoggedModels
from triops.ports.clock import Clock

_FORBIDDEN = ("/", ":", ".", "%", '"', "'")
_NAME = 500
_KEY = 250
_VALUE = 64_000


class Models:
    """`begin` lets a project's default experiment be; `random_name` names a model whose client gave none."""

    def __init__(
        self,
        book: LoggedModels,
        clock: Clock,
        begin: Callable[[ProjectId], Awaitable[None]],
        random_name: Callable[[], str],
    ) -> None:
        self.book = book
        self._clock = clock
        self._begin = begin
        self._random_name = random_name

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)

    async def create(
        self,
        project: ProjectId,
        experiment: str,
        name: str,
        *,
        model_type: str = "",
        run: str = "",
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> LoggedModel:
        """Raises: Invalid, NotFound."""
        if name:
            check_name(name)
        check_length("model_type", model_type, _NAME)
        check_length("source_run_id", run, _KEY)
        await self._begin(project)
        return await self.book.create(
            project,
            f"m-{uuid4().hex}",
            experiment,
            name or self._random_name(),
            model_type=model_type,
            run=run,
            params=checked("param", params or {}),
            tags=checked("tag", tags or {}),
            now_ms=self._now_ms(),
        )

    async def finalize(self, project: ProjectId, id: str, status: ModelStatus) -> LoggedModel:
        """Raises: NotFound."""
        return await self.book.finalize(project, id, status, self._now_ms())

    async def delete(self, project: ProjectId, id: str) -> None:
        """Raises: NotFound."""
        await self.book.delete(project, id, self._now_ms())

    async def add_params(self, project: ProjectId, id: str, params: Mapping[str, str]) -> None:
        """Raises: NotFound, Invalid."""
        await self.book.add_params(project, id, checked("param", params))

    async def set_tags(self, project: ProjectId, id: str, tags: Mapping[str, str]) -> None:
        """Raises: NotFound, Invalid."""
        await self.book.set_tags(project, id, checked("tag", tags))


def check_name(name: str) -> None:
    """Raises: Invalid, in MLflow's words."""
    if any(character in name for character in _FORBIDDEN):
        raise Invalid(
            f"Invalid model name ({name[:_NAME]!r}) provided. Model name must be a non-empty string "
            f"and cannot contain the following characters: {_FORBIDDEN}",
            field="name",
        )
    check_length("name", name, _NAME)


def checked(what: str, named: Mapping[str, str]) -> Mapping[str, str]:
    """Raises: Invalid for what is too long to store."""
    for key, value in named.items():
        check_length(f"{what} key", key, _KEY)
        check_length(f"{what} value", value, _VALUE)
    return named


def check_length(what: str, value: str, most: int) -> None:
    if len(value) > most:
        raise Invalid(f"'{what}' exceeds the maximum length of {most} characters", field=what)

"""What this lens needs of whoever keeps versions: the registry of models and prompts, which is another lens' service.
`app_prompts.py` joins them, so that there is one set of prompts whatever door they come by."""

from collections.abc import Sequence
from typing import Protocol

from triops.kernel.ids import ProjectId
from triops.kernel.page import Page
from triops.kernel.prompts.sharing import Share
from triops.kernel.tenant import Principal
from triops.kernel.version import Approval, ModelVersion, RegisteredModel, Step


class Registry(Protocol):
    """Each call is one transaction with its history, its Change and its webhooks' deliveries."""

    async def create_model(
        self, who: Principal, name: str, tags: Sequence[dict[str, str]], description: str
    ) -> RegisteredModel: ...

    async def create_version(
        self,
        who: Principal,
        name: str,
        source: str,
        *,
        run: str | None,
        model_id: str | None,
        run_link: str,
        description: str,
        tags: Sequence[dict[str, str]],
    ) -> ModelVersion: ...

    async def delete_version(self, who: Principal, name: str, version: str) -> None: ...

    async def delete_model(self, who: Principal, name: str) -> None: ...

    async def describe_model(self, who: Principal, name: str, description: str) -> RegisteredModel: ...

    async def set_model_tag(self, who: Principal, name: str, key: str, value: str) -> None: ...


class Move(Protocol):
    @property
    def state(self) -> str: ...
    @property
    def before(self) -> int | None: ...
    @property
    def after(self) -> int | None: ...
    @property
    def was(self) -> str: ...
    @property
    def now(self) -> str: ...
    @property
    def approval(self) -> Approval | None: ...
    @property
    def reasons(self) -> Sequence[str]: ...


class Labels(Protocol):
    """Moves labels, behind their gates. `remedy`: an action of the loop does it."""

    async def move(
        self,
        who: Principal,
        name: str,
        alias: str,
        version: int | str | None,
        why: str = "",
        *,
        remedy: bool = False,
    ) -> Move: ...

    async def share(
        self,
        who: Principal,
        name: str,
        alias: str,
        share: Share,
        why: str = "",
        *,
        remedy: bool = False,
    ) -> Move: ...

    async def undo(self, who: Principal, name: str, alias: str, why: str = "", *, remedy: bool = False) -> Move: ...

    async def history(self, project: ProjectId, name: str, limit: int, cursor: str | None) -> Page[Step]: ...

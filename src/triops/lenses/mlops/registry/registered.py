"""Registered models and prompts: their names, words and tags. Their versions are `service`'s matter."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from triops.kernel.errors import AlreadyExists
from triops.kernel.ids import ProjectId
from triops.kernel.page import Page
from triops.kernel.tenant import Principal
from triops.kernel.version import PROMPT_TAG, PROMPT_TYPE_TAG, RegisteredModel, is_prompt
from triops.ledger.versions import models, versions
from triops.ledger.versions.search import list_models, search_models
from triops.lenses.mlops.filters import MODELS, offset_of, page_token, parse_filter, parse_order_by
from triops.lenses.mlops.registry import names
from triops.lenses.mlops.registry.gates import Gates
from triops.lenses.mlops.registry.prompts import taken
from triops.lenses.mlops.registry.telling import Teller, Telling
from triops.ports.records import Records

Counted = tuple[RegisteredModel, int, int | None]  # how many versions, and the highest
Found = tuple[Sequence[Any], str | None]  # of a page: what was found, and the next page's token


class RegisteredModels:
    def __init__(self, records: Records, teller: Teller, gates: Gates) -> None:
        self._records = records
        self._teller = teller
        self._gates = gates

    async def create_model(
        self, who: Principal, name: str, tags: Sequence[dict[str, str]], description: str
    ) -> RegisteredModel:
        """Raises: Invalid, AlreadyExists."""
        wanted = names.tags(tags)
        prompt = is_prompt(wanted)
        names.new_name(name, prompt=prompt)
        names.bounded("description", description, names.TEXT_CHARACTERS)

        def write(telling: Telling) -> RegisteredModel:
            if models.find_model(telling.connection, who.project, name) is not None:
                known = models.model_tags(telling.connection, who.project, name)
                raise taken(name, PROMPT_TAG in known, PROMPT_TAG in wanted)
            models.add_model(telling.connection, who.project, name, description, wanted, telling.now_ms)
            noun = "prompt" if prompt else "model"
            telling.step(name, "registration", f"{noun} {name} registered", prompt=prompt, who=who.name)
            shown = {k: v for k, v in wanted.items() if not prompt or k not in (PROMPT_TAG, PROMPT_TYPE_TAG)}
            telling.event(
                "prompt.created" if prompt else "registered_model.created",
                {"name": name, "tags": shown, "description": description},
            )
            return models.get_model(telling.connection, who.project, name)

        return await self._teller.write(who.project, write)

    async def model(self, project: ProjectId, name: str) -> RegisteredModel:
        """Raises: Invalid name; NotFound."""
        names.model_name(name)
        return await self._records.read(lambda c: models.get_model(c, project, name))

    async def describe_model(self, who: Principal, name: str, description: str) -> RegisteredModel:
        names.model_name(name)
        names.bounded("description", description, names.TEXT_CHARACTERS)

        def write(telling: Telling) -> RegisteredModel:
            models.need_model(telling.connection, who.project, name)
            models.describe_model(telling.connection, who.project, name, description, telling.now_ms)
            return models.get_model(telling.connection, who.project, name)

        return await self._teller.write(who.project, write)

    async def rename_model(self, who: Principal, name: str, new_name: str) -> RegisteredModel:
        """Raises: Invalid, NotFound, AlreadyExists; Forbidden where a gate guards an alias of the model, by its old
        name or by the new one: who renames must not slip past it."""
        names.model_name(new_name, "new_name")
        names.model_name(name)
        gates = await self._gates.of(who.project)

        def write(telling: Telling) -> RegisteredModel:
            connection = telling.connection
            model = models.get_model(connection, who.project, name)
            names.new_name(new_name, "new_name", prompt=model.is_prompt)
            if name != new_name and models.find_model(connection, who.project, new_name) is not None:
                raise AlreadyExists(f"Registered Model (name={new_name}) already exists.")
            for named in (name, new_name):
                gates.refuse_around(who, named, model.aliases, "renamed")
            models.rename_model(connection, who.project, name, new_name, telling.now_ms)
            title = f"{name} renamed to {new_name}"
            telling.step(new_name, "rename", title, prompt=model.is_prompt, who=who.name, before=name, after=new_name)
            return models.get_model(connection, who.project, new_name)

        return await self._teller.write(who.project, write)

    async def delete_model(self, who: Principal, name: str) -> None:
        """With all its versions. Raises: Invalid, NotFound; Forbidden where a gate guards an alias of it."""
        names.model_name(name)
        gates = await self._gates.of(who.project)

        def write(telling: Telling) -> None:
            model = models.get_model(telling.connection, who.project, name)
            gates.refuse_around(who, name, model.aliases, "deleted")
            models.delete_model(telling.connection, who.project, name)
            telling.step(name, "deletion", f"{name} deleted", prompt=model.is_prompt, who=who.name, before=name)

        await self._teller.write(who.project, write)

    async def search_models(
        self, project: ProjectId, filter: str, orders: Sequence[str], limit: int, token: str
    ) -> Found:
        """Raises: Invalid."""
        clauses, order = parse_filter(filter, MODELS), parse_order_by(orders, MODELS)
        offset = offset_of(token)
        found = await self._records.read(
            lambda c: search_models(c, project, clauses, order, offset=offset, limit=limit + 1)
        )
        return found[:limit], page_token(offset + limit) if len(found) > limit else None

    async def list_models(
        self, project: ProjectId, *, query: str, kind: str, limit: int, cursor: str | None
    ) -> Page[Counted]:
        """By name; each with how many versions it has and the highest. `query`: a substring of the name, in any case.
        `kind`: model, prompt or all. Raises: Invalid limit or cursor."""
        return await self._records.read(
            lambda c: list_models(c, project, query=query, kind=kind, limit=limit, cursor=cursor)
        )

    async def counted(self, project: ProjectId, name: str) -> Counted:
        """Raises: Invalid, NotFound."""
        names.model_name(name)

        def read(connection: Connection) -> Counted:
            model = models.get_model(connection, project, name)
            return model, *versions.count_versions(connection, project, [name]).get(name, (0, None))

        return await self._records.read(read)

    async def set_model_tag(self, who: Principal, name: str, key: str, value: str) -> None:
        names.model_name(name)
        names.tag(key, value)

        def write(telling: Telling) -> None:
            models.need_model(telling.connection, who.project, name)
            models.set_model_tag(telling.connection, who.project, name, key, value)
            if is_prompt(models.model_tags(telling.connection, who.project, name)):
                telling.event("prompt_tag.set", {"name": name, "key": key, "value": value})

        await self._teller.write(who.project, write)

    async def delete_model_tag(self, who: Principal, name: str, key: str) -> None:
        """One that is not there is gone already."""
        names.model_name(name)
        names.tag_key(key)

        def write(telling: Telling) -> None:
            models.need_model(telling.connection, who.project, name)
            models.delete_model_tag(telling.connection, who.project, name, key)
            if is_prompt(models.model_tags(telling.connection, who.project, name)):
                telling.event("prompt_tag.deleted", {"name": name, "key": key})

        await self._teller.write(who.project, write)

"""The registry: models and prompts, their versions and tags. Who may move an alias is `promotions`' matter."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

from triops.kernel.entity import Entity, Relation, RelationKind
from triops.kernel.errors import AlreadyExists, Invalid, NotFound
from triops.kernel.ids import ProjectId, entity_id
from triops.kernel.page import Page, decode_cursor, encode_cursor
from triops.kernel.tenant import Principal
from triops.kernel.version import (
    ACTIVE_STAGES,
    PROMPT_TAG,
    PROMPT_TEXT_TAG,
    PROMPT_TYPE_TAG,
    ModelVersion,
    RegisteredModel,
    is_prompt,
)
from triops.ledger.paging import checked_limit
from triops.ledger.versions import approvals, models, versions
from triops.ledger.versions.search import list_models, search_models, search_versions
from triops.lenses.mlops.filters import MODELS, VERSIONS, offset_of, page_token, parse_filter, parse_order_by
from triops.lenses.mlops.registry import names
from triops.lenses.mlops.registry.gates import Gates
from triops.lenses.mlops.registry.origins import Origins, RunOrigin
from triops.lenses.mlops.registry.prompts import keep_content, of_prompt, taken
from triops.lenses.mlops.registry.sources import ModelUri, Sources
from triops.lenses.mlops.registry.telling import Teller, Telling, model_entity
from triops.ports.records import Records

Counted = tuple[RegisteredModel, int, int | None]  # how many versions, and the highest
Found = tuple[Sequence[Any], str | None]  # of a page: what was found, and the next page's token


class Registry:
    def __init__(
        self,
        records: Records,
        teller: Teller,
        origins: Origins,
        gates: Gates,
        check_scheme: Callable[[str], None],
    ) -> None:
        self._records = records
        self._teller = teller
        self._origins = origins
        self._gates = gates
        self._sources = Sources(origins, self.resolved, check_scheme)

    # Models

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

    async def list_versions(self, project: ProjectId, name: str, limit: int, cursor: str | None) -> Page[ModelVersion]:
        """Newest first. Raises: Invalid, NotFound."""
        below = decode_cursor(cursor, int)[0] if cursor is not None else None

        def read(connection: Connection) -> list[ModelVersion]:
            models.need_model(connection, project, name)
            return versions.list_versions(connection, project, name, below=below, limit=checked_limit(limit) + 1)

        found = await self._records.read(read)
        more = encode_cursor(found[limit - 1].version) if len(found) > limit else None
        return Page(found[:limit], more)

    async def latest(self, project: ProjectId, name: str, stages: Sequence[str]) -> Sequence[ModelVersion]:
        """The highest version of each stage. Raises: Invalid, NotFound."""
        found = (await self.model(project, name)).latest
        wanted = {names.stage_name(stage) for stage in stages}
        return [version for version in found if not wanted or version.stage in wanted]

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

    # Versions

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
    ) -> ModelVersion:
        """Raises: Invalid (the source too), NotFound."""
        wanted = {tag["key"]: tag["value"] for tag in tags}
        prompt = is_prompt(wanted)
        origin = await self._sources.checked(who.project, source, run, model_id, prompt=prompt)
        names.model_name(name)
        wanted = names.tags(tags)
        names.bounded("description", description, names.TEXT_CHARACTERS)
        names.bounded("run_link", run_link, names.URI_CHARACTERS)
        made_by = await self._origins.run(who.project, origin.run) if origin.run and not prompt else None
        values = {
            "description": description,
            "user": who.name,
            "source": origin.uri,
            "storage": origin.storage,
            "run": origin.run,
            "run_link": run_link,
            "model_id": origin.model_id,
        }

        def write(telling: Telling) -> ModelVersion:
            connection = telling.connection
            models.need_model(connection, who.project, name)
            version = versions.add_version(connection, who.project, name, values, wanted, telling.now_ms)
            telling.step(
                name,
                "registration",
                f"{name}: version {version} registered",
                prompt=prompt,
                who=who.name,
                after=str(version),
                version=version,
                details={"run": origin.run} if origin.run else None,
            )
            if made_by is not None:
                _relate(telling, name, made_by)
            if prompt:
                shown = {k: v for k, v in wanted.items() if k not in (PROMPT_TAG, PROMPT_TYPE_TAG, PROMPT_TEXT_TAG)}
                told = {"name": name, "version": str(version), "template": wanted.get(PROMPT_TEXT_TAG), "tags": shown}
                telling.event("prompt_version.created", {**told, "description": description or None})
            else:
                told = {"name": name, "version": str(version), "source": origin.uri, "run_id": origin.run or None}
                telling.event("model_version.created", {**told, "tags": wanted, "description": description or None})
            return versions.need_version(connection, who.project, name, version)

        made = await self._teller.write(who.project, write)
        if origin.model_id and not prompt:
            await self._origins.registered(who.project, origin.model_id, name, made.version)
        return made

    async def version(self, project: ProjectId, name: str, version: str | int) -> ModelVersion:
        """Raises: Invalid, NotFound."""
        names.model_name(name)
        number = names.version_number(version)
        return await self._records.read(lambda c: versions.need_version(c, project, name, number))

    async def version_by_alias(self, project: ProjectId, name: str, alias: str) -> ModelVersion:
        """`latest` is the highest version. Raises: Invalid for an alias that is not there; NotFound."""
        names.model_name(name)
        names.alias_name(alias)
        if alias.lower() == "latest":
            latest = (await self.model(project, name)).latest
            if not latest:
                raise NotFound(f"Latest version not found for model {name}.")
            return max(latest, key=lambda version: version.version)

        def read(connection: Connection) -> ModelVersion:
            models.need_model(connection, project, name)
            number = versions.alias_at(connection, project, name, alias)
            if number is None:
                raise Invalid(f"Registered model alias {alias} not found.", field="alias")
            return versions.need_version(connection, project, name, number)

        return await self._records.read(read)

    async def resolved(self, project: ProjectId, uri: ModelUri) -> ModelVersion:
        """What `models:/name/…` names, for a version that is made of another. Raises: Invalid, NotFound."""
        model = await self.model(project, uri.name)
        if model.is_prompt:
            raise Invalid(
                f"Invalid model version source: '{uri.text}'. Prompt versions cannot be used as model version sources.",
                field="source",
            )
        if uri.version:
            return await self.version(project, uri.name, uri.version)
        if uri.alias:
            return await self.version_by_alias(project, uri.name, uri.alias)
        found = await self.latest(project, uri.name, [uri.stage] if uri.stage else [])
        if not found:
            stage = f" and stage '{uri.stage}'" if uri.stage else ""
            raise NotFound(f"No versions of model with name '{uri.name}'{stage} found")
        return max(found, key=lambda version: version.version)

    async def describe_version(self, who: Principal, name: str, version: str, description: str | None) -> ModelVersion:
        names.model_name(name)
        number = names.version_number(version)
        names.bounded("description", description or "", names.TEXT_CHARACTERS)

        def write(telling: Telling) -> ModelVersion:
            connection = telling.connection
            versions.need_version(connection, who.project, name, number)
            values = {"description": description, "updated_ms": telling.now_ms}
            versions.change_version(connection, who.project, name, number, **values)
            return versions.need_version(connection, who.project, name, number)

        return await self._teller.write(who.project, write)

    async def move_stage(self, who: Principal, name: str, version: str, stage: str, *, archive: bool) -> ModelVersion:
        """Raises: Invalid, NotFound."""
        wanted = names.stage_name(stage)
        if archive and wanted not in ACTIVE_STAGES:
            raise Invalid(
                "Model version transition cannot archive existing model versions "
                f"because '{stage}' is not an Active stage. Valid stages are {list(ACTIVE_STAGES)}",
                field="stage",
            )
        names.model_name(name)
        number = names.version_number(version)

        def write(telling: Telling) -> ModelVersion:
            connection = telling.connection
            known = versions.need_version(connection, who.project, name, number)
            archived = (
                versions.archive_others(connection, who.project, name, number, wanted, telling.now_ms)
                if archive
                else []
            )
            values = {"stage": wanted, "updated_ms": telling.now_ms}
            versions.change_version(connection, who.project, name, number, **values)
            models.touch_model(connection, who.project, name, telling.now_ms)
            if known.stage != wanted or archived:
                telling.step(
                    name,
                    "promotion",
                    f"{name}: version {number} to stage {wanted} (was {known.stage})",
                    prompt=known.is_prompt,
                    who=who.name,
                    before=known.stage,
                    after=wanted,
                    version=number,
                    details={"stage": wanted, "archived": archived[:100]},
                )
            return versions.need_version(connection, who.project, name, number)

        return await self._teller.write(who.project, write)

    async def delete_version(self, who: Principal, name: str, version: str) -> None:
        """With its tags and aliases. Raises: Invalid, NotFound; Forbidden while a guarded alias is on it."""
        number = names.version_number(version)
        names.model_name(name)
        gates = await self._gates.of(who.project)

        def write(telling: Telling) -> None:
            known = versions.need_version(telling.connection, who.project, name, number)
            gates.refuse_around(who, name, known.aliases, "deleted")
            versions.delete_version(telling.connection, who.project, name, number)
            approvals.void(telling.connection, who.project, name, number, telling.now)
            models.touch_model(telling.connection, who.project, name, telling.now_ms)
            telling.step(
                name,
                "deletion",
                f"{name}: version {number} deleted",
                prompt=known.is_prompt,
                who=who.name,
                before=str(number),
                version=number,
                details={"aliases": list(known.aliases)} if known.aliases else None,
            )

        await self._teller.write(who.project, write)

    async def search_versions(
        self, project: ProjectId, filter: str, orders: Sequence[str], limit: int, token: str
    ) -> Found:
        """Raises: Invalid."""
        if limit < 1:
            raise Invalid(
                f"Invalid value for max_results. It must be a positive integer, but got {limit}", field="max_results"
            )
        clauses, order = parse_filter(filter, VERSIONS), parse_order_by(orders, VERSIONS)
        offset = offset_of(token)
        found = await self._records.read(
            lambda c: search_versions(c, project, clauses, order, offset=offset, limit=limit + 1)
        )
        return found[:limit], page_token(offset + limit) if len(found) > limit else None

    async def set_version_tag(self, who: Principal, name: str, version: str, key: str, value: str) -> None:
        names.model_name(name)
        number = names.version_number(version)
        names.tag(key, value)

        def write(telling: Telling) -> None:
            known = versions.need_version(telling.connection, who.project, name, number)
            keep_content(telling, who, known, key, value)
            versions.set_version_tag(telling.connection, who.project, name, number, key, value)
            told = {"name": name, "version": version, "key": key, "value": value}
            telling.event(f"{'prompt_version' if of_prompt(telling, known) else 'model_version'}_tag.set", told)

        await self._teller.write(who.project, write)

    async def delete_version_tag(self, who: Principal, name: str, version: str, key: str) -> None:
        names.model_name(name)
        number = names.version_number(version)
        names.tag_key(key)

        def write(telling: Telling) -> None:
            known = versions.need_version(telling.connection, who.project, name, number)
            keep_content(telling, who, known, key, "")
            versions.delete_version_tag(telling.connection, who.project, name, number, key)
            told = {"name": name, "version": version, "key": key}
            telling.event(f"{'prompt_version' if of_prompt(telling, known) else 'model_version'}_tag.deleted", told)

        await self._teller.write(who.project, write)


def _relate(telling: Telling, name: str, run: RunOrigin) -> None:
    """The model, the run that made it, and what that run read, in the graph."""
    now = telling.now
    source = entity_id("run", run.id)
    attributes = {"name": run.name, "experiment": run.experiment}
    entities = [Entity("run", run.id, now, now, {k: v[:200] for k, v in attributes.items()})]
    relations = [Relation(model_entity(name), RelationKind.MADE_BY, source, now, now)]
    for data in run.data[:100]:
        entities.append(Entity("dataset", data.name, now, now))
        relations.append(Relation(source, RelationKind.READS, entity_id("dataset", data.name), now, now))
    telling.related(entities, relations)

"""The registry: models and prompts (`registered`) and their versions. Who may move an alias is `promotions`' matter."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from triops.kernel.entity import Entity, Relation, RelationKind
from triops.kernel.errors import Invalid, NotFound
from triops.kernel.ids import ProjectId, entity_id
from triops.kernel.page import Page, decode_cursor, encode_cursor
from triops.kernel.tenant import Principal
from triops.kernel.version import (
    ACTIVE_STAGES,
    PROMPT_TAG,
    PROMPT_TEXT_TAG,
    PROMPT_TYPE_TAG,
    ModelVersion,
    is_prompt,
)
from triops.ledger.paging import checked_limit
from triops.ledger.versions import approvals, models, versions
from triops.ledger.versions.search import search_versions
from triops.lenses.mlops.filters import VERSIONS, offset_of, page_token, parse_filter, parse_order_by
from triops.lenses.mlops.registry import names
from triops.lenses.mlops.registry.gates import Gates
from triops.lenses.mlops.registry.origins import Origins, RunOrigin
from triops.lenses.mlops.registry.prompts import keep_content, of_prompt
from triops.lenses.mlops.registry.registered import Found, RegisteredModels
from triops.lenses.mlops.registry.sources import ModelUri, Sources
from triops.lenses.mlops.registry.telling import Teller, Telling, model_entity
from triops.ports.records import Records


class Registry(RegisteredModels):
    """The models and all that is of their versions."""

    def __init__(
        self,
        records: Records,
        teller: Teller,
        origins: Origins,
        gates: Gates,
        check_scheme: Callable[[str], None],
    ) -> None:
        super().__init__(records, teller, gates)
        self._origins = origins
        self._sources = Sources(origins, self.resolved, check_scheme)

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

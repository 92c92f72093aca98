"""Prompts, their versions, labels and comments. Versions never change; a label moves, is told of, and can go back."""

import asyncio
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy import Connection

from triops.kernel.errors import AlreadyExists, Conflict, Invalid, NotFound
from triops.kernel.ids import ProjectId
from triops.kernel.page import Page, decode_cursor, encode_cursor
from triops.kernel.prompts.sharing import Share, main_version, share_text
from triops.kernel.prompts.spec import PromptSpec
from triops.kernel.prompts.template import PromptTemplate, Rendered
from triops.kernel.tenant import Principal
from triops.kernel.version import PROMPT_TAG, ModelVersion, Step
from triops.ledger.paging import checked_limit
from triops.ledger.prompts import comments, reading
from triops.ledger.prompts.reading import Kept
from triops.ledger.versions.models import find_model, model_tags
from triops.ledger.versions.versions import find_version, need_version
from triops.lenses.llmops.prompts.composing import Composing
from triops.lenses.llmops.prompts.labelling import numbered
from triops.lenses.llmops.prompts.model import PRODUCTION, LabelMove, Prompt, PromptVersion, label_name
from triops.lenses.llmops.prompts.registry import Labels, Move, Registry
from triops.lenses.llmops.prompts.tags import SOURCE, own_tags, spec_in, tags_of
from triops.ports.clock import Clock
from triops.ports.records import Records

_NOTE = 2_000
_COMMENT = 10_000
_NAME = 200


class Prompts:
    def __init__(self, records: Records, registry: Registry, labels: Labels, clock: Clock) -> None:
        self._records = records
        self._registry = registry
        self._labels = labels
        self._clock = clock
        self.composing = Composing(records)
        self._adding: WeakValueDictionary[tuple[ProjectId, str], asyncio.Lock] = WeakValueDictionary()

    # Reading

    async def list(
        self, project: ProjectId, *, query: str = "", limit: int = 100, cursor: str | None = None
    ) -> Page[Prompt]:
        """By name. Raises: Invalid limit or cursor."""
        page = await self._records.read(
            lambda c: reading.list_prompts(c, project, query=query, limit=limit, cursor=cursor)
        )
        return Page([prompt_of(kept) for kept in page.items], page.next)

    async def get(self, project: ProjectId, name: str) -> Prompt:
        """Raises: NotFound."""
        return prompt_of(await self._records.read(lambda c: reading.get_prompt(c, project, name)))

    async def versions(
        self, project: ProjectId, name: str, *, limit: int = 100, cursor: str | None = None
    ) -> Page[PromptVersion]:
        """Newest first. Raises: NotFound; Invalid limit or cursor."""
        below = decode_cursor(cursor, int)[0] if cursor is not None else None
        most = checked_limit(limit)
        kept, found = await self._records.read(
            lambda c: reading.list_prompt_versions(c, project, name, below=below, limit=most + 1)
        )
        more = encode_cursor(found[most - 1].version) if len(found) > most else None
        return Page([version_of(kept, version) for version in found[:most]], more)

    async def version(self, project: ProjectId, name: str, version: int) -> PromptVersion:
        """Raises: NotFound."""

        def read(connection: Connection) -> tuple[Kept, ModelVersion]:
            kept = reading.get_prompt(connection, project, name)
            found = find_version(connection, project, name, version) if 0 < version < 1 << 31 else None
            if found is None:
                raise NotFound(f"the prompt {name} has no version {version}")
            return kept, found

        return version_of(*await self._records.read(read))

    async def labelled(
        self, project: ProjectId, name: str, label: str = "", pick: float | None = None
    ) -> PromptVersion:
        """The version that a label stands for: of a share the one for `pick`, else the one with the most traffic.
        Without a label `production`. Raises: NotFound that lists the labels there are."""
        label = label or PRODUCTION

        def read(connection: Connection) -> tuple[Kept, ModelVersion]:
            kept = reading.get_prompt(connection, project, name)
            number = numbered(kept, label, pick)
            return kept, need_version(connection, project, name, number)

        return version_of(*await self._records.read(read))

    async def history(self, project: ProjectId, name: str, limit: int, cursor: str | None) -> Page[Step]:
        await self.get(project, name)
        return await self._labels.history(project, name, limit, cursor)

    async def render(self, version: PromptVersion, variables: Mapping[str, Any]) -> Rendered:
        """Raises: Invalid."""
        return await asyncio.to_thread(lambda: PromptTemplate(version.spec).render(variables))

    # Changing

    async def add(
        self,
        who: Principal,
        name: str,
        spec: PromptSpec,
        note: str = "",
        *,
        again: bool = False,
        like: tuple[int, ...] = (),
    ) -> tuple[PromptVersion, bool]:
        """A new version, or the newest where it is equal to it (or one of `like` that is); and whether it was made.
        `again`: made in any case. Raises: Invalid for a template that is none; TooLarge;
        AlreadyExists for a name that a model has."""
        if not 0 < len(name) <= _NAME:
            raise Invalid("not a prompt's name", field="name", got=name, expected=f"1 to {_NAME} characters")
        if len(note) > _NOTE:
            raise Invalid("the note is too long", field="note", got=len(note), expected=f"≤ {_NOTE} characters")
        kept = tags_of(spec)
        await asyncio.to_thread(PromptTemplate, spec)
        async with self._adding.setdefault((who.project, name), asyncio.Lock()):
            known = await self.named(who.project, name)
            if known is not None and not again:
                for number in dict.fromkeys(n for n in (known.newest, *like) if n is not None):
                    if (equal := await self._equal(who.project, name, number, spec)) is not None:
                        return equal, False
            if known is None:
                await self._registry.create_model(who, name, [{"key": PROMPT_TAG, "value": "true"}], "")
            given = [{"key": key, "value": value} for key, value in kept.items()]
            made = await self._registry.create_version(
                who, name, SOURCE, run=None, model_id=None, run_link="", description=note, tags=given
            )
        return await self.version(who.project, name, made.version), True

    async def named(self, project: ProjectId, name: str) -> Prompt | None:
        """The prompt, or None where the name is free. Raises: AlreadyExists for a model's."""

        def read(connection: Connection) -> Prompt | None:
            if find_model(connection, project, name) is None:
                return None
            if PROMPT_TAG not in model_tags(connection, project, name):
                raise AlreadyExists(f"{name} is a model's name: a prompt needs another")
            return prompt_of(reading.get_prompt(connection, project, name))

        return await self._records.read(read)

    async def _equal(self, project: ProjectId, name: str, version: int, spec: PromptSpec) -> PromptVersion | None:
        try:
            known = await self.version(project, name, version)
        except NotFound:
            return None
        return known if known.spec.content_json() == spec.content_json() else None

    async def label(
        self, who: Principal, name: str, label: str, share: Share, why: str = "", *, remedy: bool = False
    ) -> LabelMove:
        """`share` {} removes it. Raises: Invalid, NotFound, Conflict."""
        if share:
            label_name(label)
        await self._has(who.project, name, share)
        if len(share) > 1:
            return _moved(label, await self._labels.share(who, name, label, share, why, remedy=remedy))
        number = main_version(share) if share else None
        return _moved(label, await self._labels.move(who, name, label, number, why, remedy=remedy))

    async def undo(self, who: Principal, name: str, label: str, why: str = "", *, remedy: bool = False) -> LabelMove:
        """Back to what the label stood for before it last moved. Raises: NotFound, Conflict (it is gone)."""
        await self.get(who.project, name)
        return _moved(label, await self._labels.undo(who, name, label, why, remedy=remedy))

    async def delete_version(self, who: Principal, name: str, version: int) -> None:
        """Raises: NotFound; Conflict while a label stands for it."""
        found = await self.version(who.project, name, version)
        if found.labels:
            on = ", ".join(sorted(found.labels))
            raise Conflict(f"version {version} of {name} has the label {on}: move it first")
        await self._registry.delete_version(who, name, str(version))

    async def delete(self, who: Principal, name: str) -> None:
        """With its versions, labels and comments. Raises: NotFound; Forbidden where a gate guards a label."""
        await self.get(who.project, name)
        await self._registry.delete_model(who, name)

    async def describe(self, who: Principal, name: str, description: str) -> Prompt:
        await self.get(who.project, name)
        await self._registry.describe_model(who, name, description)
        return await self.get(who.project, name)

    async def tag(self, who: Principal, name: str, key: str, value: str) -> None:
        """Of the prompt, not of a version. Raises: NotFound, Invalid."""
        await self.get(who.project, name)
        await self._registry.set_model_tag(who, name, key, value)

    # Comments

    async def comment(self, who: Principal, name: str, version: int, text: str) -> comments.Comment:
        """Raises: Invalid, NotFound, TooLarge."""
        if not text.strip() or len(text) > _COMMENT:
            raise Invalid("not a comment", field="text", got=len(text), expected=f"1 to {_COMMENT} characters")
        await self.version(who.project, name, version)
        now = self._clock.now()
        return await self._records.write(
            lambda c: comments.add_comment(c, who.project, name, version, now, who.name, text)
        )

    async def comments(
        self, project: ProjectId, name: str, version: int | None, limit: int, cursor: str | None
    ) -> Page[comments.Comment]:
        """Newest first. Raises: NotFound; Invalid limit or cursor."""
        await self.get(project, name)
        return await self._records.read(
            lambda c: comments.list_comments(c, project, name, version=version, limit=limit, cursor=cursor)
        )

    async def _has(self, project: ProjectId, name: str, share: Share) -> None:
        def read(connection: Connection) -> None:
            reading.get_prompt(connection, project, name)
            for version in share:
                if find_version(connection, project, name, version) is None:
                    raise NotFound(f"the prompt {name} has no version {version}")

        await self._records.read(read)


def prompt_of(kept: Kept) -> Prompt:
    model = kept.model
    tags = own_tags(model.tags)
    return Prompt(
        model.name,
        model.description or "",
        model.created_ms / 1000,
        model.updated_ms / 1000,
        kept.versions,
        kept.newest,
        kept.labels,
        tags,
    )


def version_of(kept: Kept, version: ModelVersion) -> PromptVersion:
    labels = {label: share[version.version] for label, share in kept.labels.items() if version.version in share}
    return PromptVersion(
        version.name,
        version.version,
        spec_in(version.tags),
        version.description or "",
        version.created_ms / 1000,
        version.user,
        labels,
        own_tags(version.tags),
    )


def _moved(label: str, move: Move) -> LabelMove:
    before, after = (share_text({v: 100}) if v is not None else "" for v in (move.before, move.after))
    approval = move.approval.id if move.approval is not None else ""
    return LabelMove(move.state, label, move.was or before, move.now or after, approval, move.reasons)

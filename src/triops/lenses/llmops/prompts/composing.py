"""Prompts that are made of others, out of the book. What a tag is and may not be: `kernel/prompts/composing`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from triops.kernel.errors import NotFound
from triops.kernel.ids import ProjectId
from triops.kernel.prompts.composing import Find, Member, Reference, composed, is_composed
from triops.kernel.prompts.spec import PromptSpec
from triops.kernel.prompts.template import PromptTemplate
from triops.ledger.prompts import reading
from triops.ledger.versions.versions import find_version
from triops.lenses.llmops.prompts.labelling import numbered
from triops.lenses.llmops.prompts.model import PromptVersion
from triops.lenses.llmops.prompts.tags import spec_in
from triops.ports.records import Records


@dataclass(frozen=True, slots=True)
class Whole:
    """A version with what it is made of in its place. `needs`: what each part is made of; none without tags."""

    version: PromptVersion
    needs: Mapping[Member, Sequence[Member]] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """Of the other prompts that it is made of."""
        return {part.name for parts in self.needs.values() for part in parts}


class Composing:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def whole(self, project: ProjectId, version: PromptVersion) -> Whole:
        """Raises: Invalid where it cannot be made, TooLarge."""
        if not is_composed(version.spec):
            return Whole(version)
        root = Member(version.prompt, version.version, version.spec)
        made = await self._records.read(lambda c: composed(root, finder(c, project)))
        return Whole(replace(version, spec=made.spec), made.needs)

    async def check(self, project: ProjectId, name: str, spec: PromptSpec) -> set[str]:
        """Before it is kept as a version of `name`; answers the names of what it is made of. Raises: as `whole`."""
        whole = await self.whole(project, PromptVersion(name, 0, spec, "", 0.0, ""))
        if whole.needs:
            PromptTemplate(whole.version.spec)
        return whole.names


def finder(connection: Connection, project: ProjectId) -> Find:
    def find(reference: Reference) -> Member | None:
        try:
            kept = reading.get_prompt(connection, project, reference.name)
            number = reference.version or numbered(kept, reference.label, None)
        except NotFound:
            return None
        found = find_version(connection, project, reference.name, number)
        return None if found is None else Member(found.name, found.version, spec_in(found.tags))

    return find

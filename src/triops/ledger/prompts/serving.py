"""What is served of a project's prompts, read for all of them at once: names, labels, and the content of versions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, exists, func, select, tuple_

from triops.kernel.ids import ProjectId
from triops.kernel.version import PROMPT_TAG
from triops.ledger.paging import chunks
from triops.ledger.prompts.reading import Labels
from triops.ledger.versions import tables

_M, _V, _T = tables.registered_models.c, tables.model_versions.c, tables.model_version_tags.c
_A, _S = tables.model_aliases.c, tables.prompt_shares.c
Numbered = tuple[str, int]  # a prompt's name and a version of it


@dataclass(frozen=True, slots=True)
class Served:
    """`newest`: its highest version, None where it has none."""

    name: str
    newest: int | None
    labels: Labels


def served_prompts(connection: Connection, project: ProjectId, most: int) -> tuple[Sequence[Served], int]:
    """At most `most`, that which changed last first, and how many there are."""
    tag = tables.registered_model_tags.c
    said = exists().where(tag.project == _M.project, tag.name == _M.name, tag.key == PROMPT_TAG, tag.value == "true")
    prompts = select(_M.name).where(_M.project == project, said)
    names = connection.execute(prompts.order_by(_M.updated_ms.desc(), _M.name).limit(most + 1)).scalars().all()
    count = len(names)
    if count > most:
        count = connection.execute(select(func.count()).select_from(prompts.subquery())).scalar_one()
        names = names[:most]
    versions = select(_V.name, func.max(_V.version)).where(_V.project == project).group_by(_V.name)
    newest = dict(connection.execute(versions).all())
    labels: dict[str, dict[str, dict[int, int]]] = {}
    aliases = select(_A.name, _A.alias, _A.version).where(_A.project == project).order_by(_A.alias)
    for name, alias, version in connection.execute(aliases):
        labels.setdefault(name, {})[alias] = {version: 100}
    shares = select(_S.name, _S.alias, _S.version, _S.percent).where(_S.project == project).order_by(_S.version)
    shared: dict[tuple[str, str], dict[int, int]] = {}
    for name, alias, version, percent in connection.execute(shares):
        shared.setdefault((name, alias), {})[version] = percent
    for (name, alias), share in shared.items():
        if alias in labels.get(name, ()):
            labels[name][alias] = share
    return [Served(name, newest.get(name), labels.get(name, {})) for name in names], count


def contents(
    connection: Connection, project: ProjectId, wanted: Sequence[Numbered], keys: Sequence[str]
) -> Iterator[tuple[Numbered, Mapping[str, str]]]:
    """Of those that there are, in their order, the tags under `keys`; read by the few hundred as they are asked for."""
    of_version = and_(_T.project == _V.project, _T.name == _V.name, _T.version == _V.version, _T.key.in_(keys))
    joined = tables.model_versions.outerjoin(tables.model_version_tags, of_version)
    columns = select(_V.name, _V.version, _T.key, _T.value).select_from(joined).where(_V.project == project)
    for some in chunks(wanted):
        found: dict[Numbered, dict[str, str]] = {}
        for name, version, key, value in connection.execute(columns.where(tuple_(_V.name, _V.version).in_(some))):
            tags = found.setdefault((name, version), {})
            if key is not None:
                tags[key] = value
        yield from ((one, found[one]) for one in some if one in found)

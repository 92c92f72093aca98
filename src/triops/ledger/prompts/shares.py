"""Labels that share their traffic among versions, in a transaction. `versions.point_alias` ends a share."""

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from triops.kernel.ids import ProjectId
from triops.kernel.prompts.sharing import Share, main_version
from triops.ledger.paging import chunks
from triops.ledger.versions import tables
from triops.ledger.versions.versions import alias_at, point_alias

_S = tables.prompt_shares.c


def share_at(connection: Connection, project: ProjectId, name: str, label: str) -> dict[int, int]:
    """What a label stands for now, `{version: percent}`; {} where it is on nothing."""
    shared = shares_of(connection, project, [name]).get(name, {}).get(label)
    if shared:
        return shared
    version = alias_at(connection, project, name, label)
    return {version: 100} if version is not None else {}


def shares_of(connection: Connection, project: ProjectId, names: Sequence[str]) -> dict[str, dict[str, dict[int, int]]]:
    """Of each prompt the labels that stand for several versions: `{name: {label: {version: percent}}}`."""
    found: dict[str, dict[str, dict[int, int]]] = {}
    for some in chunks(names):
        statement = (
            select(_S.name, _S.alias, _S.version, _S.percent)
            .where(_S.project == project, _S.name.in_(some))
            .order_by(_S.name, _S.alias, _S.version)
        )
        for row in connection.execute(statement):
            found.setdefault(row.name, {}).setdefault(row.alias, {})[row.version] = row.percent
    return found


def point_label(connection: Connection, project: ProjectId, name: str, label: str, share: Share) -> None:
    """{} removes it. Of a share, the alias is on the version with the most traffic."""
    point_alias(connection, project, name, label, main_version(share) if share else None)
    if len(share) > 1:
        here = {"project": project, "name": name, "alias": label}
        rows = [{**here, "version": version, "percent": percent} for version, percent in share.items()]
        connection.execute(insert(tables.prompt_shares), rows)

"""Which series there are: selectors and labels over the small `series` and `resources` tables."""
# ruff: noqa: S608 (only our own catalog and column names are put into statements; every value is a parameter)

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from triops.adapters.embedded.engine import Connection
from triops.adapters.embedded.relation import union
from triops.kernel.loading import loads_object
from triops.kernel.selector import Selector, aliases, find_label
from triops.ports.metrics import SeriesInfo

_SERIES = "SELECT id, resource, name, labels, type, unit FROM {day}.series WHERE project = $project"
_RESOURCES = "SELECT fingerprint, attributes FROM {day}.resources WHERE project = $project"
_NAMES = "SELECT DISTINCT name, unit, type FROM {day}.series WHERE project = $project"


def matching(
    connection: Connection, names: Sequence[str], project: int, selector: Selector | None, limit: int
) -> list[SeriesInfo]:
    """Ordered by name and labels."""
    values: dict[str, Any] = {"project": project}
    named = _SERIES
    if selector is not None and selector.name is not None:
        # Few names answer to an alias, and their series are found without reading the labels of all others.
        kinds = connection.execute(f"SELECT DISTINCT * FROM {union(names, _NAMES)}", values).fetchall()
        values["names"] = [name for name, unit, type_ in kinds if selector.name in aliases(name, unit, type_)]
        named += " AND name IN (SELECT unnest($names::VARCHAR[]))"
    rows = connection.execute(f"SELECT DISTINCT ON (id) * FROM {union(names, named)} ORDER BY id", values).fetchall()
    resources = _resources(connection, names, project)
    found = []
    for id_, resource, name, labels, type_, unit in sorted(rows, key=lambda row: (row[2], row[3])):
        of_resource = resources.get(resource, {})
        merged = {**of_resource, **as_text(loads_object(labels))}
        if selector is None or selector.matches(name, unit, type_, merged):
            found.append(SeriesInfo(id_, name, type_, unit, merged, of_resource))
            if len(found) == limit:
                break
    return found


def label_values(connection: Connection, names: Sequence[str], project: int, label: str, limit: int) -> list[str]:
    if label == "__name__":
        rows = connection.execute(
            f"SELECT DISTINCT name FROM {union(names, _NAMES)} ORDER BY name LIMIT {limit}", {"project": project}
        ).fetchall()
        return [row[0] for row in rows]
    rows = connection.execute(
        f"SELECT DISTINCT labels, resource FROM {union(names, _SERIES)}", {"project": project}
    ).fetchall()
    resources = _resources(connection, names, project)
    found = {
        find_label({**resources.get(resource, {}), **as_text(loads_object(labels))}, label) for labels, resource in rows
    }
    return sorted(found - {""})[:limit]


def _resources(connection: Connection, names: Sequence[str], project: int) -> dict[int, dict[str, str]]:
    rows = connection.execute(f"SELECT DISTINCT * FROM {union(names, _RESOURCES)}", {"project": project}).fetchall()
    return {fingerprint: as_text(loads_object(attributes)) for fingerprint, attributes in rows}


def as_text(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Every value as text: JSON for what is not a text already."""
    return {k: v if isinstance(v, str) else orjson.dumps(v).decode() for k, v in attributes.items()}

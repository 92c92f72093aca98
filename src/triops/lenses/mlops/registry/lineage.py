"""The lineage of a version: data sets → run → logged model → version → aliases."""

from dataclasses import dataclass

from sqlalchemy import Connection

from triops.kernel.entity import Entity
from triops.kernel.ids import ProjectId
from triops.ledger.entities import observe
from triops.ledger.versions.live import named_models
from triops.lenses.mlops.registry.origins import Origins
from triops.lenses.mlops.registry.service import Registry
from triops.ports.records import Records

_DATA = 100


@dataclass(frozen=True, slots=True)
class Node:
    """`link`: where a page shows it, below `/ui`; "" where none does."""

    id: str
    type: str
    name: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    source: str
    kind: str
    target: str


@dataclass(frozen=True, slots=True)
class Graph:
    nodes: list[Node]
    edges: list[Edge]


class Lineage:
    def __init__(self, records: Records, origins: Origins, registry: Registry) -> None:
        self._records = records
        self._origins = origins
        self._registry = registry

    async def of(self, project: ProjectId, name: str, number: str) -> Graph:
        """At most 100 data sets. Raises: Invalid, NotFound."""
        version = await self._registry.version(project, name, number)
        run = await self._origins.run(project, version.run) if version.run else None
        model = await self._origins.logged_model(project, version.model_id) if version.model_id else None
        type_ = "prompt" if version.is_prompt else "model"
        own = Node(f"{type_}:{name}/{version.version}", "version", f"{name} v{version.version}", f"/models/{name}")
        graph = Graph([], [])
        if run is not None:
            made = Node(f"run:{run.id}", "run", run.name, f"/runs/{run.id}")
            for data in run.data[:_DATA]:
                read = Node(f"dataset:{data.name}:{data.digest}", "dataset", f"{data.name} ({data.digest})")
                graph.nodes.append(read)
                graph.edges.append(Edge(read.id, data.context or "input", made.id))
            graph.nodes.append(made)
        before = f"run:{run.id}" if run is not None else ""
        if model is not None:
            logged = Node(f"logged_model:{model.id}", "logged_model", model.name)
            graph.nodes.append(logged)
            if before:
                graph.edges.append(Edge(before, "logged", logged.id))
            before = logged.id
        graph.nodes.append(own)
        if before:
            graph.edges.append(Edge(before, "registered", own.id))
        for alias in version.aliases:
            graph.nodes.append(Node(f"alias:{name}@{alias}", "alias", alias, f"/models/{name}"))
            graph.edges.append(Edge(own.id, "alias", f"alias:{name}@{alias}"))
        return graph

    async def observe(self, now: float) -> None:
        """A job's tick: a model with an alias is live, however long ago it last changed, and stays in the graph."""

        def write(connection: Connection) -> None:
            for project, models in named_models(connection).items():
                observe(connection, project, [Entity(type_, name, now, now) for type_, name in models])

        await self._records.write(write)

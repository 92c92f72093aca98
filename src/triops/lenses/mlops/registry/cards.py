"""Model cards: one a version, generated from what is known of it until somebody writes it."""

from collections.abc import Iterable, Mapping, Sequence

from triops.kernel.clock import rfc3339
from triops.kernel.ids import ProjectId
from triops.kernel.tenant import Principal
from triops.kernel.version import ModelVersion
from triops.ledger.audit import AuditEntry, record_audit
from triops.ledger.versions import versions
from triops.ledger.versions.cards import Card, drop_card, find_card, put_card
from triops.lenses.mlops.registry.description import Description, ReadFile, described
from triops.lenses.mlops.registry.names import bounded
from triops.lenses.mlops.registry.origins import ModelOrigin, Origins, RunOrigin
from triops.lenses.mlops.registry.service import Registry
from triops.lenses.mlops.registry.telling import Teller, Telling
from triops.ports.records import Records

_TEXT = 200_000
_ROWS = 200
_HIDDEN = ("mlflow.", "_mlflow")


class Cards:
    def __init__(
        self, records: Records, teller: Teller, origins: Origins, registry: Registry, read_file: ReadFile
    ) -> None:
        self._records = records
        self._teller = teller
        self._origins = origins
        self._registry = registry
        self._read_file = read_file

    async def get(self, project: ProjectId, name: str, number: str) -> Card:
        """Raises: Invalid, NotFound."""
        version = await self._registry.version(project, name, number)
        written = await self._records.read(lambda c: find_card(c, project, name, version.version))
        return written or Card(await self._generated(project, version), True)

    async def write(self, who: Principal, name: str, number: str, text: str) -> Card:
        """An empty text gives the card back to the generator. Raises: Invalid, NotFound."""
        bounded("text", text, _TEXT)
        version = await self._registry.version(who.project, name, number)

        def write(telling: Telling) -> None:
            connection, project = telling.connection, telling.project
            versions.need_version(connection, project, name, version.version)
            if text.strip():
                put_card(connection, project, name, version.version, Card(text, False, who.name, telling.now))
            else:
                drop_card(connection, project, name, version.version)
            entry = AuditEntry(telling.now, who.name, "model.card", f"{name}/{version.version}")
            record_audit(connection, project, entry)

        await self._teller.write(who.project, write)
        return await self.get(who.project, name, number)

    async def _generated(self, project: ProjectId, version: ModelVersion) -> str:
        run = await self._origins.run(project, version.run) if version.run else None
        model = await self._origins.logged_model(project, version.model_id) if version.model_id else None
        location = model.artifact_location if model is not None else version.storage
        if location.startswith("runs:/") and run is not None:
            location = "/".join([run.artifact_uri, *location.split("/")[2:]])
        said = Description() if version.is_prompt else await described(self._read_file, project, location)
        return card_text(version, run, model, said)


def card_text(version: ModelVersion, run: RunOrigin | None, model: ModelOrigin | None, said: Description) -> str:
    """Markdown. Parts that nothing is known of are left out."""
    parts = [f"# {_plain(version.name)}, version {version.version}"]
    if version.description:
        parts.append(version.description)
    facts = [
        ("Registered", f"{rfc3339(version.created_ms / 1000)} by {version.user or 'nobody known'}"),
        ("Aliases", ", ".join(version.aliases)),
        ("Stage", version.stage if version.stage != "None" else ""),
        ("Source", version.source),
        ("Flavours", ", ".join(said.flavours)),
        ("Type", model.model_type if model is not None else ""),
    ]
    parts.append("\n".join(f"- **{label}**: {_plain(text)}" for label, text in facts if text))
    text = version.tags.get("mlflow.prompt.text")
    if text is not None:
        parts.append("## Prompt\n\n" + "\n".join(f"    {line}" for line in text.splitlines()))
    metrics = {**(run.metrics if run is not None else {}), **(model.metrics if model is not None else {})}
    parts += _table("Metrics", ("metric", "value"), ((key, f"{value:.6g}") for key, value in sorted(metrics.items())))
    params = {**(run.params if run is not None else {}), **(model.params if model is not None else {})}
    parts += _table("Parameters", ("parameter", "value"), sorted(params.items()))
    if run is not None:
        rows = ((data.name, data.digest, data.context) for data in run.data)
        parts += _table("Data", ("data set", "digest", "used for"), rows)
    parts += _table("Inputs", ("name", "type"), said.inputs)
    parts += _table("Outputs", ("name", "type"), said.outputs)
    parts += _table("Tags", ("tag", "value"), sorted(_shown(version.tags).items()))
    if run is not None:
        made = [f"Run {_plain(run.name)} (`{run.id}`) of experiment {run.experiment}"]
        made += [f"by {_plain(run.user)}"] if run.user else []
        made += [f"from commit `{run.tags[key]}`" for key in ("mlflow.source.git.commit",) if key in run.tags]
        parts.append("## Lineage\n\n" + ", ".join(made) + ".")
    return "\n\n".join(parts) + "\n"


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(_plain(cell) for cell in row) + " |" for row in rows]
    if not lines:
        return []
    head = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    more = [f"\n… and {len(lines) - _ROWS} more."] if len(lines) > _ROWS else []
    return ["\n".join([f"## {title}\n", *head, *lines[:_ROWS], *more])]


def _shown(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if not key.startswith(_HIDDEN)}


def _plain(text: str) -> str:
    """In one line, cut, and not read as Markdown's or HTML's own signs."""
    line = " ".join(text.split())
    line = line if len(line) <= 300 else line[:297] + "..."
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in line)

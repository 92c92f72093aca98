"""Which models are in use: those that an alias is on."""

from sqlalchemy import Connection, exists, select

from triops.kernel.ids import ProjectId
from triops.kernel.version import PROMPT_TAG
from triops.ledger.versions import tables

_A = tables.model_aliases.c
_T = tables.registered_model_tags.c
_MODELS = 20_000


def named_models(connection: Connection) -> dict[ProjectId, list[tuple[str, str]]]:
    """Type (model, prompt) and name of each model with an alias, by project; at most 20,000 in all."""
    said = exists().where(_T.project == _A.project, _T.name == _A.name, _T.key == PROMPT_TAG, _T.value == "true")
    statement = select(_A.project, _A.name, said.label("prompt")).distinct().limit(_MODELS)
    found: dict[ProjectId, list[tuple[str, str]]] = {}
    for row in connection.execute(statement):
        found.setdefault(ProjectId(row.project), []).append(("prompt" if row.prompt else "model", row.name))
    return found

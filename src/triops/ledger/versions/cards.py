"""Model cards that somebody wrote; what nobody wrote is generated when it is asked for."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from triops.kernel.ids import ProjectId
from triops.ledger.versions import tables
from triops.ledger.versions.upsert import put

_C = tables.model_cards.c


@dataclass(frozen=True, slots=True)
class Card:
    text: str  # Markdown
    generated: bool
    edited_by: str = ""
    edited_at: float | None = None


def find_card(connection: Connection, project: ProjectId, name: str, version: int) -> Card | None:
    statement = select(tables.model_cards).where(_C.project == project, _C.name == name, _C.version == version)
    row = connection.execute(statement).one_or_none()
    return Card(row.text, False, row.edited_by, row.edited_at) if row is not None else None


def put_card(connection: Connection, project: ProjectId, name: str, version: int, card: Card) -> None:
    row = {"project": project, "name": name, "version": version}
    put(
        connection,
        tables.model_cards,
        {**row, "text": card.text, "edited_by": card.edited_by, "edited_at": card.edited_at},
    )


def drop_card(connection: Connection, project: ProjectId, name: str, version: int) -> None:
    here = (_C.project == project, _C.name == name, _C.version == version)
    connection.execute(delete(tables.model_cards).where(*here))

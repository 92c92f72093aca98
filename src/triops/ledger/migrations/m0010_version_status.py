"""Versions that are not ready: a registration that is pending or failed elsewhere, and came along as such."""

from sqlalchemy import Connection, text


def apply(connection: Connection) -> None:
    for column in ("status TEXT NOT NULL DEFAULT 'READY'", "status_message TEXT NOT NULL DEFAULT ''"):
        connection.execute(text(f"ALTER TABLE model_versions ADD COLUMN {column}"))

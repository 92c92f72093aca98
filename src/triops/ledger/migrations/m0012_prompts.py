"""Prompts as they were first released: shares of a label's traffic, and comments. (Their versions are the book's.)"""

from sqlalchemy import BigInteger, Column, Connection, Double, Index, Integer, MetaData, SmallInteger, Table, Text


def apply(connection: Connection) -> None:
    prompts = MetaData()

    def text(name: str, *, key: bool = False) -> Column[str]:
        return Column(name, Text, nullable=False, primary_key=key)

    Table(
        "prompt_shares",
        prompts,
        text("project", key=True),
        text("name", key=True),
        text("alias", key=True),
        Column("version", Integer, nullable=False, primary_key=True, autoincrement=False),
        Column("percent", SmallInteger, nullable=False),
    )
    comments = Table(
        "prompt_comments",
        prompts,
        Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        text("project"),
        text("name"),
        Column("version", Integer, nullable=False),
        Column("at", Double, nullable=False),
        text("who"),
        text("text"),
    )
    Index("prompt_comments_of", comments.c.project, comments.c.name, comments.c.seq)
    prompts.create_all(connection)

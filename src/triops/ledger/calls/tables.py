"""The tables of calls. How they came to be is in `migrations/`. SQLite and PostgreSQL alike speak what is here.

An amount of money is two columns: whole micro-dollars and the pico-dollars that are left, so that no sum leaves 64
bits. Sums are kept by hour and by day (`span` is 3600 or 86400 seconds, `start` unix seconds) as calls are applied, at
three levels of detail: users multiply every other dimension, so what does not ask for users need not read them.
"""

from typing import Any, Final

from sqlalchemy import BigInteger, Column, Double, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()
_CLUSTERED: Any = {"sqlite_with_rowid": False}  # rows lie in the order of their key: one tree instead of two

HOUR: Final = 3600
DAY: Final = 86_400
TEXTS: Final = ("key", "application", "team", "user", "route", "provider", "model", "prompt")
WHAT: Final = 0  # all dimensions but the user
WHO: Final = 1  # key, application, team and user
ALL: Final = 2
WHO_NAMES: Final = ("key", "application", "team", "user")
COUNTS: Final = (
    "requests",  # 1 on the last attempt's row of each call
    "refused",  # calls that were refused before anyone was asked
    "attempts",  # 1 where a provider was asked
    "errors",  # calls that failed; a caller who went away is none
    "failed",  # attempts that failed
    "hits",  # calls that the cache answered
    "estimated",  # attempts whose tokens were counted by ourselves
    "unpriced",  # attempts without a price
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cache_write_tokens",
)
MONEY: Final = ("cost", "estimated", "saved")
MEASURES: Final = (*COUNTS, *(f"{name}_{part}" for name in MONEY for part in ("micro", "pico")))


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=False, **options)


def _whole(name: str, **options: Any) -> Column[int]:
    return Column(name, BigInteger, nullable=False, **options)


def _measures() -> list[Column[int]]:
    return [_whole(name) for name in MEASURES]


dims = Table(
    "spend_dims",
    metadata,
    Column("no", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    _text("project"),
    _text("digest"),  # of what follows; unique in the project
    *(_text(name) for name in TEXTS),
    _whole("prompt_version"),
)

calls = Table(
    "spend_calls",
    metadata,
    _whole("seq", primary_key=True, autoincrement=False),  # of the call's outcome in the journal
    _whole("attempt", primary_key=True, autoincrement=False),
    _text("project"),
    _whole("dims"),
    _whole("at_ms"),  # when the call began
    *_measures(),
    **_CLUSTERED,
)

sums = Table(
    "spend_sums",
    metadata,
    _text("project", primary_key=True),
    _whole("level", primary_key=True),
    _whole("span", primary_key=True),
    _whole("start", primary_key=True),
    _whole("dims", primary_key=True),
    *_measures(),
    **_CLUSTERED,
)

# `journal`: how far it is applied. `calls`: `applied` is from when on (unix milliseconds, a whole hour) each is kept.
position = Table(
    "spend_position", metadata, _text("name", primary_key=True), _whole("applied"), _whole("open_from"), _whole("noted")
)

gateway_keys = Table(
    "gateway_keys",
    metadata,
    _text("project", primary_key=True),
    _text("id", primary_key=True),
    _text("key"),  # the name of its Key document
    _text("hint"),
    _text("hash", unique=True),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=True),
    Column("revoked_at", Double, nullable=True),
)

credentials = Table(
    "gateway_credentials",
    metadata,
    _text("project", primary_key=True),
    _text("provider", primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("updated_at", Double, nullable=False),
    _text("updated_by"),
)

"""The composition root: settings -> adapters -> services -> loop -> edges. The only module that knows them all.

Read `compose` from top to bottom to see what Triops is made of, and `_jobs` for everything that runs by itself.
"""

from pathlib import Path

from triops.adapters.embedded.records import SqliteRecords
from triops.ledger.migrations import MIGRATIONS


def open_records(data: Path) -> SqliteRecords:
    """The records of a data folder, not yet started."""
    data.mkdir(parents=True, exist_ok=True)
    return SqliteRecords(data / "records.sqlite", MIGRATIONS)


@dataclass
class Triops:
    """The composed application. `start` and `close` are the parts' life, in order; both are safe twice."""

    settings: Settings
    clock: Clock
    asgi: ASGIApp
    http_protocol: type[asyncio.Protocol]
    _parts: "_Parts"
    _started: list[Any] = field(default_factory=list)

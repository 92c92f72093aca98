"""Planned work: while it lasts, anomalies of what it covers are kept but open no incident."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from triops.kernel.clock import parse_time
from triops.kernel.document import Document
from triops.kernel.errors import Invalid
from triops.kernel.ids import EntityId
from triops.loop.documents import Kind

SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "A window in which the named entities open no incident.",
    "required": ["entities", "start", "end"],
    "additionalProperties": False,
    "properties": {
        "entities": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1000,
            "items": {"type": "string", "minLength": 1, "maxLength": 300},
            "description": "Entity ids, or globs over them: service:pricing, host:*",
        },
        "start": {"type": ["string", "number"], "description": "RFC 3339 or unix seconds"},
        "end": {"type": ["string", "number"], "description": "RFC 3339 or unix seconds"},
        "reason": {"type": "string", "maxLength": 500, "description": "For people."},
    },
}


@dataclass(frozen=True, slots=True)
class Window:
    """`entities` are ids or globs; it lasts from `start` to before `end`, unix seconds."""

    name: str
    entities: tuple[str, ...]
    start: float
    end: float

    def covers(self, entity: EntityId, at: float) -> bool:
        return self.start <= at < self.end and any(fnmatchcase(entity, pattern) for pattern in self.entities)


def window_of(document: Document) -> Window:
    """Raises: Invalid for times that are none, or an end that is not after the start."""
    spec = document.spec
    start = parse_time(str(spec["start"]), field="spec.start")
    end = parse_time(str(spec["end"]), field="spec.end")
    if end <= start:
        raise Invalid("a window ends after it starts", field="spec.end", got=spec["end"], expected="a later time")
    return Window(document.name, tuple(spec["entities"]), start, end)


def windows_of(documents: Sequence[Document], now: float) -> list[Window]:
    """Those that last now."""
    windows = [window_of(document) for document in documents if document.kind == "Maintenance"]
    return [window for window in windows if window.start <= now < window.end]


def maintenance_kind() -> Kind:
    return Kind("Maintenance", SCHEMA, _check)


def _check(document: Document) -> None:
    window_of(document)

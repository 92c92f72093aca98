"""Configuration as code: what `triops apply` takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Document:
    """`kind` is Policy, Runbook, Notifier, Maintenance, ...; `spec` has passed the kind's JSON Schema."""

    kind: str
    name: str
    spec: Mapping[str, Any]
    revision: int = 1
    updated_at: float = 0.0
    updated_by: str = ""


Specs = Mapping[str, Mapping[str, Any]]  # of a project's documents of one kind, by name

"""The model of names takes a moment to load: before the first call that is guarded, not while it waits."""

from collections.abc import Iterable, Mapping
from typing import Any

from triops.lenses.llmops.guards.pii.detector import needs_model, shipped


def looks_for_names(specs: Iterable[Mapping[str, Any]]) -> bool:
    """Whether any of these `Guard` documents needs the model."""
    return any("pii" in spec and needs_model(spec["pii"].get("types") or ()) for spec in specs)


def warm() -> None:
    """Load it, once a process. From any thread."""
    shipped()

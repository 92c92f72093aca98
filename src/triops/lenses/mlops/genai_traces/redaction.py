"""What of a trace a project may not store goes before it is stored, whoever tells of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from triops.kernel.ids import ProjectId
from triops.kernel.trace import Trace
from triops.ledger.traces.contents import SAID


class Rule(Protocol):
    def attributes(self, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """What stays of a span's, or None where that is all."""
        ...

    def events(self, given: list[dict[str, Any]]) -> list[dict[str, Any]] | None: ...

    def text(self, text: str) -> str:
        """What stays of what people write of it."""
        ...

    def said(self, text: str) -> str:
        """What stays of a preview, or of what a status says."""
        ...


RuleOf = Callable[[ProjectId], Awaitable[Rule | None]]


def redacted(said: Trace, rule: Rule | None) -> Trace:
    """As a client, or another tracker, tells of a trace beside its spans."""
    if rule is None:
        return said
    return replace(
        said,
        metadata=redacted_metadata(said.metadata, rule),
        request_preview=said.request_preview and rule.said(said.request_preview),
        response_preview=said.response_preview and rule.said(said.response_preview),
    )


def redacted_metadata(metadata: Mapping[str, str], rule: Rule | None) -> dict[str, str]:
    """With what older clients put there of what was said."""
    return {key: rule.said(value) if rule is not None and key in SAID else value for key, value in metadata.items()}

"""Voices: how people hear of an incident. Delivery is retried by the loop; a notifier only tries once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Notice:
    """`id` is the same in every attempt for one transition of one incident, so that receivers can drop repeats."""

    id: str
    transition: str  # opened, escalated, acknowledged, mitigated, resolved, reopened
    at: float
    incident: Mapping[str, Any]  # as the API shows it
    link: str


class Notifier(Protocol):
    name: str  # the `type` in a Notifier document: webhook, slack, ...

    def check(self, spec: Mapping[str, Any]) -> None:
        """Raises: Invalid that names the field of a spec it cannot use."""
        ...

    async def send(self, spec: Mapping[str, Any], notice: Notice) -> str | None:
        """Try once, within 10 s; None when delivered, else why not, in one line without secrets."""
        ...

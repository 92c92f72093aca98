"""What a guard finds, and what it says of a request or an answer. Never the text found."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

Act = Literal["block", "redact", "flag"]
STRENGTH: Mapping[str, int] = {"flag": 0, "redact": 1, "block": 2}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` of a text are of this type (`EMAIL_ADDRESS`)."""

    start: int
    end: int
    type: str


@dataclass(frozen=True, slots=True)
class Finding:
    """`rule`: guard and part of it (`strict.pii`). `where`: `input` or `output`. `action`: what was done of it."""

    rule: str
    type: str
    where: str
    action: Act
    count: int = 1

    def as_json(self) -> dict[str, Any]:
        """As calls are recorded."""
        return {"rule": self.rule, "type": self.type, "where": self.where, "action": self.action, "count": self.count}


@dataclass(frozen=True, slots=True)
class Verdict(Generic[T]):
    """`content`: what was judged, with what must not pass replaced; the very object where nothing was. `blocked`: the
    finding that forbids it to go on, or None."""

    content: T
    findings: tuple[Finding, ...] = ()
    blocked: Finding | None = None


def summed(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding each of (rule, type, where, action), with their counts."""
    counts: dict[tuple[str, str, str, Act], int] = {}
    for finding in findings:
        key = (finding.rule, finding.type, finding.where, finding.action)
        counts[key] = counts.get(key, 0) + finding.count
    return tuple(Finding(*key, count) for key, count in counts.items())

"""Stands here until the slice of limits and budgets is merged."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Most:
    input_tokens: int
    output_tokens: int | None
    pico: int | None


class Ticket:
    cap: int | None = None

    def settle(self, tokens: int, pico: int, now: float) -> None: ...

    def release(self) -> None: ...


class Admission:
    def admit(self, *arguments: Any) -> Ticket:
        return Ticket()

    def applied(self, *arguments: Any) -> None: ...

"""Hands: how an effect reaches the outside world. Only `loop/act.py` calls one.

An actuator validates its own spec, says in words what it would do (`plan`, without doing it), and does it once within
its own time limit. It never retries (the effect may not be idempotent) and never uses a shell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from triops.kernel.ids import ProjectId


@dataclass(frozen=True, slots=True)
class Outcome:
    ok: bool
    text: str  # exit status and output's tail, or status code; at most 4 kB, secrets masked


class Actuator(Protocol):
    name: str

    def check(self, spec: Mapping[str, Any]) -> None:
        """Raises: Invalid that names the field of a spec it would not run; Forbidden when settings do not allow it."""
        ...

    def plan(self, spec: Mapping[str, Any]) -> str:
        """One line: what `run` would do."""
        ...

    async def run(self, project: ProjectId, spec: Mapping[str, Any]) -> Outcome:
        """Do it, for a project: what is Triops' own is that project's. A failure is an Outcome, not an exception."""
        ...

"""Who asks, for which project, and what they may do."""

import re
from dataclasses import dataclass
from enum import StrEnum

from triops.kernel.errors import Invalid
from triops.kernel.ids import KeyId, ProjectId

SESSION_COOKIE = "triops_session"  # of the UI; its value is an API key
DEFAULT_PROJECT = ProjectId("default")
_PROJECT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Role(StrEnum):
    """`ingest` may only send; `viewer` may only read; `editor` both, and change; `admin` also keys and settings."""

    INGEST = "ingest"
    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"


class Right(StrEnum):
    SEND = "send"
    READ = "read"
    WRITE = "write"
    ADMINISTER = "administer"


_RIGHTS = {
    Role.INGEST: frozenset({Right.SEND}),
    Role.VIEWER: frozenset({Right.READ}),
    Role.EDITOR: frozenset({Right.SEND, Right.READ, Right.WRITE}),
    Role.ADMIN: frozenset(Right),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of a key, or the local user when the server listens on loopback without keys."""

    project: ProjectId
    role: Role
    name: str
    key_id: KeyId | None = None

    def may(self, right: Right) -> bool:
        return right in _RIGHTS[self.role]


def project_id(name: str) -> ProjectId:
    """Raises: Invalid unless `name` is 1 to 63 of a-z, 0-9 and inner hyphens (a DNS label, RFC 1123)."""
    if not _PROJECT.fullmatch(name):
        raise Invalid("a project name is 1 to 63 of a-z, 0-9 and inner hyphens", field="project", got=name)
    return ProjectId(name)

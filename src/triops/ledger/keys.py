"""The book of API keys. A secret is shown once, when it is made; only a hash of it is stored."""

from collections.abc import Sequence
from dataclasses import dataclass

from triops.kernel.ids import KeyId, ProjectId
from triops.kernel.tenant import Principal, Role
from triops.ports.records import Records


@dataclass(frozen=True, slots=True)
class Key:
    id: KeyId
    project: ProjectId
    role: Role
    name: str
    hint: str  # the last four characters
    created_at: float
    revoked_at: float | None = None
    expires_at: float | None = None


class Keys:
    """Secrets look like `tri_<43 characters>`: 256 random bits, stored as SHA-256 (they need no slow hash)."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def create(
        self, project: ProjectId, role: Role, name: str, at: float, expires_at: float | None = None
    ) -> tuple[Key, str]:
        """Answers the key and its secret. Raises: Invalid name (1 to 64 printable characters), Conflict when taken."""
        raise NotImplementedError

    async def authenticate(self, secret: str, at: float) -> Principal:
        """Raises: Unauthenticated. Served from a cache of at most 10,000 entries that revocation empties."""
        raise NotImplementedError

    async def revoke(self, project: ProjectId, id: KeyId, at: float) -> None:
        """Raises: NotFound."""
        raise NotImplementedError

    async def list(self, project: ProjectId) -> Sequence[Key]:
        raise NotImplementedError

    async def any(self) -> bool:
        """Whether a live admin key exists in any project: the condition for listening beyond loopback."""
        raise NotImplementedError

    async def projects(self) -> Sequence[ProjectId]:
        """Projects that have a key, and `default`."""
        raise NotImplementedError

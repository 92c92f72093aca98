"""The book of providers' credentials: sealed, bound to their project and provider, and never given to an API."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, select

from triops.kernel.errors import Invalid, NotFound
from triops.kernel.ids import ProjectId
from triops.ledger.calls import tables
from triops.ledger.versions.upsert import put
from triops.ports.records import Records
from triops.ports.sealing import Sealing

_C = tables.credentials.c
_LONGEST = 8192


class Credentials:
    def __init__(self, records: Records, sealing: Sealing) -> None:
        self._records = records
        self._sealing = sealing
        self._version = 0

    @property
    def version(self) -> int:
        """Rises whenever a credential was set or deleted. (One process writes the books.)"""
        return self._version

    async def set(self, project: ProjectId, provider: str, secret: str, at: float, by: str) -> None:
        """In place of an earlier one. Raises: Invalid; Unavailable without a key to seal with."""
        if not 1 <= len(secret) <= _LONGEST or not secret.isascii() or not secret.isprintable() or " " in secret:
            expected = f"1 to {_LONGEST} printable ASCII characters without spaces"
            raise Invalid("not a credential", field="secret", expected=expected)
        sealed = self._sealing.seal(secret, _bound(project, provider))
        row = {"project": project, "provider": provider, "sealed": sealed, "updated_at": at, "updated_by": by}
        await self._records.write(lambda c: put(c, tables.credentials, row))
        self._version += 1

    async def delete(self, project: ProjectId, provider: str) -> None:
        """Raises: NotFound."""
        here = delete(tables.credentials).where(_C.project == project, _C.provider == provider)
        if not await self._records.write(lambda c: c.execute(here).rowcount):
            raise NotFound(f"no credential is stored for provider {provider}")
        self._version += 1

    async def names(self, project: ProjectId) -> Sequence[str]:
        """The providers that have one."""
        asked = select(_C.provider).where(_C.project == project).order_by(_C.provider)
        return await self._records.read(lambda c: c.scalars(asked).all())

    def opened(self, connection: Connection) -> tuple[Mapping[ProjectId, Mapping[str, str]], Mapping[ProjectId, str]]:
        """Of every project: provider → secret, for the gateway's process alone; and, of projects where one does not
        open, why."""
        found: dict[ProjectId, dict[str, str]] = {}
        problems: dict[ProjectId, str] = {}
        for project, provider, sealed in connection.execute(select(_C.project, _C.provider, _C.sealed)):
            try:
                found.setdefault(project, {})[provider] = self._sealing.open(sealed, _bound(project, provider))
            except Exception as error:  # one that does not open must not keep the others from serving
                problems[project] = f"the credential of provider {provider} does not open: {error}"
        return found, problems


def _bound(project: ProjectId, provider: str) -> str:
    return f"{project}|{provider}"

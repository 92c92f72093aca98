"""The book of gateway keys: the secrets that applications send. A secret is shown once, when it is made; only a hash of
it is stored. What a key may do is said by its Key document, of which there may be several secrets (rotation)."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from triops.kernel.errors import Invalid, NotFound, TooLarge
from triops.kernel.ids import KeyId, ProjectId, sortable_id
from triops.ledger.calls import tables
from triops.ledger.paging import AnyRow
from triops.ports.records import Records

_K = tables.gateway_keys.c
_SECRETS = 10_000  # of one project that are live


@dataclass(frozen=True, slots=True)
class GatewayKey:
    """`key`: the name of its Key document."""

    id: KeyId
    project: ProjectId
    key: str
    hint: str  # the last four characters
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None


class GatewayKeys:
    """Secrets look like `trg_<43 characters>`: 256 random bits, stored as SHA-256 (they need no slow hash)."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._version = 0

    @property
    def version(self) -> int:
        """Rises whenever a secret was made or revoked. (One process writes the books.)"""
        return self._version

    async def create(
        self, project: ProjectId, key: str, at: float, expires_at: float | None = None
    ) -> tuple[GatewayKey, str]:
        """Answers the key and its secret. Raises: Invalid expiry; TooLarge over 10,000 live secrets."""
        if expires_at is not None and not expires_at > at:
            raise Invalid("the key would have expired already", field="expires_at", got=expires_at)
        secret = f"trg_{secrets.token_urlsafe(32)}"
        made = GatewayKey(KeyId(sortable_id("gk", at)), project, key, secret[-4:], at, expires_at)
        row = {
            "project": project,
            "id": made.id,
            "key": key,
            "hint": made.hint,
            "hash": hashlib.sha256(secret.encode()).hexdigest(),
            "created_at": at,
            "expires_at": expires_at,
        }
        live = select(func.count()).where(_K.project == project, _K.revoked_at.is_(None))

        def write(connection: Connection) -> None:
            if (connection.scalar(live) or 0) >= _SECRETS:
                raise TooLarge(f"a project has at most {_SECRETS} live gateway secrets: revoke some")
            connection.execute(insert(tables.gateway_keys), row)

        await self._records.write(write)
        self._version += 1
        return made, secret

    async def revoke(self, project: ProjectId, id: str, at: float) -> GatewayKey:
        """It stays in the list. Twice is once. Raises: NotFound."""
        here = (_K.project == project) & (_K.id == id)

        def write(connection: Connection) -> GatewayKey:
            connection.execute(update(tables.gateway_keys).where(here, _K.revoked_at.is_(None)).values(revoked_at=at))
            row = connection.execute(select(tables.gateway_keys).where(here)).one_or_none()
            if row is None:
                raise NotFound(f"no gateway key {id}")
            return _key(row)

        revoked = await self._records.write(write)
        self._version += 1
        return revoked

    async def list(self, project: ProjectId) -> Sequence[GatewayKey]:
        """Newest first, the revoked among them; at most 10,000."""
        asked = select(tables.gateway_keys).where(_K.project == project)
        asked = asked.order_by(_K.created_at.desc(), _K.id.desc()).limit(_SECRETS)
        rows = await self._records.read(lambda c: c.execute(asked).all())
        return [_key(row) for row in rows]


def live_secrets(connection: Connection, at: float) -> Mapping[ProjectId, Mapping[str, tuple[str, float | None]]]:
    """Of every project: hash → Key document's name and expiry."""
    live = select(_K.project, _K.hash, _K.key, _K.expires_at).where(
        _K.revoked_at.is_(None), _K.expires_at.is_(None) | (_K.expires_at > at)
    )
    found: dict[ProjectId, dict[str, tuple[str, float | None]]] = {}
    for project, digest, key, expires_at in connection.execute(live):
        found.setdefault(project, {})[digest] = (key, expires_at)
    return found


def _key(row: AnyRow) -> GatewayKey:
    return GatewayKey(
        KeyId(row.id), ProjectId(row.project), row.key, row.hint, row.created_at, row.expires_at, row.revoked_at
    )

"""The book of gateway keys: the secrets that applications send. A secret is shown once, when it is made; only a hash of
it is stored. What a key may do is said by its Key document, of which there may be several secrets (rotation)."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from triops.kernel.errors import Conflict, Invalid, NotFound, TooLarge
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
        made = await self._records.write(lambda c: _make(c, project, key, at, expires_at))
        self._version += 1
        return made

    async def rotate(
        self, project: ProjectId, id: str, at: float, ends_at: float, expires_at: float | None = None
    ) -> tuple[GatewayKey, GatewayKey, str]:
        """Another secret of the same key; the present one is good until `ends_at`, or its own end before that. Answers
        the present one as it is now, the new one, and its secret. Raises: NotFound; Conflict (it is not good any more);
        Invalid expiry; TooLarge."""
        here = (_K.project == project) & (_K.id == id)

        def write(connection: Connection) -> tuple[GatewayKey, GatewayKey, str]:
            row = connection.execute(select(tables.gateway_keys).where(here)).one_or_none()
            if row is None:
                raise NotFound(f"no gateway key {id[:200]}")
            old = _key(row)
            if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= at):
                raise Conflict("this secret is not good any more: make a new one")
            ends = ends_at if old.expires_at is None else min(old.expires_at, ends_at)
            change = {"revoked_at": at} if ends <= at else {"expires_at": ends}
            connection.execute(update(tables.gateway_keys).where(here).values(**change))
            changed = _key(connection.execute(select(tables.gateway_keys).where(here)).one())
            return (changed, *_make(connection, project, old.key, at, expires_at))

        rotated = await self._records.write(write)
        self._version += 1
        return rotated

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


def _make(
    connection: Connection, project: ProjectId, key: str, at: float, expires_at: float | None
) -> tuple[GatewayKey, str]:
    if expires_at is not None and not expires_at > at:
        raise Invalid("the key would have expired already", field="expires_at", got=expires_at)
    live = select(func.count()).where(_K.project == project, _K.revoked_at.is_(None))
    if (connection.scalar(live) or 0) >= _SECRETS:
        raise TooLarge(f"a project has at most {_SECRETS} live gateway secrets: revoke some")
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
    connection.execute(insert(tables.gateway_keys), row)
    return made, secret


def _key(row: AnyRow) -> GatewayKey:
    return GatewayKey(
        KeyId(row.id), ProjectId(row.project), row.key, row.hint, row.created_at, row.expires_at, row.revoked_at
    )

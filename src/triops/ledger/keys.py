"""The book of API keys. A secret is shown once, when it is made; only a hash of it is stored."""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, insert, select, update

from triops.kernel.errors import Invalid, NotFound, Unauthenticated
from triops.kernel.ids import KeyId, ProjectId, sortable_id
from triops.kernel.tenant import DEFAULT_PROJECT, Principal, Role
from triops.ledger import tables
from triops.ledger.paging import AnyRow
from triops.ports.records import Records

_K = tables.keys.c
_CACHED = 10_000
_FRESH_S = 60.0  # a cached key is read again after this, in case another process revoked it
_KEYS = 10_000  # of one list


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

    def live(self, at: float) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


class Keys:
    """Secrets look like `tri_<43 characters>`: 256 random bits, stored as SHA-256 (they need no slow hash)."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._cache: OrderedDict[str, tuple[Key, float]] = OrderedDict()  # hash -> key, when it was read
        self._revocations = 0
        self._made: bool | None = None  # not read yet
        self._changes = 0

    @property
    def changes(self) -> int:
        """Rises whenever a key was made or revoked. (One process writes the books.)"""
        return self._changes

    async def create(
        self, project: ProjectId, role: Role, name: str, at: float, expires_at: float | None = None
    ) -> tuple[Key, str]:
        """Answers the key and its secret. Raises: Invalid name (1 to 64 printable characters), Conflict when taken
        (by a key that is not revoked)."""
        if not 1 <= len(name) <= 64 or not name.isprintable() or name != name.strip():
            raise Invalid("not a key's name", field="name", got=name, expected="1 to 64 printable characters")
        if expires_at is not None and not expires_at > at:
            raise Invalid("the key would have expired already", field="expires_at", got=expires_at)
        secret = f"tri_{secrets.token_urlsafe(32)}"
        key = Key(KeyId(sortable_id("key", at)), project, role, name, secret[-4:], at, None, expires_at)
        row = {
            "project": project,
            "id": key.id,
            "name": name,
            "live_name": name,
            "role": role.value,
            "hint": key.hint,
            "hash": _hash(secret),
            "created_at": at,
            "expires_at": expires_at,
        }

        def write(connection: Connection) -> None:
            connection.execute(insert(tables.keys), row)

        await self._records.write(write)
        self._changes += 1
        if role is Role.ADMIN:
            self._made = True
        return key, secret

    async def authenticate(self, secret: str, at: float) -> Principal:
        """Raises: Unauthenticated. Served from a cache of at most 10,000 entries that revocation empties."""
        digest = _hash(secret)
        key, read_at = self._cache.get(digest, (None, 0.0))
        if key is None or not 0 <= at - read_at < _FRESH_S:
            key = await self._read(digest, at)
        if key is None or not key.live(at):
            raise Unauthenticated("no such key, or it is revoked or expired")
        return Principal(key.project, key.role, key.name, key.id)

    async def revoke(self, project: ProjectId, id: KeyId, at: float) -> None:
        """It stays in the list, and its name is free again. Twice is once. Raises: NotFound."""
        here = (_K.project == project) & (_K.id == id)

        def write(connection: Connection) -> None:
            row = connection.execute(select(_K.revoked_at).where(here).with_for_update()).one_or_none()
            if row is None:
                raise NotFound(f"no key {id}")
            if row.revoked_at is None:
                connection.execute(update(tables.keys).where(here).values(revoked_at=at, live_name=None))

        await self._records.write(write)
        self.forget()

    def forget(self) -> None:
        """Empty the cache: keys have gone by another way than `revoke` (a project was erased)."""
        self._revocations += 1
        self._changes += 1
        self._cache.clear()
        self._made = None

    async def list(self, project: ProjectId) -> Sequence[Key]:
        """Oldest first, the revoked among them; at most 10,000."""
        statement = select(tables.keys).where(_K.project == project).order_by(_K.created_at, _K.id).limit(_KEYS)
        rows = await self._records.read(lambda c: c.execute(statement).all())
        return [_key(row) for row in rows]

    async def any(self, at: float | None = None) -> bool:
        """Whether a live admin key exists in any project: the condition for listening beyond loopback. Without a time
        only keys that never expire count."""
        live: ColumnElement[bool] = _K.expires_at.is_(None)
        if at is not None:
            live = live | (_K.expires_at > at)
        statement = select(_K.id).where(_K.role == Role.ADMIN.value, _K.revoked_at.is_(None), live).limit(1)
        return await self._records.read(lambda c: c.scalar(statement)) is not None

    async def made(self) -> bool:
        """Whether an admin key was ever made, revoked and expired ones too: from then on no server on these records is
        open again. Remembered: no other process writes keys while this one runs."""
        if self._made is None:
            statement = select(_K.id).where(_K.role == Role.ADMIN.value).limit(1)
            self._made = await self._records.read(lambda c: c.scalar(statement)) is not None
        return self._made

    async def projects(self) -> Sequence[ProjectId]:
        """Projects that have a key, and `default`; sorted."""
        statement = select(_K.project).distinct()
        rows = await self._records.read(lambda c: c.scalars(statement).all())
        return sorted({DEFAULT_PROJECT, *(ProjectId(project) for project in rows)})

    async def _read(self, digest: str, at: float) -> Key | None:
        before = self._revocations
        statement = select(tables.keys).where(_K.hash == digest)
        row = await self._records.read(lambda c: c.execute(statement).one_or_none())
        if row is None:
            self._cache.pop(digest, None)
            return None
        key = _key(row)
        if self._revocations == before:  # else what was read may be of before a revocation
            self._cache[digest] = (key, at)
            self._cache.move_to_end(digest)
            if len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return key


def live_keys(connection: Connection, at: float) -> Mapping[str, Key]:
    """Of every project, by the secret's hash."""
    live = select(tables.keys).where(_K.revoked_at.is_(None), _K.expires_at.is_(None) | (_K.expires_at > at))
    return {row.hash: _key(row) for row in connection.execute(live)}


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _key(row: AnyRow) -> Key:
    return Key(
        KeyId(row.id),
        ProjectId(row.project),
        Role(row.role),
        row.name,
        row.hint,
        row.created_at,
        row.revoked_at,
        row.expires_at,
    )

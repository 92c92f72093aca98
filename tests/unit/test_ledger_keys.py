import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from triops.kernel.errors import Conflict, Invalid, NotFound, Unauthenticated
from triops.kernel.ids import KeyId, ProjectId
from triops.kernel.tenant import Principal, Role
from triops.ledger import tables
from triops.ledger.erase import erase_project
from triops.ledger.keys import Keys
from triops.ports.records import Records
from triops.testing.books import open_records

A, B = ProjectId("a"), ProjectId("b")


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    async with open_records(tmp_path) as opened:
        yield opened


async def test_a_key_opens_its_project_with_its_role(records: Records) -> None:
    book = Keys(records)
    key, secret = await book.create(A, Role.EDITOR, "ci", 1.0)
    assert re.fullmatch(r"tri_[A-Za-z0-9_-]{43}", secret)
    assert key.hint == secret[-4:]
    for keys in (book, book, Keys(records)):
        assert await keys.authenticate(secret, 2.0) == Principal(A, Role.EDITOR, "ci", key.id)
    for wrong in ("", "tri_", secret[:-1], secret + "x", "\ud800", "tri_" + "x" * 100_000):
        with pytest.raises(Unauthenticated):
            await book.authenticate(wrong, 2.0)


async def test_no_secret_is_stored(records: Records) -> None:
    _, secret = await Keys(records).create(A, Role.ADMIN, "me", 1.0)
    (row,) = await records.read(lambda c: c.execute(select(tables.keys)).all())
    assert not any(secret in str(value) or secret[4:20] in str(value) for value in row)


async def test_a_revoked_key_opens_nothing_at_once(records: Records) -> None:
    book = Keys(records)
    key, secret = await book.create(A, Role.VIEWER, "ui", 1.0)
    await book.authenticate(secret, 2.0)
    with pytest.raises(NotFound):
        await book.revoke(B, key.id, 3.0)
    await book.authenticate(secret, 3.0)
    await book.revoke(A, key.id, 3.0)
    await book.revoke(A, key.id, 4.0)
    with pytest.raises(Unauthenticated):
        await book.authenticate(secret, 3.0)
    assert [k.revoked_at for k in await book.list(A)] == [3.0]
    again, _ = await book.create(A, Role.VIEWER, "ui", 5.0)
    assert again.id != key.id


async def test_a_revocation_wins_over_a_read_that_began_before_it(records: Records) -> None:
    book = Keys(records)
    key, secret = await book.create(A, Role.VIEWER, "ui", 1.0)
    reads = [book.authenticate(secret, 2.0) for _ in range(20)]
    *_, revoked = await asyncio.gather(*reads, book.revoke(A, key.id, 2.0), return_exceptions=True)
    assert revoked is None
    with pytest.raises(Unauthenticated):
        await book.authenticate(secret, 2.0)


async def test_another_holders_revocation_is_seen_within_a_minute(records: Records) -> None:
    one, other = Keys(records), Keys(records)
    key, secret = await one.create(A, Role.VIEWER, "ui", 1.0)
    await one.authenticate(secret, 2.0)
    await other.revoke(A, key.id, 3.0)
    with pytest.raises(Unauthenticated):
        await one.authenticate(secret, 62.0)


async def test_a_key_ends_when_it_expires(records: Records) -> None:
    book = Keys(records)
    _, secret = await book.create(A, Role.ADMIN, "guest", 1.0, expires_at=10.0)
    await book.authenticate(secret, 9.9)
    with pytest.raises(Unauthenticated):
        await book.authenticate(secret, 10.0)
    with pytest.raises(Invalid):
        await book.create(A, Role.ADMIN, "late", 10.0, expires_at=10.0)


async def test_a_name_is_taken_once_in_a_project(records: Records) -> None:
    book = Keys(records)
    await book.create(A, Role.ADMIN, "me", 1.0)
    await book.create(B, Role.ADMIN, "me", 1.0)
    with pytest.raises(Conflict):
        await book.create(A, Role.VIEWER, "me", 1.0)
    for name in ("", "x" * 65, "a\nb", " a", "\x7f"):
        with pytest.raises(Invalid) as raised:
            await book.create(A, Role.VIEWER, name, 1.0)
        assert raised.value.details["field"] == "name"
    assert [k.name for k in await book.list(A)] == ["me"]


async def test_whether_someone_could_administer(records: Records) -> None:
    book = Keys(records)
    assert not await book.any()
    await book.create(A, Role.EDITOR, "e", 1.0)
    await book.create(A, Role.ADMIN, "guest", 1.0, expires_at=10.0)
    assert (await book.any(), await book.any(5.0), await book.any(10.0)) == (False, True, False)
    key, _ = await book.create(B, Role.ADMIN, "me", 1.0)
    assert await book.any()
    await book.revoke(B, key.id, 2.0)
    assert not await book.any()
    assert await book.projects() == ["a", "b", "default"]


async def test_a_key_is_served_from_memory(records: Records) -> None:
    book = Keys(records)
    _, secret = await book.create(A, Role.VIEWER, "ui", 1.0)
    await book.authenticate(secret, 2.0)
    await records.close()
    assert (await book.authenticate(secret, 3.0)).name == "ui"


async def test_an_erased_projects_keys_are_gone(records: Records) -> None:
    book = Keys(records)
    _, secret = await book.create(A, Role.VIEWER, "ui", 1.0)
    _, kept = await book.create(B, Role.VIEWER, "ui", 1.0)
    await book.authenticate(secret, 2.0)
    assert await erase_project(records, A) == 1
    book.forget()
    with pytest.raises(Unauthenticated):
        await book.authenticate(secret, 2.0)
    assert (await book.authenticate(kept, 2.0)).project == B
    with pytest.raises(NotFound):
        await book.revoke(A, KeyId("key_x"), 2.0)

"""Gateway keys and providers' credentials: shown once, stored hashed or sealed, each in its own project."""

import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from triops.adapters.sealing import AesSealing
from triops.app import open_records as open_data
from triops.kernel.document import Document
from triops.kernel.errors import Invalid, NotFound, Unavailable
from triops.kernel.ids import ProjectId
from triops.ledger.calls import tables
from triops.ledger.calls.credentials import Credentials
from triops.ledger.calls.keys import GatewayKeys, live_secrets
from triops.lenses.llmops.spend.environment import EnvironmentKeys
from triops.ports.records import Records
from triops.server import create_gateway_key_offline
from triops.testing.books import open_records

REFUSED = ("TRIOPS_SECRETS_KEY", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN")
A, B = ProjectId("a"), ProjectId("b")


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    async with open_records(tmp_path) as opened:
        yield opened


async def test_a_gateway_secret_is_hashed_expires_and_is_revoked_alone(records: Records, tmp_path: Path) -> None:
    book = GatewayKeys(records)
    first, secret = await book.create(A, "bot", 100.0)
    second, other = await book.create(A, "bot", 101.0, expires_at=200.0)
    await book.create(B, "bot", 102.0)
    assert re.fullmatch(r"trg_[A-Za-z0-9_-]{43}", secret)
    assert (first.hint, second.expires_at) == (secret[-4:], 200.0)
    assert [key.id for key in await book.list(A)] == [second.id, first.id]
    live = await records.read(lambda c: live_secrets(c, 150.0))
    assert sorted(name for name, _ in live[A].values()) == ["bot", "bot"]
    version = book.version
    await book.revoke(A, first.id, 160.0)
    assert (await book.revoke(A, first.id, 170.0)).revoked_at == 160.0
    assert book.version > version
    assert A not in await records.read(lambda c: live_secrets(c, 200.0)), "the other is expired by then"
    assert len((await records.read(lambda c: live_secrets(c, 200.0)))[B]) == 1
    for hidden in (secret, other):
        assert all(hidden.encode() not in path.read_bytes() for path in tmp_path.iterdir())
    with pytest.raises(NotFound):
        await book.revoke(B, first.id, 1.0)
    with pytest.raises(Invalid):
        await book.create(A, "bot", 100.0, expires_at=99.0)


async def test_a_secret_can_be_made_while_the_server_is_down(tmp_path: Path) -> None:
    secret = await create_gateway_key_offline(tmp_path, A, "bot")
    records = open_data(tmp_path)
    await records.start()
    try:
        live = await records.read(lambda c: live_secrets(c, 1.0))
        assert live == {A: {hashlib.sha256(secret.encode()).hexdigest(): ("bot", None)}}
    finally:
        await records.close()


async def test_a_credential_opens_only_where_it_belongs(records: Records, tmp_path: Path) -> None:
    sealing = AesSealing("", tmp_path / "elsewhere" / "secrets.key")
    book = Credentials(records, sealing)
    await book.set(A, "openai", "sk-first", 1.0, "me")
    await book.set(A, "openai", "sk-second", 2.0, "me")
    await book.set(B, "openai", "sk-other", 3.0, "me")
    again = Credentials(records, AesSealing("", tmp_path / "elsewhere" / "secrets.key"))
    assert await records.read(again.opened) == ({A: {"openai": "sk-second"}, B: {"openai": "sk-other"}}, {})
    assert all(b"sk-second" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    c = tables.credentials.c
    stolen = await records.read(lambda conn: conn.scalar(select(c.sealed).where(c.project == A)))
    await records.write(
        lambda conn: conn.execute(update(tables.credentials).where(c.project == B).values(sealed=stolen))
    )
    opened, problems = await records.read(book.opened)
    assert opened == {A: {"openai": "sk-second"}}
    assert list(problems) == [B]
    assert "does not open" in problems[B]
    await book.delete(A, "openai")
    assert await book.names(A) == []
    with pytest.raises(NotFound):
        await book.delete(A, "openai")


@pytest.mark.parametrize("wrong", ["", "a b", "a\nb", "ü", "x" * 9000])
async def test_what_is_no_credential_is_refused_unseen(records: Records, tmp_path: Path, wrong: str) -> None:
    with pytest.raises(Invalid) as error:
        await Credentials(records, AesSealing("", tmp_path / "key")).set(A, "p", wrong, 1.0, "me")
    assert not wrong or wrong not in str(error.value.details)


def test_the_key_of_credentials(tmp_path: Path) -> None:
    file = tmp_path / "secrets.key"
    with pytest.raises(Unavailable, match="is missing"):
        AesSealing("", file).open(b"x", "a|p")
    sealed = AesSealing("", file).seal("sk", "a|p")
    assert file.stat().st_mode & 0o777 == 0o600
    given = file.read_text().strip()
    assert AesSealing(given, tmp_path / "none").open(sealed, "a|p") == "sk"
    with pytest.raises(Unavailable, match="not the one"):
        AesSealing("", file).open(sealed, "a|q")
    with pytest.raises(Unavailable, match="TRIOPS_SECRETS_KEY is not the one"):
        AesSealing("ab" * 32, file).open(sealed, "a|p")
    for broken in (b"", sealed[:5], sealed[:-1], b"\x02" + sealed[1:]):
        with pytest.raises(Unavailable):
            AesSealing("", file).open(broken, "a|p")
    for wrong in ("short", "zz" * 32, "ab" * 31):
        with pytest.raises(Invalid) as error:
            AesSealing(wrong, file)
        assert wrong not in str(error.value.details) + str(error.value)
    file.write_text("nonsense")
    with pytest.raises(Invalid, match="holds no key"):
        AesSealing("", file).seal("sk", "a|p")


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("OPENAI_API_KEY", "v"),
        ("HF_TOKEN", "v"),
        ("LISTED", "v"),
        ("HOME", ""),
        ("TRIOPS_SECRETS_KEY", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("GITHUB_TOKEN", ""),
        ("UNSET_KEY", ""),
        ("", ""),
    ],
)
def test_only_variables_that_look_like_keys_are_read(name: str, read: str) -> None:
    keys = EnvironmentKeys(
        dict.fromkeys(("OPENAI_API_KEY", "HF_TOKEN", "LISTED", "HOME", *REFUSED), "v").get, ("LISTED",)
    )
    document = Document("Provider", "p", {"api_key_env": name})
    assert keys.read(document) == read
    assert bool(keys.problems([document])) == (name in ("HOME", *REFUSED))

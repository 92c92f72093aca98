"""Who may do what without a key, and when nobody may."""

import asyncio
from typing import cast

import pytest

from triops.kernel.errors import Forbidden, Unauthenticated
from triops.ledger.keys import Keys
from triops.ports.clock import SystemClock
from triops.web.auth import LOCAL, Authenticator


class NoKeys:
    async def made(self) -> bool:
        return False


def ask(headers: dict[str, str], *, may_open: bool = True) -> object:
    return asyncio.run(Authenticator(cast(Keys, NoKeys()), SystemClock(), may_open).principal(headers))


@pytest.mark.parametrize("host", ["localhost:7333", "127.0.0.1", "[::1]:7333"])
def test_the_local_user_needs_no_key_while_there_is_none(host: str) -> None:
    assert ask({"host": host}) is LOCAL


def test_beyond_loopback_a_server_whose_last_key_is_gone_stays_shut() -> None:
    with pytest.raises(Unauthenticated):
        ask({"host": "localhost"}, may_open=False)


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "x-real-ip", "via", "x-forwarded-host"])
def test_what_a_proxy_passes_on_is_not_local(name: str) -> None:
    with pytest.raises(Forbidden):
        ask({"host": "127.0.0.1:7333", name: "203.0.113.9"})


@pytest.mark.parametrize(
    "headers", [{"host": "["}, {"host": "localhost", "origin": "http://["}, {"host": "localhost.evil.example"}]
)
def test_a_malformed_or_foreign_host_or_origin_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden):
        ask(headers)

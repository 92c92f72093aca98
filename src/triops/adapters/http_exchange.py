"""One outgoing HTTP exchange, bounded: a time limit, no redirect, no proxy, and only the head of the answer is read.

Every exchange has a session of its own: they are rare, and nothing is shared between receivers.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from triops.adapters.addresses import reachable
from triops.kernel.errors import Invalid

_URL_CHARACTERS = 2048
_REPLY_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    text: str  # the first 4 kB of the body


class ExchangeFailed(Exception):
    """There was no answer; the message is one line and holds no part of the URL but host and port."""


def checked_url(value: Any, field: str) -> URL:
    """Raises: Invalid unless it is an absolute http(s) URL without a user and password."""
    expected = "an http or https URL"
    if not isinstance(value, str) or not 1 <= len(value) <= _URL_CHARACTERS:
        raise Invalid("not a URL", field=field, expected=expected)
    try:
        url = URL(value)
    except ValueError:
        raise Invalid("not a URL", field=field, expected=expected) from None
    if url.scheme not in ("http", "https") or not url.host or any(c.isspace() for c in url.host):
        raise Invalid("not a URL that can be called", field=field, expected=expected)
    if url.user is not None or url.password is not None:
        raise Invalid("a URL must not carry a user or password", field=field, expected=expected)
    return url


async def exchange(
    method: str,
    url: URL,
    *,
    body: bytes = b"",
    headers: Mapping[str, str],
    timeout_s: float,
    allow_private: bool,
) -> Reply:
    """Raises: ExchangeFailed. `allow_private` False: only addresses of the public internet are connected to, whatever
    the name resolves to; link-local ones never, since a cloud's metadata with its credentials is there."""
    factory = _any_socket if allow_private else _public_socket
    connector = aiohttp.TCPConnector(force_close=True, socket_factory=factory, use_dns_cache=False)
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector, timeout=timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
            ) as session,
            session.request(
                method,
                url,
                data=body or None,
                headers={"User-Agent": "triops", **headers},
                allow_redirects=False,
                auto_decompress=False,  # a small answer could else become a large one
            ) as response,
        ):
            head = await _head(response)
            return Reply(response.status, head.decode("utf-8", "replace"))
    except TimeoutError:
        raise ExchangeFailed(f"no answer within {timeout_s:g} s") from None
    except aiohttp.ClientConnectorError as error:
        reason = error.os_error.strerror or type(error.os_error).__name__
        raise ExchangeFailed(f"cannot connect to {error.host}:{error.port}: {reason}") from None
    except (aiohttp.ClientError, ValueError, OSError) as error:
        raise ExchangeFailed(f"the exchange failed: {type(error).__name__}") from None


async def _head(response: aiohttp.ClientResponse) -> bytes:
    head = b""
    while len(head) < _REPLY_BYTES:
        chunk = await response.content.read(_REPLY_BYTES - len(head))
        if not chunk:
            break
        head += chunk
    return head


def _public_socket(address: tuple[Any, ...]) -> socket.socket:
    """aiohttp's socket factory: it is asked with the address that will really be connected to."""
    return _socket(address, allow_private=False)


def _any_socket(address: tuple[Any, ...]) -> socket.socket:
    return _socket(address, allow_private=True)


def _socket(address: tuple[Any, ...], *, allow_private: bool) -> socket.socket:
    if not reachable(address[4][0], allow_private=allow_private):
        raise OSError(0, f"a {'link-local' if allow_private else 'private'} address is not allowed here")
    family, type_, protocol, *_ = address
    return socket.socket(family, type_, protocol)

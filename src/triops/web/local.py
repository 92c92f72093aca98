"""What a server takes that is open to its own machine alone: no page of another site, nothing through a proxy."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from triops.kernel.errors import Forbidden

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PASSED_ON = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def check_local(headers: Mapping[str, str]) -> None:
    """`headers` have lower-case names. Raises: Forbidden."""
    host = headers.get("host", "")
    if any(name in headers for name in _PASSED_ON):
        raise Forbidden("without keys, Triops refuses what a proxy passes on; make a key: triops key create")
    if host and _hostname(f"//{host}") not in _LOOPBACK:
        raise Forbidden("without keys, Triops answers only to a loopback host name; make a key: triops key create")
    origin = headers.get("origin", "")
    if origin and origin != "null" and _hostname(origin) not in _LOOPBACK:
        raise Forbidden("without keys, Triops refuses requests from other sites; make a key: triops key create")
    if origin == "null" or headers.get("sec-fetch-site") == "cross-site":
        raise Forbidden("without keys, Triops refuses requests from other sites; make a key: triops key create")


def _hostname(url: str) -> str | None:
    """None for what is no URL (an unclosed bracket, say)."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None

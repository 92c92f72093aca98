"""Calls that a page of Triops' own UI makes: the playground. By the session's cookie, as the UI's other calls."""

from collections.abc import Mapping
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie

from triops.kernel.errors import Forbidden, Unauthenticated
from triops.kernel.tenant import DEFAULT_PROJECT, SESSION_COOKIE
from triops.lenses.llmops.gateway.callers import admitted, anonymous
from triops.lenses.llmops.gateway.config import Config
from triops.lenses.llmops.gateway.specs import Caller

LOCAL = Caller(DEFAULT_PROJECT, "api:local")


def of_page(config: Config, headers: Mapping[str, str], now: float) -> Caller | None:
    """None for what is no page's call, or needs none of this. `headers` have lower-case names.

    A browser adds `origin` to every request that is no GET, and lets no page choose it; it must be this server's own.
    Where the server is open to its machine the local user may call models as he may do all else, whatever the Key
    documents ask of applications; the caller of this function checks that he is local.
    Raises: Unauthenticated, Forbidden.
    """
    origin = headers.get("origin")
    if origin is None or "authorization" in headers or "x-api-key" in headers:
        return None
    same = origin.partition("://")[2] == headers.get("host", "")
    if config.open:
        return LOCAL if same and not anonymous(config, config.projects[DEFAULT_PROJECT]) else None
    secret = _secret(headers.get("cookie", ""))
    if not secret:
        return None
    if not same:
        raise Forbidden("a session cookie does not serve another site's request")
    caller = config.callers.get(sha256(secret.encode("utf-8", "surrogateescape")).hexdigest())
    if caller is None:
        raise Unauthenticated("the session has ended: log in again")
    return admitted(caller, now)


def _secret(cookies: str) -> str:
    if SESSION_COOKIE not in cookies:
        return ""
    try:
        cookie = SimpleCookie(cookies).get(SESSION_COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie else ""

"""Who asks. One rule for every edge.

Until the first admin key is made the server listens on loopback only, and the local user is an admin of the default
project. Then the Host and Origin headers must be loopback too, so that no web page can reach the server through a
rebound name or a cross-site request, and nothing that a proxy passes on is taken. From the first key on every request
needs one, for good: a revoked or expired last key does not open the server again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from triops.kernel.errors import Forbidden, Unauthenticated
from triops.kernel.tenant import DEFAULT_PROJECT, SESSION_COOKIE, Principal, Right, Role
from triops.ledger.keys import Keys
from triops.ports.clock import Clock
from triops.web.local import check_local

COOKIE = SESSION_COOKIE
LOCAL = Principal(DEFAULT_PROJECT, Role.ADMIN, "local")


@dataclass(frozen=True, slots=True)
class Authenticator:
    keys: Keys
    clock: Clock
    may_open: bool = True  # whether the server listens on loopback only

    async def principal(self, headers: Mapping[str, str]) -> Principal:
        """`headers` have lower-case names. Raises: Unauthenticated, Forbidden."""
        secret = _secret(headers)
        if self.may_open and not await self.keys.made():
            check_local(headers)
            return LOCAL
        if not secret:
            raise Unauthenticated(
                "an API key is needed: send it as 'Authorization: Bearer <key>' (all keys lost? stop the server, then: "
                "triops key create NAME --data FOLDER)"
            )
        if headers.get("origin") and "authorization" not in headers:
            _check_same_origin(headers)
        return await self.keys.authenticate(secret, self.clock.now())

    async def require(self, headers: Mapping[str, str], right: Right) -> Principal:
        """Raises: Unauthenticated; Forbidden when the key's role lacks the right."""
        principal = await self.principal(headers)
        if not principal.may(right):
            raise Forbidden(f"the key {principal.name!r} has the role {principal.role}, which may not {right} here")
        return principal


def _secret(headers: Mapping[str, str]) -> str:
    """From `Authorization: Bearer` (Basic's password, and Splunk's scheme, are other edges' words for it), or the
    UI's cookie."""
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if "cookie" in headers and not scheme:
        try:
            cookie = SimpleCookie(headers["cookie"]).get(COOKIE)
        except CookieError:
            return ""
        return cookie.value if cookie else ""
    return ""


def _check_same_origin(headers: Mapping[str, str]) -> None:
    """A cookie counts only for the site that set it (SameSite=Strict says so too; this holds for old browsers)."""
    if headers["origin"].partition("://")[2] != headers.get("host", ""):
        raise Forbidden("a session cookie does not serve another site's request")

"""The signed webhook: the Notice as JSON.

    X-Triops-Delivery: <notice id>, the same in every attempt
    X-Triops-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">, when `secret_env` is given

A receiver recomputes the signature, compares in constant time, and refuses a `t` that is minutes old.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from triops.adapters.http_exchange import checked_url
from triops.adapters.notifiers.post import post_json
from triops.kernel.errors import Invalid
from triops.ports.clock import Clock
from triops.ports.notifiers import Notice

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


class Webhook:
    """`spec`: `url`, and `secret_env`, the name of the variable that holds the secret; `getenv` reads it."""

    name = "webhook"

    def __init__(self, getenv: Callable[[str], str | None], clock: Clock, *, allow_private: bool) -> None:
        self._getenv = getenv
        self._clock = clock
        self._allow_private = allow_private

    def check(self, spec: Mapping[str, Any]) -> None:
        checked_url(spec.get("url"), "url")
        variable = spec.get("secret_env")
        if variable is not None:
            if not isinstance(variable, str) or not _VARIABLE.fullmatch(variable):
                raise Invalid("not the name of a variable", field="secret_env", got=variable)
            if not self._getenv(variable):
                raise Invalid("this variable is not set where the server runs", field="secret_env", got=variable)

    async def send(self, spec: Mapping[str, Any], notice: Notice) -> str | None:
        try:
            self.check(spec)
            url = checked_url(spec["url"], "url")
        except Invalid as error:
            return f"{error.details.get('field', 'spec')}: {error.message}"
        body = orjson.dumps(
            {
                "id": notice.id,
                "transition": notice.transition,
                "at": notice.at,
                "incident": dict(notice.incident),
                "link": notice.link,
            }
        )
        headers = {"X-Triops-Delivery": notice.id}
        if variable := spec.get("secret_env"):
            headers["X-Triops-Signature"] = signature(self._getenv(variable) or "", int(self._clock.now()), body)
        return await post_json(url, body, headers, allow_private=self._allow_private, receiver="the receiver")


def signature(secret: str, at: int, body: bytes) -> str:
    """The value of `X-Triops-Signature`; `at` is unix seconds."""
    signed = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"

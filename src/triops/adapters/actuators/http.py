"""An effect by one HTTP request, to places that the settings allow."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from yarl import URL

from triops.adapters.actuators.spec_fields import only, tail, timeout_s
from triops.adapters.http_exchange import ExchangeFailed, checked_url, exchange
from triops.kernel.errors import Forbidden, Invalid
from triops.kernel.ids import ProjectId
from triops.kernel.masking import MASK, is_secret, masked, without
from triops.ports.actuators import Outcome

LOOPBACK = ("http://127.0.0.1", "http://localhost", "http://[::1]")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_OURS = {"host", "content-length", "transfer-encoding", "connection"}
_VARIABLE = re.compile(r"\{\{\s*env:([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_BODY_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: URL
    headers: Mapping[str, str]  # with {{env:NAME}} as written
    body: bytes
    json: Any
    expect: frozenset[int]  # empty: any 2xx
    timeout_s: float


class HttpActuator:
    """`spec`: `method` (POST), `url`, `headers`, `json` or `body` (text), `expect_status` (one or several; any 2xx),
    `timeout_s` (10; at most 60).

    `allow`: URLs that a request's must begin with: same scheme, host and port (any port when none is given), and a
    path below. `env`: names of the variables that headers may take with `{{env:NAME}}`; `getenv` reads them.
    Redirects are not followed: they could lead elsewhere.
    """

    name = "http"

    def __init__(
        self,
        getenv: Callable[[str], str | None],
        *,
        allow: Sequence[str] = LOOPBACK,
        env: Collection[str] = (),
    ) -> None:
        self._getenv = getenv
        self._allow = [checked_url(prefix, "allow") for prefix in allow]
        self._env = frozenset(env)

    def check(self, spec: Mapping[str, Any]) -> None:
        self._read(spec)

    def plan(self, spec: Mapping[str, Any]) -> str:
        request = self._read(spec)
        said = f"{request.method} {_shown(request.url)}"
        if request.json is not None:
            said += f" with {orjson.dumps(masked(request.json)).decode()}"
        elif request.body:
            said += f" with {len(request.body)} bytes"
        return said if len(said) <= 500 else said[:499] + "…"

    async def run(self, project: ProjectId, spec: Mapping[str, Any]) -> Outcome:
        try:
            request = self._read(spec)
        except (Invalid, Forbidden) as error:
            return Outcome(False, f"{error.details.get('field', 'spec')}: {error.message}")
        used = {name: self._getenv(name) for value in request.headers.values() for name in _VARIABLE.findall(value)}
        missing = sorted(name for name, value in used.items() if not value)
        if missing:
            return Outcome(False, f"not set where the server runs: {', '.join(missing)}")
        secrets = {name: value or "" for name, value in used.items()}
        headers = {key: _VARIABLE.sub(lambda found: secrets[found[1]], value) for key, value in request.headers.items()}
        if any(not _is_header_value(value) for value in headers.values()):
            return Outcome(False, "a header's variable holds a line break")
        try:
            reply = await exchange(
                request.method,
                request.url,
                body=request.body,
                headers=headers,
                timeout_s=request.timeout_s,
                allow_private=True,  # the allow list decides
            )
        except ExchangeFailed as error:
            return Outcome(False, without(str(error), secrets.values()))
        ok = reply.status in request.expect if request.expect else 200 <= reply.status < 300
        hidden = [*secrets.values(), *(v for k, v in headers.items() if is_secret(k))]
        return Outcome(ok, tail(without(f"{reply.status} {reply.text}".strip(), hidden)))

    def _read(self, spec: Mapping[str, Any]) -> _Request:
        only(spec, "method", "url", "headers", "json", "body", "expect_status", "timeout_s")
        method = spec.get("method", "POST")
        if method not in _METHODS:
            raise Invalid("not a method", field="method", got=method, expected=", ".join(_METHODS))
        url = checked_url(spec.get("url"), "url")
        if ".." in url.path.split("/") or "\\" in url.path:
            raise Invalid("the path must not climb", field="url", got=_shown(url))
        if not any(_below(url, prefix) for prefix in self._allow):
            raise Forbidden(f"the settings do not allow requests to {url.origin()}", field="url")
        headers = self._headers(spec.get("headers", {}))
        if "json" in spec and "body" in spec:
            raise Invalid("json and body exclude each other", field="body")
        body = b""
        if "json" in spec:
            try:
                body = orjson.dumps(spec["json"])
            except TypeError:
                raise Invalid("not JSON", field="json") from None
            if not any(key.lower() == "content-type" for key in headers):
                headers["Content-Type"] = "application/json"
        elif "body" in spec:
            if not isinstance(spec["body"], str):
                raise Invalid("not text", field="body", got=type(spec["body"]).__name__)
            body = spec["body"].encode("utf-8", "replace")
        if len(body) > _BODY_BYTES:
            raise Invalid("too long", field="body", got=len(body), expected=f"at most {_BODY_BYTES} bytes")
        return _Request(
            method, url, headers, body, spec.get("json"), _statuses(spec.get("expect_status")), timeout_s(spec, 10.0)
        )

    def _headers(self, given: Any) -> dict[str, str]:
        if not isinstance(given, Mapping) or len(given) > 32:
            raise Invalid("not an object of at most 32 headers", field="headers")
        for key, value in given.items():
            if not isinstance(key, str) or not _HEADER.fullmatch(key) or key.lower() in _OURS:
                raise Invalid("not a header that may be set", field="headers", got=key)
            if not isinstance(value, str) or len(value) > 4096 or not _is_header_value(value):
                raise Invalid("not a header's value", field=f"headers.{key}")
            for name in _VARIABLE.findall(value):
                if name not in self._env:
                    raise Forbidden(f"the settings do not allow the variable {name} here", field=f"headers.{key}")
        return dict(given)


def _statuses(given: Any) -> frozenset[int]:
    if given is None:
        return frozenset()
    several = given if isinstance(given, list | tuple) else [given]
    if not several or not all(isinstance(s, int) and not isinstance(s, bool) and 100 <= s <= 599 for s in several):
        raise Invalid("not a status code", field="expect_status", got=given, expected="200, or [200, 204]")
    return frozenset(several)


def _is_header_value(value: str) -> bool:
    return all(c == "\t" or (c.isprintable() and ord(c) < 256) for c in value)


def _below(url: URL, prefix: URL) -> bool:
    """Same origin, and a path at or under the prefix's, whole segments only."""
    if (url.scheme, url.host) != (prefix.scheme, prefix.host):
        return False
    if prefix.explicit_port is not None and url.port != prefix.port:
        return False
    base = prefix.path.rstrip("/")
    return url.path == base or url.path.startswith(base + "/")


def _shown(url: URL) -> str:
    """The URL with secret query values replaced."""
    query = [(key, MASK if is_secret(key) else value) for key, value in url.query.items()]
    return str(url.with_query(query) if query else url).replace("%2A%2A%2A", MASK)

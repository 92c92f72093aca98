"""From a request to its endpoint and back: one dictionary look-up for most paths, since hundreds of endpoints in a list
would cost more than the work of a small one."""

import logging
import re
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from triops.edges.mlflow.fields import Fields, decoded, of_query, parsed
from triops.edges.mlflow.problems import problem
from triops.kernel.errors import Invalid, NotFound, TriopsError
from triops.kernel.ids import ProjectId
from triops.kernel.tenant import Principal, Right
from triops.web.access import Authenticate
from triops.web.body import JSON_BYTES, Bodies, media_type, off_loop

log = logging.getLogger(__name__)
ITEM_BYTES = 512  # about what one of a list's items is in JSON


@dataclass(slots=True)
class Call:
    """One request, told apart: who asks, the decoded fields, the parts of the path, and the request itself for those
    that stream."""

    principal: Principal
    body: dict[str, Any]
    path: Mapping[str, str]
    request: Request
    given: Mapping[str, Any] = field(default_factory=dict)  # as it came, for the few that ask whether a field was there

    @property
    def project(self) -> ProjectId:
        return self.principal.project


Answer = Mapping[str, Any] | bytes | Response  # an object, its JSON, or a whole response
Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`path` as MLflow's tables have it, `2.0/mlflow/runs/{run_id}`; a last `{name:path}` takes the rest. It is served
    under `/api/` and `/ajax-api/`. `fields` None: the handler reads the body itself. `test` names what covers it."""

    method: str
    path: str
    handler: Handler
    right: Right
    fields: Fields | None = field(default_factory=dict)
    test: str = ""


class Watchman(Protocol):
    """What may stop a call, or take from its answer."""

    async def before(self, call: Call, endpoint: Endpoint) -> None: ...

    async def after(self, call: Call, answer: Answer) -> Answer: ...


class MlflowApi:
    """An ASGI application for everything under `/api/2.0`, `/api/3.0` and their `/ajax-api` twins."""

    def __init__(
        self, endpoints: Sequence[Endpoint], bodies: Bodies, authenticate: Authenticate, guard: Watchman | None = None
    ) -> None:
        self.endpoints = endpoints
        self._guard = guard
        self._bodies = bodies
        self._authenticate = authenticate
        self._exact: dict[tuple[str, str], Endpoint] = {}
        self._patterns: list[tuple[str, re.Pattern[str], Endpoint]] = []
        for endpoint in endpoints:
            if "{" in endpoint.path:
                self._patterns.append((endpoint.method, _pattern(endpoint.path), endpoint))
            elif (endpoint.method, endpoint.path) in self._exact:
                raise ValueError(f"two endpoints answer {endpoint.method} {endpoint.path}")
            else:
                self._exact[endpoint.method, endpoint.path] = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except TriopsError as error:
            response = problem(error)
        except Exception:
            log.exception("%s %s failed", request.method, request.url.path)
            body = {"error_code": "INTERNAL_ERROR", "message": "Triops failed at this request; its log says where."}
            response = Response(orjson.dumps(body), 500, media_type="application/json")
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        endpoint, path = self._find(request.method, request.scope["path"])
        principal = await self._authenticate(credentials(request), endpoint.right)
        fields = endpoint.fields
        if fields is None:
            call = Call(principal, {}, path, request)
        elif request.method in ("GET", "HEAD"):
            given: Mapping[str, Any] = {**of_query(request.query_params, fields), **path}
            call = Call(principal, decoded(given, fields), path, request, given)
        else:
            _check_media_type(request)
            async with self._bodies.read(request, most=JSON_BYTES) as raw:
                given, body = await off_loop(len(raw), _decode, raw, fields, path)
            call = Call(principal, body, path, request, given)
        if self._guard is None:
            answer = await endpoint.handler(call)
        else:
            await self._guard.before(call, endpoint)
            answer = await self._guard.after(call, await endpoint.handler(call))
        if isinstance(answer, Response):
            return answer
        if not isinstance(answer, bytes):
            answer = await off_loop(_size(answer), orjson.dumps, answer)
        return Response(answer, media_type="application/json")

    def _find(self, method: str, path: str) -> tuple[Endpoint, Mapping[str, str]]:
        """Raises: NotFound."""
        method = "GET" if method == "HEAD" else method
        tail = path.partition("api/")[2] or path.lstrip("/")
        if exact := self._exact.get((method, tail)):
            return exact, {}
        for other, pattern, endpoint in self._patterns:
            if other == method and (match := pattern.fullmatch(tail)):
                return endpoint, match.groupdict()
        raise NotFound(f"There is no {method} {path[:200]}; docs/reference/mlflow.md lists what is.")


def _check_media_type(request: Request) -> None:
    """As MLflow does, since what a form of a web page can send is no JSON. Raises: Invalid."""
    given = request.headers.get("content-type")
    if request.method not in ("POST", "PUT") or (given and media_type(given) == "application/json"):
        return
    told = "Content-Type must be one of ['application/json']." if given else "Content-Type header is missing."
    raise Invalid(f"Bad Request. {told}", field="Content-Type")


def _decode(raw: bytes, fields: Fields, path: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    given = parsed(raw)
    if path:  # a part of the path counts as its field
        given = {**given, **{name: value for name, value in path.items() if name in fields}}
    return given, decoded(given, fields)


def _size(answer: Mapping[str, Any]) -> int:
    """About the bytes that its lists become."""
    return sum(ITEM_BYTES * len(part) for part in answer.values() if isinstance(part, list))


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[a-z_]+(?::path)?\})", path)
    made = []
    for part in parts:
        if part.startswith("{"):
            name, _, rest = part[1:-1].partition(":")
            made.append(f"(?P<{name}>{'.*' if rest else '[^/]+'})")
        else:
            made.append(re.escape(part))
    return re.compile("".join(made), re.DOTALL)


def credentials(request: Request) -> Mapping[str, str]:
    """MLflow's client sends a user and a password (its key), or a token, which is what Triops' keys are."""
    headers = request.headers
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return headers
    try:
        password = b64decode(rest, validate=True).decode().partition(":")[2]
    except ValueError:
        password = ""
    return {**headers, "authorization": f"Bearer {password}"}

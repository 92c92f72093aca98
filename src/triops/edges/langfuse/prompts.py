"""Prompts for Langfuse's SDK: `/api/public/v2/prompts…`. Basic auth: the secret key is a Triops API key, the public
key may be anything.

`config` is the version's settings and its model. Labels and tags are Langfuse's; `latest` is a label of the newest.
Folders are names with slashes. A prompt is answered with those that it is made of in their places, unless
`resolve=false` asks for what was written.
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from triops.edges.langfuse.prompt_wire import created, graph, labels_in, listed, number_in, shown, tags_in
from triops.edges.langfuse.wire import time_ns
from triops.kernel.clock import NS, rfc3339
from triops.kernel.errors import Conflict, Invalid, NotFound, TriopsError
from triops.kernel.tenant import Principal, Right
from triops.lenses.llmops.prompts.model import LATEST, Prompt, PromptVersion, is_latest, label_name
from triops.lenses.llmops.prompts.service import Prompts
from triops.web.access import Authenticate
from triops.web.body import JSON_BYTES, Bodies, off_loop
from triops.web.problems import headers_of

_TAGS = "triops.tags"
_BASE = "/api/public/v2/prompts"
_MOST = 1_000
Permitted = Callable[[Principal, str, bool], Awaitable[None]]
Readable = Callable[[Principal, set[str]], Awaitable[set[str]]]
Handler = Callable[[Request], Awaitable[Response]]


class PromptCalls:
    def __init__(
        self, prompts: Prompts, bodies: Bodies, authenticate: Authenticate, permitted: Permitted, readable: Readable
    ) -> None:
        """`permitted` raises Forbidden where `Principal` may not read (or write) the prompt; `readable`: which of the
        names it may."""
        self._prompts = prompts
        self._bodies = bodies
        self._authenticate = authenticate
        self._permitted = permitted
        self._readable = readable

    def routes(self) -> list[Route]:
        return [
            Route(_BASE, _answering(self._list), methods=["GET"]),
            Route(_BASE, _answering(self._create), methods=["POST"]),
            Route(_BASE + "/{name:path}/versions/{version}", _answering(self._update), methods=["PATCH"]),
            Route(_BASE + "/{name:path}", _answering(self._get), methods=["GET"]),
            Route(_BASE + "/{name:path}", _answering(self._delete), methods=["DELETE"]),
        ]

    async def _get(self, request: Request) -> Response:
        name, query = request.path_params["name"], request.query_params
        who = await self._who(request, Right.READ, name)
        version, label = number_in(query.get("version")), query.get("label", "")
        if version is not None and label:
            raise Invalid("a version or a label, not both", field="label", got=label)
        if version is not None:
            found = await self._prompts.version(who.project, name, version)
        else:
            found = await self._prompts.labelled(who.project, name, label)
        if query.get("resolve", "").lower() == "false":
            return await self._shown(who, found)
        whole = await self._prompts.composing.whole(who.project, found)
        for part in sorted(whole.names):
            await self._permitted(who, part, False)
        prompt = await self._prompts.get(who.project, name)
        return _json({**shown(whole.version, prompt, _tags(prompt)), "resolutionGraph": graph(found, whole.needs)})

    async def _create(self, request: Request) -> Response:
        who = await self._authenticate(request.headers, Right.WRITE)
        made = await self._read(request, created)
        await self._permitted(who, made.name, True)
        for part in sorted(await self._prompts.composing.check(who.project, made.name, made.spec)):
            await self._permitted(who, part, False)
        for label in made.labels:
            if label != LATEST:
                label_name(label, "labels")
        version, _ = await self._prompts.add(who, made.name, made.spec, made.note, again=True)
        if made.tags is not None:
            await self._prompts.tag(who, made.name, _TAGS, orjson.dumps(made.tags).decode())
        return await self._labelled(who, version, made.labels, 201)

    async def _update(self, request: Request) -> Response:
        name = request.path_params["name"]
        who = await self._who(request, Right.WRITE, name)
        labels = await self._read(request, labels_in)
        number = number_in(request.path_params["version"])
        version = await self._prompts.version(who.project, name, number or 0)
        return await self._labelled(who, version, labels, 200)

    async def _delete(self, request: Request) -> Response:
        name, query = request.path_params["name"], request.query_params
        who = await self._who(request, Right.WRITE, name)
        version, label = number_in(query.get("version")), query.get("label", "")
        if version is None and not label:
            await self._prompts.delete(who, name)
            return Response(status_code=204)
        if version is None:
            version = (await self._prompts.labelled(who.project, name, label)).version
        known = await self._prompts.version(who.project, name, version)
        for on in known.labels:
            _need(await self._prompts.label(who, name, on, {}, "its version is deleted"))
        await self._prompts.delete_version(who, name, version)
        return Response(status_code=204)

    async def _list(self, request: Request) -> Response:
        who = await self._authenticate(request.headers, Right.READ)
        query = request.query_params
        if query.get("filter") not in (None, "", "[]"):
            expected = "name, label, tag, fromUpdatedAt and toUpdatedAt"
            raise Invalid("conditions are not read here", field="filter", got=query["filter"], expected=expected)
        page, limit = number_in(query.get("page"), "page") or 1, number_in(query.get("limit"), "limit") or 50
        known = (await self._prompts.list(who.project, limit=_MOST)).items
        readable = await self._readable(who, {prompt.name for prompt in known})
        fits = [prompt for prompt in known if prompt.name in readable and _fits(prompt, query)]
        limit = min(limit, 100)
        data = []
        for prompt in fits[(page - 1) * limit : page * limit]:
            versions = (await self._prompts.versions(who.project, prompt.name, limit=_MOST)).items
            data.append(listed(prompt, versions, _tags(prompt), rfc3339(prompt.updated_at)))
        meta = {"page": page, "limit": limit, "totalItems": len(fits), "totalPages": -(-len(fits) // limit)}
        return _json({"data": data, "meta": meta})

    async def _labelled(self, who: Principal, version: PromptVersion, labels: list[str], status: int) -> Response:
        for label in labels:
            if label != LATEST:
                _need(await self._prompts.label(who, version.prompt, label, {version.version: 100}))
        return await self._shown(who, await self._prompts.version(who.project, version.prompt, version.version), status)

    async def _shown(self, who: Principal, version: PromptVersion, status: int = 200) -> Response:
        prompt = await self._prompts.get(who.project, version.prompt)
        return _json(shown(version, prompt, _tags(prompt)), status)

    async def _who(self, request: Request, right: Right, name: str) -> Principal:
        who = await self._authenticate(request.headers, right)
        await self._permitted(who, name, right is Right.WRITE)
        return who

    async def _read(self, request: Request, read: Callable[[bytes], Any]) -> Any:
        async with self._bodies.read(request, most=JSON_BYTES) as body:
            return await off_loop(len(body), read, body)


def _need(move: Any) -> None:
    """Raises: Conflict where a gate holds a label: this protocol has no word for waiting."""
    if move.state != "moved":
        why = f"it waits for approval {move.approval}" if move.approval else "; ".join(move.reasons)
        raise Conflict(f"{move.text} did not happen: {why}")


def _fits(prompt: Prompt, query: Mapping[str, str]) -> bool:
    name, label, tag = query.get("name"), query.get("label"), query.get("tag")
    on = label in prompt.labels or (is_latest(label or "") and prompt.newest is not None)
    since, until = _moment(query, "fromUpdatedAt", -math.inf), _moment(query, "toUpdatedAt", math.inf)
    named = (not name or name == prompt.name) and (not label or on) and (not tag or tag in _tags(prompt))
    return named and since <= prompt.updated_at < until


def _moment(query: Mapping[str, str], field: str, otherwise: float) -> float:
    """Unix seconds. Raises: Invalid."""
    return time_ns(query[field], field) / NS if query.get(field) else otherwise


def _tags(prompt: Prompt) -> list[str]:
    return tags_in(prompt.tags.get(_TAGS, ""))


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")


def _answering(handler: Handler) -> Handler:
    """Errors in Langfuse's shape."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except TriopsError as error:
            name = "LangfuseNotFoundError" if isinstance(error, NotFound) else type(error).__name__
            body = {"message": error.message, "error": name, **error.details}
            headers = headers_of(error)
            return Response(orjson.dumps(body, default=str), error.status, headers, "application/json")

    return answer

"""GET /v1/models and /v1/models/{name}: the routes, aliases and models that the caller may ask for. A client of
Anthropic, known by `anthropic-version`, is answered in Anthropic's shape; errors hold the members of both."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import orjson

from triops.edges.openai.problems import described, problem_of
from triops.kernel.errors import NotFound, TriopsError
from triops.web.dialects import Problem, Served


class _Models:
    method = "GET"

    def dialect(self, headers: Mapping[str, str]) -> str:
        return "anthropic" if "anthropic-version" in headers else "openai"

    def problem(self, error: TriopsError) -> Problem:
        """`type: error` beside `error` is what a client of Anthropic looks for; one of OpenAI passes over it."""
        problem = problem_of(error)
        return Problem(problem.status, orjson.dumps({"type": "error", "error": described(error)}), problem.headers)


class ModelList(_Models):
    path = "/v1/models"

    def answer(self, body: bytes, headers: Mapping[str, str], name: str, served: Sequence[Served]) -> bytes:
        if "anthropic-version" not in headers:
            return orjson.dumps({"object": "list", "data": [_openai(one) for one in served]})
        ends = (
            {"first_id": served[0].name, "last_id": served[-1].name} if served else {"first_id": None, "last_id": None}
        )
        return orjson.dumps({"data": [_anthropic(one) for one in served], "has_more": False, **ends})


class OneModel(_Models):
    """A name may hold slashes (`provider/model`)."""

    path = "/v1/models/{name}"

    def answer(self, body: bytes, headers: Mapping[str, str], name: str, served: Sequence[Served]) -> bytes:
        name = unquote(name)  # the path is as it came: `provider%2Fmodel`
        for one in served:
            if one.name == name:
                return orjson.dumps(_anthropic(one) if "anthropic-version" in headers else _openai(one))
        raise NotFound(f"no model {name[:256]!r} may be asked for; GET /v1/models lists those that may")


def _openai(one: Served) -> dict[str, Any]:
    return {"id": one.name, "object": "model", "created": one.created, "owned_by": one.provider or "triops"}


def _anthropic(one: Served) -> dict[str, Any]:
    created = datetime.fromtimestamp(one.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    named = {"type": "model", "id": one.name, "display_name": one.name}
    return {**named, "created_at": created, "lifecycle": "active"}

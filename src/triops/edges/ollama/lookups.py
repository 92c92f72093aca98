"""`/api/tags`, `/api/show`, `/api/version`, `/api/ps`: what Ollama's clients ask before they call a model.

Sizes, templates and licences are the providers' business and not known here: they are empty.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from triops.edges.ollama.problems import problem_of
from triops.kernel.errors import NotFound, TriopsError
from triops.web.dialects import Problem, Served
from triops.web.members import text, tree_of

PROTOCOL = "0.13.0"  # the version of Ollama's API that is spoken; clients tell by it what they may send


class _Lookup:
    method = "GET"

    def dialect(self, headers: Mapping[str, str]) -> str:
        return ""

    def problem(self, error: TriopsError) -> Problem:
        return problem_of(error)


class _Models(_Lookup):
    def dialect(self, headers: Mapping[str, str]) -> str:
        return "ollama"


class Tags(_Models):
    path = "/api/tags"

    def answer(self, body: bytes, headers: Mapping[str, str], name: str, served: Sequence[Served]) -> bytes:
        return orjson.dumps({"models": [_model(one) for one in served]})


class Show(_Models):
    method = "POST"
    path = "/api/show"

    def answer(self, body: bytes, headers: Mapping[str, str], name: str, served: Sequence[Served]) -> bytes:
        tree = tree_of(body)
        asked = text(tree, "model") or text(tree, "name")
        names = (asked, asked.removesuffix(":latest"), f"{asked}:latest")
        found = next((one for one in served if one.name in names), None)
        if found is None:
            raise NotFound(f"model '{asked[:256]}' not found")
        told = {"modelfile": "", "parameters": "", "template": "", "license": "", "model_info": {}}
        capabilities = ["completion", "tools"]
        return orjson.dumps({**told, **_dated(found), "details": _details(found), "capabilities": capabilities})


class Version(_Lookup):
    path = "/api/version"

    def answer(self, body: bytes, headers: Mapping[str, str], name: str, served: Sequence[Served]) -> bytes:
        return orjson.dumps({"version": PROTOCOL})


class Running(_Lookup):
    """No model is loaded here: they run at their providers."""

    path = "/api/ps"

    def answer(self, body: bytes, headers: Mapping[str, str], name: str, served: Sequence[Served]) -> bytes:
        return orjson.dumps({"models": []})


def _model(one: Served) -> dict[str, Any]:
    digest = hashlib.sha256(f"{one.provider}/{one.name}".encode()).hexdigest()
    return {
        "name": one.name,
        "model": one.name,
        **_dated(one),
        "size": 0,
        "digest": digest,
        "details": _details(one),
    }


def _dated(one: Served) -> dict[str, str]:
    return {"modified_at": datetime.fromtimestamp(one.created, UTC).isoformat().replace("+00:00", "Z")}


def _details(one: Served) -> dict[str, Any]:
    families = [one.provider] if one.provider else []
    return {
        "parent_model": "",
        "format": "",
        "family": one.provider,
        "families": families,
        "parameter_size": "",
        "quantization_level": "",
    }

"""A project of the gateway for tests, made as the server makes it: from documents that passed their kinds."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from triops.kernel.completion import Ask
from triops.lenses.llmops.gateway.config import Config, ProjectConfig, configured
from triops.lenses.llmops.gateway.kinds import gateway_kinds
from triops.loop.documents import Kinds

KINDS = Kinds(gateway_kinds())
NOON = 1_795_262_400.0  # 2026-11-21T12:00:00Z
UPSTREAM = """
kind: Provider
name: upstream
spec: {dialect: openai, base_url: "http://127.0.0.1:9000/v1", api_key_env: UPSTREAM_KEY, allow_private: true}
"""
FAST = """
kind: Route
name: fast
spec: {targets: [{provider: upstream, model: small-1, weight: 1}], fallbacks: [{provider: local, model: smollm2}]}
"""
PRICE = """
kind: Price
name: small-1
spec: {provider: upstream, input_per_million_usd: "0.15", output_per_million_usd: "0.60", from: "2026-01-01"}
"""


def secret_hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def documents(*texts: str) -> list[dict[str, Any]]:
    found = [one for text in texts for one in yaml.safe_load_all(text)]
    for one in found:
        if one["kind"] in ("Provider", "Route", "Price", "Key", "Budget"):
            KINDS.validate(one["kind"], one["name"], one["spec"])
    return found


def snapshot(
    *texts: str,
    secrets: Mapping[str, str] | None = None,
    open: bool = False,
    credentials: Mapping[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """`secrets`: a gateway key's secret → its Key document."""
    part = {
        "documents": documents(*texts),
        "secrets": {secret_hash(s): {"key": key, "expires_at": None} for s, key in (secrets or {}).items()},
        "credentials": {"upstream": "sk-upstream"} if credentials is None else credentials,
        "prompts": {},
    }
    return {"open": open, "triops_keys": {}, "projects": {"default": part}, "spent": [], "applied_seq": 0, **more}


def config(*texts: str, **options: Any) -> Config:
    return configured(snapshot(*texts, **options))


def project(*texts: str, **options: Any) -> ProjectConfig:
    found = config(*texts, **options).project("default")
    assert found is not None
    return found


def ask(
    text: str = "hi", *, max_tokens: int | None = None, n: int = 1, user: str = "", tags: Sequence[str] = (), **raw: Any
) -> Ask:
    body = {"model": "fast", "messages": [{"role": "user", "content": text}], **raw}
    return Ask("openai.chat", "chat", "fast", body, len(str(body)), max_tokens=max_tokens, n=n, user=user)

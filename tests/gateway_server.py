"""A real `triops up` before the four families of providers, all on loopback."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from triops.testing.server import RunningTriops
from triops.testing.upstream import LoopbackProvider

PROVIDERS = {"anthropic": "", "openai": "/v1", "gemini": "", "ollama": ""}  # by dialect: the base URL's path


@contextmanager
def gateway(folder: Path, routes: Mapping[str, tuple[str, str]], more: str) -> Iterator[RunningTriops]:
    """`routes`: name to provider and model. `more`: further documents."""
    with LoopbackProvider() as upstream:
        documents = [
            f"kind: Provider\nname: {name}\n"
            f'spec: {{dialect: {name}, base_url: "{upstream.url}{path}", allow_private: true}}'
            for name, path in PROVIDERS.items()
        ]
        documents += [
            f"kind: Route\nname: {name}\nspec: {{targets: [{{provider: {provider}, model: '{model}'}}], retries: 0}}"
            for name, (provider, model) in routes.items()
        ]
        (folder / "gateway.yaml").write_text("\n---\n".join([*documents, more]))
        with RunningTriops(folder / "data", "--config", str(folder / "gateway.yaml")) as running:
            yield running


def spent(provider: str) -> str:
    """Documents of a hard budget on the route `pricey` that no call fits into."""
    return f"""
kind: Price
name: pricey
spec: {{provider: {provider}, input_per_million_usd: "10", output_per_million_usd: "10", from: 2026-01-01}}
---
kind: Budget
name: pricey
spec: {{route: pricey, amount: "0.000001", per: day, hard: true}}
"""

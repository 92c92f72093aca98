"""The gateway's kinds of documents: what `triops apply` takes. (For the server; the gateway's own process never checks
schemas.)"""

from typing import Final

from triops.kernel.document import Document
from triops.kernel.errors import Invalid
from triops.lenses.llmops.gateway import kind_schemas as schemas
from triops.lenses.llmops.gateway.binding import rules_loosened
from triops.lenses.llmops.gateway.prices import price_of
from triops.lenses.llmops.gateway.reading import budget_of, key_of, provider_of, route_of
from triops.lenses.llmops.gateway.specs import LOCAL
from triops.loop.documents import Kind

_ONLY: Final = {"gguf": LOCAL, "onnx": LOCAL, "responses": "openai", "stream_usage": "openai"}


def gateway_kinds() -> list[Kind]:
    """Provider, Price, Key and Budget bind: they say where secrets go, and what editors may spend. So do some members
    of a Route that is there."""
    return [
        Kind("Provider", schemas.PROVIDER, _provider, binds=True),
        Kind("Route", schemas.ROUTE, _route, loosened=rules_loosened),
        Kind("Price", schemas.PRICE, _price, binds=True),
        Kind("Key", schemas.KEY, _key, binds=True),
        Kind("Budget", schemas.BUDGET, _budget, binds=True),
    ]


def _provider(document: Document) -> None:
    dialect = document.spec["dialect"]
    for member, only in _ONLY.items():
        if member in document.spec and dialect != only:
            raise Invalid(f"means something for {only} alone", field=f"spec.{member}", got=f"dialect {dialect}")
    provider_of(document)


def _route(document: Document) -> None:
    route_of(document, {})


def _price(document: Document) -> None:
    price_of(document)


def _key(document: Document) -> None:
    key_of(document)


def _budget(document: Document) -> None:
    budget_of(document)

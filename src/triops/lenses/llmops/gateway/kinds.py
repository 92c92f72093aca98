"""The gateway's kinds of documents: what `triops apply` takes. (For the server; the gateway's own process never checks
schemas.)"""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from triops.kernel.document import Document
from triops.kernel.errors import Invalid
from triops.lenses.llmops.gateway import kind_schemas as schemas
from triops.lenses.llmops.gateway.binding import rules_loosened
from triops.lenses.llmops.gateway.prices import price_of
from triops.lenses.llmops.gateway.reading import budget_of, key_of, provider_of, route_of
from triops.loop.documents import Kind


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
    _finite(document.spec, "spec")
    provider_of(document)


def _route(document: Document) -> None:
    _finite(document.spec, "spec")
    route_of(document, {})


def _price(document: Document) -> None:
    price_of(document)


def _key(document: Document) -> None:
    key_of(document)


def _budget(document: Document) -> None:
    budget_of(document)


def _finite(value: Any, field: str) -> None:
    """YAML knows `.nan` and `.inf`, and a schema's bounds let the first through."""
    if isinstance(value, float) and not isfinite(value):
        raise Invalid("not a finite number", field=field, got=value)
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _finite(inner, f"{field}.{name}")
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            _finite(inner, f"{field}[{at}]")

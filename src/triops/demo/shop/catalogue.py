"""The catalogue: what the shop sells. Asks pricing what it costs, and signs what it answers."""

import hashlib
import logging
import random
from typing import Any

import requests
from flask import Flask, Response, abort, jsonify, request

from triops.demo.shop.service import Given, serve

log = logging.getLogger("catalogue")
PRODUCTS = 400
_KINDS = ("kettle", "lamp", "chair", "clock", "scarf", "teapot", "mirror", "basket", "blanket", "vase")
_LOOKS = ("red", "blue", "green", "oak", "linen", "steel", "small", "large", "round", "striped")


def products() -> list[dict[str, str]]:
    """The same assortment in every run."""
    rng = random.Random(7)
    return [
        {"sku": f"SKU-{number:04d}", "name": f"{rng.choice(_LOOKS)} {rng.choice(_LOOKS)} {rng.choice(_KINDS)}"}
        for number in range(PRODUCTS)
    ]


def build(given: Given) -> Flask:
    app = Flask("catalogue")
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_connections=4, pool_maxsize=32))
    assortment = products()
    by_sku = {product["sku"]: product for product in assortment}

    def priced(chosen: list[dict[str, str]], currency: str) -> list[dict[str, Any]]:
        """With their prices, in one call, and each with a signature that a partner shop can check."""
        answer = session.get(
            f"{given.upstream}/prices",
            params={"sku": ",".join(product["sku"] for product in chosen), "currency": currency},
            timeout=10,
        )
        answer.raise_for_status()
        prices = answer.json()
        rounds = given.config.current()["signature_rounds"]
        listed: list[dict[str, Any]] = [
            {**product, "price": prices[product["sku"]], "currency": currency} for product in chosen
        ]
        text = repr(listed).encode()
        signature = hashlib.pbkdf2_hmac("sha256", text, b"partner", rounds).hex()
        return [{**product, "signature": signature} for product in listed]

    def currency() -> str:
        return str(request.args.get("currency", "EUR"))

    def listing() -> Response:
        size = given.config.current()["page_size"]
        first = request.args.get("page", 0, int) * size % len(assortment)
        return jsonify(priced(assortment[first : first + size], currency()))

    def one(sku: str) -> Response:
        if sku not in by_sku:
            abort(404)
        return jsonify(priced([by_sku[sku]], currency())[0])

    def search() -> Response:
        words = set(request.args.get("q", "").lower().split())
        ranked = sorted(assortment, key=lambda product: -len(words & set(product["name"].split())))
        found = ranked[: given.config.current()["page_size"]]
        log.info("searched for %s: best is %s", " ".join(sorted(words)), found[0]["name"])
        return jsonify(priced(found, currency()))

    def upstream_failed(error: requests.RequestException) -> tuple[Response, int]:
        log.error("pricing did not answer: %s", error)
        return jsonify({"error": "no prices"}), 502

    app.add_url_rule("/products", view_func=listing)
    app.add_url_rule("/products/<sku>", view_func=one)
    app.add_url_rule("/search", view_func=search)
    app.register_error_handler(requests.RequestException, upstream_failed)
    return app


if __name__ == "__main__":
    serve("catalogue", build)

"""The front: pages of the shop as JSON. Asks the catalogue, keeps baskets, formats prices."""

import logging
from collections import OrderedDict
from typing import Any

import requests
from flask import Flask, Response, jsonify, request

from triops.demo.shop.service import Given, serve

log = logging.getLogger("front")


def build(given: Given) -> Flask:
    app = Flask("front")
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_connections=4, pool_maxsize=32))
    baskets: OrderedDict[str, int] = OrderedDict()

    def ask(path: str, **params: Any) -> Any:
        answer = session.get(f"{given.upstream}{path}", params=params, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def shown(product: dict[str, Any]) -> dict[str, Any]:
        config = given.config.current()
        price = f"{product['price']:.{config['decimals']}f} {product['currency']}"
        return {**product, "price": price, "banner": config["banner"]}

    def home() -> Response:
        page = ask("/products", page=request.args.get("page", 0, int), currency=request.args.get("currency", "EUR"))
        return jsonify([shown(product) for product in page])

    def product(sku: str) -> Response:
        return jsonify(shown(ask(f"/products/{sku}", currency=request.args.get("currency", "EUR"))))

    def search() -> Response:
        found = ask("/search", q=request.args.get("q", ""), currency=request.args.get("currency", "EUR"))
        return jsonify([shown(product) for product in found])

    def basket(user: str, sku: str) -> Response:
        product = ask(f"/products/{sku}", currency=request.args.get("currency", "EUR"))
        baskets[user] = baskets.get(user, 0) + 1
        baskets.move_to_end(user)
        while len(baskets) > 1000:  # the baskets that rested longest are forgotten
            baskets.popitem(last=False)
        log.info("basket of %s holds %d, added %s", user, baskets[user], product["name"])
        return jsonify({"items": baskets[user], "added": shown(product)})

    def upstream_failed(error: requests.RequestException) -> tuple[Response, int]:
        log.error("the catalogue did not answer: %s", error)
        return jsonify({"error": "the shop is not available"}), 502

    app.add_url_rule("/", view_func=home)
    app.add_url_rule("/product/<sku>", view_func=product)
    app.add_url_rule("/search", view_func=search)
    app.add_url_rule("/basket/<user>/<sku>", view_func=basket, methods=["POST"])
    app.register_error_handler(requests.RequestException, upstream_failed)
    return app


if __name__ == "__main__":
    serve("front", build)

"""Pricing: what each product costs now, from its own SQLite database."""

import logging

from flask import Flask, Response, jsonify, request

from triops.demo.shop import prices
from triops.demo.shop.catalogue import products
from triops.demo.shop.service import Given, serve

log = logging.getLogger("pricing")
DATABASE = "prices.db"


def build(given: Given) -> Flask:
    app = Flask("pricing")
    database = given.data / DATABASE
    prices.create(database, [product["sku"] for product in products()])

    def quote() -> Response:
        skus = [sku for sku in request.args.get("sku", "").split(",") if sku][:50]
        currency = request.args.get("currency", "EUR")
        quoted = prices.quote(database, skus, currency, given.config.current())
        log.info("quoted %d prices in %s", len(quoted), currency)
        return jsonify(quoted)

    app.add_url_rule("/prices", view_func=quote)
    return app


if __name__ == "__main__":
    serve("pricing", build)

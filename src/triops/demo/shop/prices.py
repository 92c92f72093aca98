"""Pricing's own database: a history of list prices for each product, and the rules that make a price of it.

Rollback journal, not WAL: whoever holds the exclusive lock keeps readers waiting, as in many a real system.
"""

import random
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

HISTORY = 400  # list prices kept of each product; 400 products make 160,000 rows
BUSY_S = 5.0  # how long a reader waits for a lock before it fails

_QUERIES = {
    # One search in the index.
    "index": "SELECT amount FROM prices WHERE sku = ? ORDER BY valid_from DESC LIMIT 1",
    # What "ignore upper and lower case" does to an index: every row is read, for each product.
    "full_scan": "SELECT amount FROM prices WHERE lower(sku) = lower(?) ORDER BY valid_from DESC LIMIT 1",
}


def create(path: Path, skus: Sequence[str]) -> None:
    """Fill a new database; one that exists is left as it is."""
    if path.exists():
        return
    rng = random.Random(11)
    with closing(sqlite3.connect(path)) as connection, connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE prices (sku TEXT NOT NULL, valid_from INTEGER NOT NULL, amount REAL NOT NULL)")
        cursor.execute("CREATE TABLE rules (kind TEXT NOT NULL, threshold REAL NOT NULL, percent REAL NOT NULL)")
        rows = ((sku, day, round(rng.uniform(5, 200), 2)) for sku in skus for day in range(HISTORY))
        cursor.executemany("INSERT INTO prices VALUES (?, ?, ?)", rows)
        cursor.executemany("INSERT INTO rules VALUES (?, ?, ?)", [("discount", 100, 5), ("discount", 150, 8)])
        cursor.execute("CREATE INDEX prices_by_sku ON prices (sku, valid_from)")


def quote(path: Path, skus: Sequence[str], currency: str, config: Mapping[str, Any]) -> dict[str, float]:
    """The price of each product now, rules, tax and currency applied.

    Raises: KeyError for an unknown product or a currency the configuration does not have, ValueError for a rate that
        is no number, sqlite3.OperationalError when the database stays locked.
    """
    with closing(sqlite3.connect(path, timeout=BUSY_S)) as connection:
        cursor = connection.cursor()  # statements through a cursor are what instrumentation sees
        cursor.execute("SELECT threshold, percent FROM rules WHERE kind = 'discount' ORDER BY threshold")
        discounts = cursor.fetchall()
        rate = float(config["currencies"][currency])
        prices = {}
        for sku in skus:
            cursor.execute(_QUERIES[config["price_source"]], (sku,))
            row = cursor.fetchone()
            if row is None:
                raise KeyError(sku)
            percent = max((percent for threshold, percent in discounts if row[0] >= threshold), default=0.0)
            prices[sku] = round(row[0] * (1 - percent / 100) * (1 + config["tax_percent"] / 100) * rate, 2)
        return prices

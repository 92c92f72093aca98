"""A maintenance job on pricing's database: recomputes price history in transactions that keep everyone else out.

It does what such jobs do wrong: it takes the exclusive lock, works through a batch, and keeps the lock while it waits
for what it needs next.
"""

import argparse
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from triops.demo.shop.service import end_with_parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="shop maintenance")
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--hold-s", type=float, default=0.4)
    parser.add_argument("--rest-s", type=float, default=0.15)
    given = parser.parse_args()
    end_with_parent()
    day = 0
    with closing(sqlite3.connect(given.database, timeout=10, isolation_level=None)) as connection:
        while True:
            try:
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:  # readers kept it for 10 s: try again
                continue
            connection.execute("UPDATE prices SET amount = round(amount, 2) WHERE sku = ?", (f"SKU-{day % 400:04d}",))
            time.sleep(given.hold_s)
            connection.execute("COMMIT")
            time.sleep(given.rest_s)
            day += 1


if __name__ == "__main__":
    main()

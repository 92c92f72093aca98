"""How each service of the shop runs: its arguments, its logging, and its end when the demo is gone."""

import argparse
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from triops.demo.shop.config import LiveConfig


@dataclass(frozen=True, slots=True)
class Given:
    """`upstream` is the base URL of the service it calls, `data` the folder of its own state; "" when it has none."""

    port: int
    config: LiveConfig
    upstream: str
    data: Path


def serve(name: str, build: Callable[[Given], Flask]) -> None:
    """Read the command line and serve until stopped. Flask's own threaded server is enough for the demo's load."""
    parser = argparse.ArgumentParser(prog=f"shop {name}")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--upstream", default="")
    parser.add_argument("--data", type=Path, default=Path())
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # one line a request would drown the service's own
    end_with_parent()
    app = build(Given(given.port, LiveConfig(given.settings), given.upstream.rstrip("/"), given.data))
    logging.getLogger(name).info("%s is serving", name)
    app.run(host="127.0.0.1", port=given.port, threaded=True, use_reloader=False)


def end_with_parent() -> None:
    """Leave when the process that started this one is gone, even killed: no demo leaves processes behind."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)

    threading.Thread(target=watch, daemon=True, name="parent").start()

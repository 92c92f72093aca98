"""The shop's parts: prices from the real database, versions, the deployer over HTTP, processes that end."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from triops.demo.children import Children, free_ports
from triops.demo.shop import prices
from triops.demo.shop.catalogue import products
from triops.demo.shop.config import LiveConfig
from triops.demo.shop.deployer import VERSIONS, Deployer, handler
from triops.demo.shop.shop import Shop, post


def until(true: Callable[[], Any], limit_s: float = 20.0) -> Any:
    deadline = time.monotonic() + limit_s
    while not (found := true()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
    return found


def version(service: str, name: str) -> dict[str, Any]:
    return dict(json.loads((VERSIONS / service / f"{name}.json").read_text()))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pricing") / "prices.db"
    prices.create(path, [product["sku"] for product in products()])
    return path


def test_slow_version_answers_the_same_but_reads_every_row(database: Path) -> None:
    skus = ["SKU-0001", "SKU-0399"]
    fast = prices.quote(database, skus, "EUR", version("pricing", "v1"))
    slow = prices.quote(database, skus, "EUR", version("pricing", "v2"))
    assert fast == slow
    assert set(fast) == set(skus)
    with closing(sqlite3.connect(database)) as connection:

        def plan(source: str) -> str:
            return str(connection.execute("EXPLAIN QUERY PLAN " + prices._QUERIES[source], ("SKU-0001",)).fetchall())

        assert "SEARCH" in plan("index")
        assert "SCAN" in plan("full_scan")


def test_broken_version_fails_for_one_currency_only(database: Path) -> None:
    broken = version("pricing", "v3")
    assert prices.quote(database, ["SKU-0001"], "EUR", broken)
    with pytest.raises(ValueError, match="0,86"):
        prices.quote(database, ["SKU-0001"], "GBP", broken)


def test_rules_tax_and_currency(tmp_path: Path) -> None:
    path = tmp_path / "prices.db"
    prices.create(path, ["A", "B"])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE prices SET amount = CASE sku WHEN 'A' THEN 100 ELSE 10 END")
    config = {"price_source": "index", "tax_percent": 20, "currencies": {"EUR": 1, "USD": 2}}
    assert prices.quote(path, ["A", "B"], "USD", config) == {"A": 228.0, "B": 24.0}
    with pytest.raises(KeyError):
        prices.quote(path, ["none"], "EUR", config)


def test_configuration_is_read_again_and_a_bad_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "service.json"
    with pytest.raises(OSError, match="service"):
        LiveConfig(path).current()
    path.write_text('{"version": "v1"}')
    config = LiveConfig(path)
    assert config.current()["version"] == "v1"
    for bad in ("{", "[]"):
        draft = tmp_path / "draft"
        draft.write_text(bad)
        os.replace(draft, path)
        assert config.current()["version"] == "v1"
    draft.write_text('{"version": "v2"}')
    os.replace(draft, path)
    assert config.current()["version"] == "v2"


class Listening:
    """Takes changes, as Triops does."""

    def __init__(self) -> None:
        self.changes: list[dict[str, Any]] = []
        mine = self.changes

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                mine.append({"path": self.path, **body})
                self.send_response(201)
                self.end_headers()
                self.wfile.write(json.dumps({"id": f"chg_{len(mine)}"}).encode())

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def listening() -> Iterator[Listening]:
    listening = Listening()
    yield listening
    listening.server.shutdown()
    listening.server.server_close()


@pytest.fixture
def deploying(tmp_path: Path, database: Path, listening: Listening) -> Iterator[tuple[Deployer, Shop]]:
    deployer = Deployer(tmp_path, database, listening.url)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(deployer))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield deployer, Shop("", f"http://127.0.0.1:{server.server_address[1]}")
    server.shutdown()
    server.server_close()
    deployer.close()


def test_deploy_replaces_reports_and_says_what_changed(
    deploying: tuple[Deployer, Shop], listening: Listening, tmp_path: Path
) -> None:
    _, shop = deploying
    assert shop.deploy("pricing", "v1")["changed"]
    assert listening.changes == []  # the first version replaces nothing
    assert shop.deploy("pricing", "v2")["change"] == "chg_1"
    assert json.loads((tmp_path / "pricing.json").read_text()) == version("pricing", "v2")
    [change] = listening.changes
    assert change["path"] == "/triops/v1/changes"
    assert change["entity"] == {"type": "service", "name": "pricing"}
    assert (change["details"]["from"], change["details"]["to"]) == ("v1", "v2")
    assert change["details"]["diff"] == 'price_source: "index" → "full_scan"'
    assert shop.deploy("pricing", "v2")["changed"] is False
    assert len(listening.changes) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/deploy", {"service": "none", "version": "v1"}),
        ("/deploy", {"service": "pricing", "version": "../front/v1"}),
        ("/deploy", {}),
        ("/jobs/start", {"job": "rm -rf"}),
    ],
)
def test_what_is_not_there_is_refused(deploying: tuple[Deployer, Shop], path: str, body: dict[str, str]) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        post(deploying[1].deployer + path, body)


def test_nobody_listening_does_not_stop_a_deploy(tmp_path: Path, database: Path) -> None:
    deployer = Deployer(tmp_path, database, f"http://127.0.0.1:{free_ports(1)[0]}")
    deployer.deploy("front", "v1")
    assert deployer.deploy("front", "v2") == {"service": "front", "version": "v2", "changed": True, "change": None}


def test_job_keeps_readers_waiting_until_it_is_stopped(
    deploying: tuple[Deployer, Shop], listening: Listening, database: Path
) -> None:
    deployer, shop = deploying

    def locked() -> bool:
        try:
            with closing(sqlite3.connect(database, timeout=0)) as connection:
                connection.execute("SELECT count(*) FROM rules").fetchone()
            return False
        except sqlite3.OperationalError:
            return True

    shop.start_job("recompute-history")
    until(locked)
    assert deployer.state()["jobs"] == ["recompute-history"]
    post(f"{shop.deployer}/jobs/stop", {"job": "recompute-history"})
    assert not locked()
    assert [(c["entity"]["type"], c["kind"], c["details"]["to"]) for c in listening.changes] == [
        ("database", "job", "running"),
        ("database", "job", "stopped"),
    ]


def test_children_end_together_and_the_dead_are_named(tmp_path: Path) -> None:
    children = Children(tmp_path)
    children.start("lasting", [sys.executable, "-c", "import time; time.sleep(600)"], {})
    children.start("brief", [sys.executable, "-c", "print('why it ended')"], {})
    processes = list(children._processes.values())
    dead = until(children.dead)
    assert list(dead) == ["brief"]
    assert "why it ended" in dead["brief"]
    children.stop()
    children.stop()
    assert all(process.poll() is not None for process in processes)


def test_orphans_leave_by_themselves(database: Path) -> None:
    """Even when the parent is killed."""
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys, time\n"
            "command = [sys.executable, '-m', 'triops.demo.shop.maintenance', '--database', sys.argv[1]]\n"
            "child = subprocess.Popen(command)\n"
            "print(child.pid, flush=True); time.sleep(600)",
            str(database),
        ],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    until(lambda: any("maintenance" in part for part in child.cmdline()))
    until(lambda: child.num_threads() > 1)  # it watches its parent
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)

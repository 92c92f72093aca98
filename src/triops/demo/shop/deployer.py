"""The deployer: puts a version of a service's configuration in place, starts and stops jobs on its database, and tells
Triops of each change, as a pipeline's hook would with one curl.

    POST /deploy {"service", "version"}      GET /state
    POST /jobs/start {"job"}                 POST /jobs/stop {"job"}
"""

import argparse
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from triops.demo.shop.service import end_with_parent

log = logging.getLogger("deployer")
VERSIONS = Path(__file__).parent / "versions"
DATABASE_ENTITY = {"type": "database", "name": "sqlite"}  # as the SQLite instrumentation's spans name it
JOBS = {"recompute-history": "recomputes price history, a transaction at a time"}
_BODY_BYTES = 64 << 10


class Refused(Exception):
    """The request asks for what is not there."""


@dataclass
class Deployer:
    configs: Path
    database: Path
    triops: str  # base URL; "" reports to no one
    key: str = ""
    _jobs: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def deploy(self, service: str, version: str) -> dict[str, Any]:
        """Replace the configuration atomically. Deploying what runs already changes nothing and reports nothing."""
        known = sorted(path.name for path in VERSIONS.iterdir() if path.is_dir())
        if service not in known:
            raise Refused(f"no service {service!r}; there are {', '.join(known)}")
        versions = {path.stem: path for path in (VERSIONS / service).glob("*.json")}
        if version not in versions:
            raise Refused(f"no version {version!r} of {service}; there are {', '.join(sorted(versions))}")
        target = self.configs / f"{service}.json"
        with self._lock:
            new = json.loads(versions[version].read_text("utf-8"))
            old = json.loads(target.read_text("utf-8")) if target.exists() else {}
            if old == new:
                return {"service": service, "version": version, "changed": False}
            draft = target.with_suffix(".new")
            draft.write_text(json.dumps(new), "utf-8")
            os.replace(draft, target)
        if not old:
            return {"service": service, "version": version, "changed": True}
        diff = _diff(old, new)
        reported = self._report(
            {
                "entity": {"type": "service", "name": service},
                "kind": "deploy",
                "title": f"{service} {old['version']} → {version}",
                "author": "deployer",
                "details": {"from": old["version"], "to": version, "diff": diff},
            }
        )
        return {"service": service, "version": version, "changed": True, "change": reported}

    def start(self, job: str) -> dict[str, Any]:
        self._known(job)
        with self._lock:
            running = self._jobs.get(job)
            if running and running.poll() is None:
                return {"job": job, "running": True, "changed": False}
            command = [sys.executable, "-m", "triops.demo.shop.maintenance", "--database", str(self.database)]
            self._jobs[job] = subprocess.Popen(command)
        reported = self._report(
            {
                "entity": DATABASE_ENTITY,
                "kind": "job",
                "title": f"job {job} started on the prices database",
                "author": "deployer",
                "details": {"job": job, "from": "stopped", "to": "running", "diff": JOBS[job]},
            }
        )
        return {"job": job, "running": True, "changed": True, "change": reported}

    def stop(self, job: str) -> dict[str, Any]:
        self._known(job)
        with self._lock:
            process = self._jobs.pop(job, None)
            if process is None:
                return {"job": job, "running": False, "changed": False}
            process.terminate()
            process.wait(10)
        reported = self._report(
            {
                "entity": DATABASE_ENTITY,
                "kind": "job",
                "title": f"job {job} stopped on the prices database",
                "author": "deployer",
                "details": {"job": job, "from": "running", "to": "stopped"},
            }
        )
        return {"job": job, "running": False, "changed": True, "change": reported}

    def state(self) -> dict[str, Any]:
        services = {path.stem: json.loads(path.read_text("utf-8"))["version"] for path in self.configs.glob("*.json")}
        return {"services": services, "jobs": [job for job, process in self._jobs.items() if process.poll() is None]}

    def close(self) -> None:
        with self._lock:
            for process in self._jobs.values():
                process.kill()
                process.wait()
            self._jobs.clear()

    def _known(self, job: str) -> None:
        if job not in JOBS:
            raise Refused(f"no job {job!r}; there are {', '.join(sorted(JOBS))}")

    def _report(self, change: dict[str, Any]) -> str | None:
        """The id of the change in Triops. A deploy does not fail because nobody listens."""
        if not self.triops:
            return None
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        body = json.dumps(change).encode()
        request = urllib.request.Request(f"{self.triops}/triops/v1/changes", body, headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
                return str(json.load(answer)["id"])
        except (OSError, HTTPException, ValueError, KeyError) as error:
            log.warning("the change was not reported: %s", error)
            return None


def _diff(old: dict[str, Any], new: dict[str, Any]) -> str:
    """What changed, a line a key, the version itself left out."""
    keys = [key for key in {**old, **new} if key != "version" and old.get(key) != new.get(key)]
    return "\n".join(f"{key}: {json.dumps(old.get(key))} → {json.dumps(new.get(key))}" for key in keys)


def handler(deployer: Deployer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, deployer.state()) if self.path == "/state" else self._answer(404, {"error": "no page"})

        def do_POST(self) -> None:
            try:
                length = int(self.headers.get("Content-Length", "0"))
                if length > _BODY_BYTES:
                    raise Refused(f"the body is over {_BODY_BYTES} bytes")
                asked = json.loads(self.rfile.read(length) or b"{}")
                if self.path == "/deploy":
                    self._answer(200, deployer.deploy(str(asked["service"]), str(asked["version"])))
                elif self.path == "/jobs/start":
                    self._answer(200, deployer.start(str(asked["job"])))
                elif self.path == "/jobs/stop":
                    self._answer(200, deployer.stop(str(asked["job"])))
                else:
                    self._answer(404, {"error": "no such call"})
            except (Refused, ValueError, KeyError, TypeError) as error:
                self._answer(400, {"error": str(error)})

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:
            log.info(format, *args)

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser(prog="shop deployer")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--configs", type=Path, required=True)
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--triops", default="")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    end_with_parent()
    deployer = Deployer(given.configs, given.database, given.triops.rstrip("/"), os.environ.get("TRIOPS_KEY", ""))
    server = ThreadingHTTPServer(("127.0.0.1", given.port), handler(deployer))

    def leave(*_: object) -> None:
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, leave)
    try:
        server.serve_forever()
    finally:
        deployer.close()


if __name__ == "__main__":
    main()

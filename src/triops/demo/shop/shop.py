"""The whole shop as processes: three instrumented services, the deployer, the load."""

import json
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triops.demo.children import Children, free_ports
from triops.demo.shop.deployer import Deployer
from triops.demo.shop.pricing import DATABASE

SERVICES = ("front", "catalogue", "pricing")


@dataclass(frozen=True, slots=True)
class Shop:
    front: str
    deployer: str

    def deploy(self, service: str, version: str) -> dict[str, Any]:
        """Raises: OSError when the deployer refuses or does not answer."""
        return post(f"{self.deployer}/deploy", {"service": service, "version": version})

    def start_job(self, job: str) -> dict[str, Any]:
        return post(f"{self.deployer}/jobs/start", {"job": job})


def open_shop(children: Children, folder: Path, triops: str, per_s: float) -> Shop:
    """Start every process. `triops` is the base URL of the server: telemetry and changes go there.

    The services get two variables, the ones any service would be given: where to send, and what it is called.
    """
    configs = folder / "configs"
    configs.mkdir(parents=True, exist_ok=True)
    setup = Deployer(configs, folder / DATABASE, "")
    for service in SERVICES:
        setup.deploy(service, "v1")
    ports = dict(zip((*SERVICES, "deployer"), free_ports(4), strict=True))
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    upstream = {"front": urls["catalogue"], "catalogue": urls["pricing"], "pricing": ""}
    instrument = str(Path(sys.executable).parent / "opentelemetry-instrument")
    for service in reversed(SERVICES):
        children.start(
            service,
            [
                instrument, sys.executable, "-m", f"triops.demo.shop.{service}", "--port", str(ports[service]),
                "--settings", str(configs / f"{service}.json"), "--upstream", upstream[service], "--data", str(folder),
            ],
            {"OTEL_EXPORTER_OTLP_ENDPOINT": triops, "OTEL_SERVICE_NAME": service},
        )  # fmt: skip
    module = [sys.executable, "-m"]
    children.start(
        "deployer",
        [
            *module, "triops.demo.shop.deployer", "--port", str(ports["deployer"]), "--configs", str(configs),
            "--database", str(folder / DATABASE), "--triops", triops,
        ],
        {},
    )  # fmt: skip
    load = [*module, "triops.demo.shop.load", "--url", urls["front"], "--per-s", str(per_s), "--after"]
    children.start("load", [*load, *(str(ports[service]) for service in SERVICES)], {})
    return Shop(urls["front"], urls["deployer"])


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    # Only ever loopback: the demo's own processes.
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return dict(json.load(answer))

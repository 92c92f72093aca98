"""Writes a picture of every page, light and dark, on a desk and (a few of them) on a phone.

    python -m benchmarks.screenshots [FOLDER] [--url URL] [--fault latency]

Without --url it runs the demo: a real shop, a real fault, and pictures while the proposed action waits; those of runs
and of language models need --url of what `make demo-mlops` or `make demo-llmops` left open. FOLDER is docs/images by
default. Needs Chromium at /usr/bin/chromium, or --chromium PATH.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from triops.sdk import ApiError, Client, Unreachable
from triops.testing.server import wait_for

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SETTLE_MS = 800  # charts draw after the data arrive
ON_A_PHONE = ("overview", "incident", "topology", "llm-traces")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("docs/images"))
    parser.add_argument("--url", help="a running server to take pictures of")
    parser.add_argument("--fault", default="latency")
    parser.add_argument("--chromium", type=Path, default=Path("/usr/bin/chromium"))
    chosen = parser.parse_args()
    if not chosen.chromium.exists():
        print(f"no Chromium at {chosen.chromium}: no pictures", file=sys.stderr)
        return 1
    chosen.folder.mkdir(parents=True, exist_ok=True)
    if chosen.url:
        take(chosen.url.rstrip("/"), chosen.folder, chosen.chromium)
        return 0
    with tempfile.TemporaryDirectory() as data:
        port = free_port()
        command = [sys.executable, "-m", "triops", "demo", "--port", str(port), "--data", data, "--fault", chosen.fault]
        demo = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            url = f"http://127.0.0.1:{port}"
            client = Client(url)
            wait_for(
                lambda: demo.poll() is not None or waiting(client), limit_s=300, every_s=1, what="a proposed action"
            )
            if demo.poll() is not None:
                print("the demo ended before its fault was seen", file=sys.stderr)
                return 1
            time.sleep(20)  # so that the fault is more than an edge of the charts
            take(url, chosen.folder, chosen.chromium)
        finally:
            demo.terminate()  # it ends its own children
            try:
                demo.wait(90)
            except subprocess.TimeoutExpired:
                os.killpg(demo.pid, signal.SIGKILL)
    return 0


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def waiting(client: Client) -> bool:
    try:
        return bool(client.actions(status="waiting"))
    except (Unreachable, ApiError):  # not up yet
        return False


def pages(url: str) -> dict[str, str]:
    """Name → path, with what is there to show."""
    client = Client(url)
    incidents: list[Any] = client.incidents()
    traces: list[Any] = client.traces(min_duration_ms=100, limit=20) or client.traces(limit=20)
    metrics = client.call("GET", "/metrics/labels/__name__/values")["items"]
    hurt = incidents[0]["hypotheses"][0]["entity"] if incidents and incidents[0]["hypotheses"] else "service:front"
    best = "system.cpu.utilization" if "system.cpu.utilization" in metrics else (metrics or [""])[0]
    found = {
        "overview": "/ui?from=-5m",
        "incidents": "/ui/incidents?from=-5m",
        "topology": "/ui/topology?from=-5m",
        "entity": f"/ui/entities/{hurt}?from=-5m",
        "panel": f"/ui/topology?from=-5m&panel={hurt}",
        "metrics": f"/ui/metrics?from=-5m&q={best}",
        "logs": "/ui/logs?from=-5m",
        "traces": "/ui/traces?from=-5m",
        "changes": "/ui/changes?from=-5m",
        "start": "/ui/start",
        "settings": "/ui/settings",
        "documents": "/ui/settings?tab=documents",
    }
    found |= training_pages(client) | language_pages(client)
    if incidents:
        found["incident"] = f"/ui/incidents/{incidents[0]['id']}"
    if traces:
        fullest = max(traces, key=lambda t: t["span_count"])
        found["trace"] = f"/ui/traces/{fullest['trace_id']}"
    return found


def training_pages(client: Client) -> dict[str, str]:
    """The pages of runs and models, where there are any."""
    found = {"experiments": "/ui/experiments", "models": "/ui/models"}
    experiments = client.call("GET", "/experiments")["items"]
    fullest = max(experiments, key=lambda e: e["runs"], default=None)
    if fullest and fullest["runs"]:
        id_ = fullest["id"]
        runs = [run["id"] for run in client.call("GET", "/runs", experiment=id_, limit=3)["items"]]
        chosen = "&".join(f"run={run}" for run in runs)
        found |= {
            "experiment": f"/ui/experiments/{id_}",
            "compare": f"/ui/compare?{chosen}&smooth=0.6",
            "parallel": f"/ui/compare?experiment={id_}&tab=parallel",
            "run": f"/ui/runs/{runs[0]}",
        }
    models = client.call("GET", "/models")["items"]
    if models:
        found["model"] = f"/ui/models/{models[0]['name']}"
    return found


def language_pages(client: Client) -> dict[str, str]:
    """The pages of language models, where any was asked."""
    asked = client.call("GET", "/llm/traces", limit=50)["items"]
    if not asked:
        return {}
    fullest = max(asked, key=lambda t: t["spans"])
    shown = f"/ui/llm/traces/{fullest['trace']}"
    found = {"llm-traces": "/ui/llm", "llm-trace": shown, "llm-waterfall": f"{shown}?tab=waterfall", "cost": "/ui/cost"}
    found |= {"prompts": "/ui/prompts", "playground": "/ui/playground", "gateway": "/ui/gateway"}
    for prompt in client.call("GET", "/prompts", limit=1)["items"]:
        one = f"/ui/prompts/{prompt['name']}"
        found |= {"prompt": one, "prompt-diff": f"{one}?tab=diff", "prompt-usage": f"{one}?tab=usage"}
    for incident in client.incidents():
        if any(claim["detector"] == "llm.calls" for claim in incident["anomalies"]):
            found["llm-incident"] = f"/ui/incidents/{incident['id']}"
    return found


def take(url: str, folder: Path, chromium: Path) -> None:
    found = pages(url)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for theme in ("light", "dark"):
            shoot(browser, url, folder, found, theme, (1280, 800), "")
        phone = {name: found[name] for name in ON_A_PHONE if name in found}
        shoot(browser, url, folder, phone, "light", (390, 844), "-phone")
        browser.close()


def shoot(
    browser: Browser, url: str, folder: Path, found: dict[str, str], theme: str, size: tuple[int, int], mark: str
) -> None:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=theme)
    page = context.new_page()
    for name, path in found.items():
        page.goto(url + path)
        page.wait_for_selector("html[data-ready]", state="attached")
        page.wait_for_timeout(SETTLE_MS)
        to = folder / f"{name}-{theme}{mark}.png"
        page.screenshot(path=to)
        print(f"{to}  {to.stat().st_size / 1e3:.0f} kB")
    context.close()


if __name__ == "__main__":
    raise SystemExit(main())

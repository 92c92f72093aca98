"""A real server with real telemetry, and a real browser in front of it. One of each for all tests of a run."""

import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from triops.testing.server import RunningTriops
from triops.testing.upstream import LoopbackProvider

sys.path.insert(0, str(Path(__file__).parent))
from language import Spoken, speak
from seeding import Seeded, seed

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Hook:
    """What the proposed action calls: remembers each body."""

    url: str
    bodies: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Watched:
    """A page, and everything it did that a page of ours must not."""

    page: Page
    base: str
    faults: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Go there and wait until the page has drawn its data."""
        self.page.goto(self.base + path)
        self.ready()
        return self.page

    def sound(self, name: str, *, looked_over: bool = True) -> list[str]:
        """The open page shows no failure, fits its window and ran nothing out of data. Answers what it does that keeps
        people out, in axe's words; [] unless `looked_over`."""
        page = self.page
        assert page.locator(".failure").count() == 0, f"{name}: {page.locator('.failure').all_inner_texts()}"
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{name} is {overflow} px wider than its window"
        assert page.title() != "owned", f"{name} ran a script out of data"
        if not looked_over:
            return []
        page.evaluate(AXE.read_text())
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{name}: {v['id']} ({v['impact']}) {[n['html'][:160] for n in v['nodes'][:3]]}"
            for v in found["violations"]
            if v["impact"] in ("serious", "critical")
        ]

    def ready(self) -> None:
        path = urlsplit(self.page.url).path
        self.page.wait_for_selector(f'html[data-ready="{path}"]', state="attached", timeout=15_000)


@pytest.fixture(scope="session")
def hook() -> Iterator[Hook]:
    heard = Hook("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard.url = f"http://127.0.0.1:{server.server_port}/deploy"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield heard
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def triops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    with RunningTriops(tmp_path_factory.mktemp("browser") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def chromium() -> Path:
    if not CHROMIUM.exists():
        pytest.skip("no /usr/bin/chromium: the UI is not tested here")
    return CHROMIUM


@pytest.fixture(scope="session")
def seeded(chromium: Path, triops: RunningTriops, hook: Hook) -> Seeded:
    return seed(triops.url, hook.url)


@pytest.fixture(scope="session")
def spoken(chromium: Path, triops: RunningTriops) -> Iterator[Spoken]:
    with LoopbackProvider() as provider:
        yield speak(triops.url, provider, triops.client)


@pytest.fixture(scope="module")  # a longer one would keep its event loop running under the asynchronous tests
def browser(chromium: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, triops: RunningTriops) -> Iterator[Any]:
    """`visit(width=390, height=844, theme="dark") -> Watched`; at the end no page may have done wrong."""
    contexts: list[BrowserContext] = []
    opened: list[Watched] = []

    def make(
        base: str = "", width: int = 1280, height: int = 800, theme: str = "light", refused: bool = False
    ) -> Watched:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
        contexts.append(context)
        watched = Watched(context.new_page(), base or triops.url)

        def console(message: ConsoleMessage) -> None:
            if refused and "401" in message.text:
                return  # the browser reports each refused call by itself
            if message.type in ("error", "warning"):
                watched.faults.append(f"console: {message.text} {message.location}")

        def request(request: Request) -> None:
            if not request.url.startswith((watched.base + "/", "data:", "blob:")):
                watched.faults.append(f"asks another host: {request.url}")

        watched.page.on("console", console)
        watched.page.on("pageerror", lambda error: watched.faults.append(f"threw: {error}"))
        watched.page.on("request", request)
        opened.append(watched)
        return watched

    yield make
    faults = [fault for watched in opened for fault in watched.faults]
    for context in contexts:
        context.close()
    assert faults == []

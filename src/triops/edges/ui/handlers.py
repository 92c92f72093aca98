"""Routes of the web UI: `/` and `/ui/...` answer one small document, `/ui/static/...` its modules.

The document and the modules are public: they hold no data. Every number on a page comes from the native API, which
checks the key or the session cookie. Pages are drawn in the browser, so a visitor costs this process nothing but
that JSON.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from triops.edges.ui.assets import Asset, Assets

_STATIC = Path(__file__).parent / "static"
# Modules that only some pages load.
_LATER = ("pages/", "vendor/", "parts/play", "parts/prompt", "parts/gateway", "parts/keyform")
_YEAR_S = 365 * 24 * 3600
# Charts set inline styles on their canvas and tooltip, hence 'unsafe-inline' for styles; never for scripts.
_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_SAFE = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


def routes() -> list[BaseRoute]:
    """What the UI answers. Needs no argument: it shares nothing with the process but the port."""
    assets = Assets(_STATIC)

    async def root(request: Request) -> Response:
        return RedirectResponse("/ui", status_code=307)

    async def document(request: Request) -> Response:
        await _loaded(assets)
        return Response(_document(assets), media_type="text/html", headers={**_SAFE, "cache-control": "no-cache"})

    async def static(request: Request) -> Response:
        await _loaded(assets)
        version, _, rest = request.path_params["path"].partition("/")
        fresh = version == assets.version
        # An older version in the path is a page opened before an upgrade: it gets today's file, uncached.
        asset = assets.get(rest) if fresh or _is_version(version) else assets.get(request.path_params["path"])
        if asset is None:
            return Response("no such file", 404, _SAFE, "text/plain")
        return _answer(asset, request.headers, immutable=fresh)

    return [
        Route("/", root, methods=["GET"], include_in_schema=False),
        Route("/ui/static/{path:path}", static, methods=["GET"], include_in_schema=False),
        Route("/ui", document, methods=["GET"], include_in_schema=False),
        Route("/ui/{path:path}", document, methods=["GET"], include_in_schema=False),
    ]


def _document(assets: Assets) -> bytes:
    """index.html with the version in its addresses, and with every module that all pages share fetched at once:
    a browser would else learn of them one import after the other."""
    page = assets.get("index.html")
    assert page is not None, "index.html ships with the package"
    shared = [n for n in assets.names() if n.endswith(".js") and not n.startswith(_LATER) and n != "theme.js"]
    links = "\n".join(f'<link rel="modulepreload" href="/ui/static/{{version}}/{name}">' for name in shared)
    return page.body.replace(b"{preload}", links.encode()).replace(b"{version}", assets.version.encode())


async def _loaded(assets: Assets) -> None:
    if not assets.loaded:
        await asyncio.to_thread(assets.load)


def _is_version(segment: str) -> bool:
    return len(segment) == 12 and all(c in "0123456789abcdef" for c in segment)


def _answer(asset: Asset, asked: Mapping[str, str], *, immutable: bool) -> Response:
    cache = f"public, max-age={_YEAR_S}, immutable" if immutable else "no-cache"
    headers = {**_SAFE, "etag": asset.etag, "cache-control": cache, "vary": "accept-encoding"}
    if asset.etag in asked.get("if-none-match", "").replace("W/", "").split(", "):
        return Response(status_code=304, headers=headers)
    body = asset.body
    if asset.gzipped and "gzip" in asked.get("accept-encoding", ""):
        body = asset.gzipped
        headers["content-encoding"] = "gzip"
    return Response(body, headers={**headers, "content-type": asset.content_type})

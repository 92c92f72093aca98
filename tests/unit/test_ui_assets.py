"""The files of the UI over HTTP: caching, encodings, the policy, and that nothing outside the folder is served."""

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from triops.edges.ui import routes
from triops.edges.ui.assets import Assets

STATIC = Path(__file__).parents[2] / "src/triops/edges/ui/static"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://triops") as client:
        yield client


async def test_the_root_leads_to_the_ui_and_any_page_is_the_document(client: httpx.AsyncClient) -> None:
    root = await client.get("/")
    assert (root.status_code, root.headers["location"]) == (307, "/ui")
    for path in ("/ui", "/ui/", "/ui/incidents/inc_1", "/ui/entities/service:a/b"):
        page = await client.get(path)
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["cache-control"] == "no-cache"
        assert "{version}" not in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "script" not in policy  # scripts fall under default-src: own files only, none inline
    assert not re.search(r"<script(?![^>]*src=)", page.text)
    assert len(page.content) < 8000
    assert page.text.count("modulepreload") > 20


async def test_what_the_document_names_is_there_and_kept_for_good(client: httpx.AsyncClient) -> None:
    page = (await client.get("/ui")).text
    names = re.findall(r'(?:src|href)="(/ui/static/[^"]+)"', page)
    assert len(names) > 20
    for name in names:
        answer = await client.get(name)
        assert answer.status_code == 200
        assert answer.headers["cache-control"].endswith("immutable")


async def test_etag_gzip_and_older_versions(client: httpx.AsyncClient) -> None:
    plain = await client.get("/ui/static/app.js", headers={"accept-encoding": "identity"})
    packed = await client.get("/ui/static/app.js", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.content == packed.content == (STATIC / "app.js").read_bytes()
    assert plain.headers["cache-control"] == "no-cache"
    same = await client.get("/ui/static/app.js", headers={"if-none-match": plain.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    old = await client.get("/ui/static/0123456789ab/app.js")
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    "path", ["%2e%2e%2fhandlers.py", "..%2fhandlers.py", "%2fetc%2fpasswd", "nothing.js", "parts", ""]
)
async def test_nothing_else_is_served(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"/ui/static/{path}")).status_code == 404


@given(st.text(max_size=60))
def test_no_name_climbs_out(name: str) -> None:
    asset = ASSETS.get(name)
    assert asset is None or (STATIC / name).read_bytes() == asset.body


ASSETS = Assets(STATIC)
ASSETS.load()


def test_the_version_follows_the_bytes(tmp_path: Path) -> None:
    def version() -> str:
        assets = Assets(tmp_path)
        assets.load()
        assets.load()
        return assets.version

    (tmp_path / "a.js").write_text("let a = 1;")
    first = version()
    assert first == version()
    (tmp_path / "a.js").write_text("let a = 2;")
    assert version() != first


def test_compressed_bytes_are_the_file() -> None:
    for name in ASSETS.names():
        asset = ASSETS.get(name)
        assert asset is not None
        if asset.gzipped:
            assert gzip.decompress(asset.gzipped) == asset.body


def test_every_import_of_a_module_exists_and_none_is_from_elsewhere() -> None:
    for path in STATIC.rglob("*.js"):
        if path.parent.name == "vendor":
            continue
        text = path.read_text()
        for target in re.findall(r"(?:^import[^'\n]*|\bimport\()'([^']+)'", text, re.M):
            assert target.startswith("."), f"{path.name} imports {target}"
            assert (path.parent / target).is_file(), f"{path.name} imports {target}, which is not there"
        assert "innerHTML" not in text, f"{path.name}: text is set as text nodes only"
        assert not re.search(r"https?://(?!www\.w3\.org)", text), f"{path.name} names another host"

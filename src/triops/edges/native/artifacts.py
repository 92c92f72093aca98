"""A run's artifacts as pages show them: its folders, and files in forms that no browser runs."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from triops.edges.native.asking import JSON, Cursor, Limit, Reader, S
from triops.edges.native.permitting import PERMITTED
from triops.kernel.page import decode_cursor, encode_cursor
from triops.lenses.mlops.artifacts import joined, safe_path
from triops.web.files import file_response
from triops.web.media import disposition, media_type

router = APIRouter(dependencies=PERMITTED)
_SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif", "image/svg+xml"})
_HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
}
Path = Annotated[str, Query(max_length=4096, description="below the run's artifacts")]


@router.get("/runs/{id}/artifacts", summary="What lies in a folder of a run's artifacts")
async def artifacts(
    who: Reader, services: S, id: str, path: Path = "", limit: Limit = 1000, cursor: Cursor = None
) -> JSON:
    below = safe_path(path, root=True)
    place = services.places.at(await services.owners.run(who.project, id), below)
    after = decode_cursor(cursor, str)[0] if cursor else ""
    entries = await place.files.list(who.project, place.path, after, limit + 1)
    shown = entries[:limit]
    return {
        "items": [
            {"path": joined(below, entry.name), "is_dir": entry.size is None, "size": entry.size} for entry in shown
        ],
        "next": encode_cursor(shown[-1].key) if len(entries) > limit else None,
    }


@router.get("/runs/{id}/artifacts/content", summary="A file: to look at, or to save")
async def content(request: Request, who: Reader, services: S, id: str, path: Path, download: bool = False) -> Response:
    """Images and texts are shown in place, everything else is saved; nothing that is sent is run."""
    place = services.places.at(await services.owners.run(who.project, id), safe_path(path))
    found = await place.files.find(who.project, place.path)
    name = place.path.rpartition("/")[2]
    kind = media_type(name)
    inline = kind in _SHOWN or kind == "text/plain"
    headers = {
        **_HEADERS,
        "content-type": ("text/plain; charset=utf-8" if kind == "text/plain" else kind)
        if inline
        else "application/octet-stream",
        "content-disposition": disposition(name, inline=inline and not download),
    }
    return await file_response(
        request,
        size=found.size,
        tag=found.tag,
        at=found.at,
        open=lambda start, end: place.files.read(who.project, found, start, end),
        headers=headers,
    )

"""Artifacts as downloads with the headers that MLflow sends: always an attachment, never sniffed, texts all plain."""

from starlette.requests import Request
from starlette.responses import Response

from triops.kernel.ids import ProjectId
from triops.lenses.mlops.artifacts import Place
from triops.web.files import file_response
from triops.web.media import disposition, media_type


async def attachment(request: Request, project: ProjectId, place: Place) -> Response:
    """Raises: NotFound, Invalid (a folder)."""
    found = await place.files.find(project, place.path)
    name = place.path.rpartition("/")[2]
    return await file_response(
        request,
        size=found.size,
        tag=found.tag,
        at=found.at,
        open=lambda start, end: place.files.read(project, found, start, end),
        headers={
            "content-type": media_type(name),
            "content-disposition": disposition(name),
            "x-content-type-options": "nosniff",
        },
    )

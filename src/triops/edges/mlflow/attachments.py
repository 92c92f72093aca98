"""Artifacts as downloads with the headers that MLflow sends: always an attachment, never sniffed, texts all plain."""

import mimetypes
import re
import unicodedata
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from triops.kernel.ids import ProjectId
from triops.lenses.mlops.artifacts import Place
from triops.web.files import file_response

_TEXT = re.compile(
    "txt|log|err|cfg|conf|cnf|cf|ini|properties|prop|hocon|toml|ya?ml|xml|json|js|py3?|csv|tsv|md|rst|ipynb|"
    "MLmodel|mlproject"
)
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


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


def media_type(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    if _TEXT.fullmatch(extension if dot and stem else name):
        return "text/plain"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def disposition(name: str) -> str:
    """RFC 6266; a name that is not ASCII in both forms."""
    if name.isascii():
        return f"attachment; filename={_quoted(name)}"
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode() or "download"
    return f"attachment; filename={_quoted(plain)}; filename*=UTF-8''{quote(name, safe='!#$&+-.^_`|~')}"


def _quoted(text: str) -> str:
    if _TOKEN.issuperset(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

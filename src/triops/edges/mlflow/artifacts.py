"""Artifacts: the proxy that clients write to and read from, and what of runs and models is listed and shown by it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
from starlette.responses import Response

from triops.edges.mlflow.attachments import attachment
from triops.edges.mlflow.fields import text
from triops.edges.mlflow.router import Answer, Call, Endpoint
from triops.edges.mlflow.trace_artifact import cleaned, is_spans
from triops.kernel.errors import Invalid, TooLarge
from triops.kernel.ids import ProjectId
from triops.kernel.tenant import Right
from triops.lenses.mlops.artifacts import Owners, Places, joined, safe_path
from triops.lenses.mlops.genai_traces.redaction import RuleOf
from triops.ports.files import Entry, Files
from triops.web.body import off_loop
from triops.web.receiving import streamed

_LISTED = 100_000  # entries of one folder
_PAGE = 1000
_ENTRY_BYTES = 256  # about what an entry is as an object
_SMALL = 10 << 20  # bytes that `upload-artifact` takes
_SPANS = 64 << 20  # bytes of a trace's spans, where they are redacted
PAGES = ("/get-artifact", "/model-versions/get-artifact", "//model-versions/get-artifact")
_TEST = "tests/conformance/test_mlflow_artifacts.py"


class ArtifactCalls:
    """`rule_of`: what of a project's spans must not be stored."""

    rule_of: RuleOf | None = None

    def __init__(self, places: Places, owners: Owners) -> None:
        self._places = places
        self._owners = owners

    def endpoints(self) -> list[Endpoint]:
        """All under the API's root but `PAGES`, which lie under `/`."""
        proxy = "2.0/mlflow-artifacts/artifacts"
        read, write = Right.READ, Right.SEND
        path = {"path": text()}
        of_run = {"run_id": text(required=True), "path": text(), "page_token": text()}
        of_model = {"artifact_directory_path": text(), "page_token": text()}
        file_of_model = {"artifact_file_path": text()}
        of_run_file = {"run_id": text(), "path": text(required=True)}
        of_version = {"name": text(), "version": text(), "path": text(required=True)}
        model = "2.0/mlflow/logged-models/{model_id}/artifacts/"
        return [
            Endpoint("GET", proxy, self.list, read, path, _TEST),
            Endpoint("GET", proxy + "/{artifact_path:path}", self.download, read, None, _TEST),
            Endpoint("PUT", proxy + "/{artifact_path:path}", self.upload, write, None, _TEST),
            Endpoint("DELETE", proxy + "/{artifact_path:path}", self.delete, Right.WRITE, {}, _TEST),
            Endpoint("GET", "2.0/mlflow/artifacts/list", self.list_of_run, read, of_run, _TEST),
            Endpoint("POST", "2.0/mlflow/upload-artifact", self.upload_small, write, None, _TEST),
            Endpoint("GET", model + "directories", self.list_of_model, read, of_model, _TEST),
            Endpoint("GET", model + "files", self.file_of_model, read, file_of_model, _TEST),
            Endpoint("GET", "get-artifact", self.file_of_run, read, of_run_file, _TEST),
            Endpoint("GET", "model-versions/get-artifact", self.file_of_version, read, of_version, _TEST),
        ]

    async def list(self, call: Call) -> Answer:
        path = safe_path(call.body["path"], root=True)
        entries = await _all(self._places.store, call.project, path)
        return await _written(entries, "", {})

    async def download(self, call: Call) -> Answer:
        place = self._places.stored(call.path["artifact_path"])
        return await attachment(call.request, call.project, place)

    async def upload(self, call: Call) -> Answer:
        given = call.path["artifact_path"]
        path = safe_path(given)
        if given.endswith("/"):
            raise Invalid("Artifact path must include a filename (cannot end with '/').", field="path")
        body = streamed(call.request)
        if is_spans(path) and (rule := await self.rule_of(call.project) if self.rule_of else None):
            body = _once(await asyncio.to_thread(cleaned, await _read(body, _SPANS), rule))
        await self._places.store.write(call.project, path, body)
        return Response()

    async def delete(self, call: Call) -> Answer:
        await self._places.store.delete(call.project, safe_path(call.path["artifact_path"]))
        return {}

    async def list_of_run(self, call: Call) -> Answer:
        path = safe_path(call.body["path"], root=True)
        return await self._list_at(call, await self._owners.run(call.project, call.body["run_id"]), path)

    async def list_of_model(self, call: Call) -> Answer:
        path = safe_path(call.body["artifact_directory_path"], root=True)
        location = await self._owners.logged_model(call.project, call.path["model_id"])
        return await self._list_at(call, location, path)

    async def file_of_run(self, call: Call) -> Answer:
        path = safe_path(call.body["path"])
        location = await self._owners.run(call.project, call.body["run_id"])
        return await attachment(call.request, call.project, self._places.at(location, path))

    async def file_of_version(self, call: Call) -> Answer:
        path = safe_path(call.body["path"])
        location = await self._owners.model_version(call.project, call.body["name"], call.body["version"])
        return await attachment(call.request, call.project, self._places.at(location, path))

    async def file_of_model(self, call: Call) -> Answer:
        if not call.body["artifact_file_path"]:
            raise Invalid('Request must include the "artifact_file_path" query parameter.', field="artifact_file_path")
        path = safe_path(call.body["artifact_file_path"])
        location = await self._owners.logged_model(call.project, call.path["model_id"])
        return await attachment(call.request, call.project, self._places.at(location, path))

    async def upload_small(self, call: Call) -> Answer:
        """What MLflow's own pages write: a file of at most 10 MB."""
        query = call.request.query_params
        run, given = query.get("run_uuid"), query.get("path")
        if not run:
            raise Invalid("Request must specify run_uuid.", field="run_uuid")
        if not given:
            raise Invalid("Request must specify path.", field="path")
        path = safe_path(given)
        data = await _read(streamed(call.request), _SMALL)
        if not data:
            raise Invalid("Request must specify data.", field="data")
        place = self._places.at(await self._owners.run(call.project, run), path)
        await place.files.write(call.project, place.path, _once(data))
        return Response(media_type="application/json")

    async def _list_at(self, call: Call, location: str, path: str) -> Answer:
        place = self._places.at(location, path)
        entries = await _all(place.files, call.project, place.path)
        return await _written(entries, path, {"root_uri": location})


def listing(entries: Sequence[Entry], folder: str) -> dict[str, Any]:
    """By path, as MLflow has them; the member is left out when it is empty, as protobuf does."""
    files = [
        {"path": joined(folder, entry.name), "is_dir": True}
        if entry.size is None
        else {"path": joined(folder, entry.name), "is_dir": False, "file_size": entry.size}
        for entry in sorted(entries, key=lambda entry: entry.name)
    ]
    return {"files": files} if files else {}


async def _written(entries: Sequence[Entry], folder: str, more: dict[str, Any]) -> bytes:
    """As JSON; a long list is not written on the event loop."""
    return await off_loop(len(entries) * _ENTRY_BYTES, lambda: orjson.dumps({**listing(entries, folder), **more}))


async def _all(files: Files, project: ProjectId, path: str) -> Sequence[Entry]:
    """Raises: TooLarge."""
    entries: list[Entry] = []
    while True:
        page = await files.list(project, path, entries[-1].key if entries else "", _PAGE)
        entries += page
        if len(page) < _PAGE:
            return entries
        if len(entries) >= _LISTED:
            raise TooLarge(f"'{path}' has more than {_LISTED} entries; list its folders one by one", limit=_LISTED)


async def _read(body: AsyncIterator[bytes], most: int) -> bytes:
    data = bytearray()
    async for chunk in body:
        data += chunk
        if len(data) > most:
            raise Invalid(f"Artifact size is too large. Max size is {most >> 20}MB.", field="data")
    return bytes(data)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data

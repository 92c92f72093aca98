"""Large artifacts in parts, when a client is told to send them so; and signed URLs of a store, which there are none of.

A part goes to a URL of this server whose last part but one is the upload's secret, since the client's library sends
no credentials with parts.
"""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from triops.edges.mlflow.fields import integer, messages, text
from triops.edges.mlflow.problems import problem
from triops.edges.mlflow.router import Answer, Call, Endpoint
from triops.edges.mlflow.trace_artifact import is_spans
from triops.kernel.errors import Invalid, NotOffered, TriopsError
from triops.kernel.tenant import Right
from triops.lenses.mlops.artifacts import Owners, Uploads, joined, safe_path
from triops.web.receiving import streamed

_PART = "/api/2.0/mlflow-artifacts/mpu/part"
_WEEK_S = 604_800
_TEST = "tests/conformance/test_mlflow_artifacts.py"


class MultipartCalls:
    """`public_url`: how clients reach this server, where it was set; else it is told by each request."""

    def __init__(self, uploads: Uploads, owners: Owners, public_url: str) -> None:
        self._uploads = uploads
        self._owners = owners
        self._public_url = public_url.rstrip("/")

    def endpoints(self) -> list[Endpoint]:
        part = {"part_number": integer(default=0), "etag": text(), "url": text()}
        create = {"path": text(required=True), "num_parts": integer(default=1)}
        complete = {"path": text(required=True), "upload_id": text(), "parts": messages(part, required=True)}
        abort = {"path": text(required=True), "upload_id": text()}
        url = {"run_id": text(), "model_id": text(), "path": text(required=True), "expiration": integer(default=900)}
        mpu = "2.0/mlflow-artifacts/mpu/"
        presigned = "2.0/mlflow/artifacts/presigned-"
        return [
            Endpoint("POST", mpu + "create/{artifact_path:path}", self.create, Right.SEND, create, _TEST),
            Endpoint("POST", mpu + "complete/{artifact_path:path}", self.complete, Right.SEND, complete, _TEST),
            Endpoint("POST", mpu + "abort/{artifact_path:path}", self.abort, Right.SEND, abort, _TEST),
            Endpoint(
                "GET", "2.0/mlflow-artifacts/presigned/{artifact_path:path}", self.presigned, Right.READ, {}, _TEST
            ),
            Endpoint("POST", presigned + "upload-url", self.upload_url, Right.SEND, url, _TEST),
            Endpoint(
                "POST",
                presigned + "download-url",
                self.download_url,
                Right.READ,
                {**url, "run_id": text(required=True)},
                _TEST,
            ),
        ]

    def routes(self) -> list[Route]:
        """Where parts are sent to."""
        return [Route(_PART + "/{upload_id}/{number:int}", self.part, methods=["PUT"])]

    async def create(self, call: Call) -> Answer:
        path, parts = _path(call), call.body["num_parts"]
        if is_spans(path):  # what of them may be stored is seen in the whole alone
            raise Invalid(
                "a trace's spans come whole", field="path", got=path, expected="PUT mlflow-artifacts/artifacts"
            )
        id = await self._uploads.begin(call.project, path, parts)
        url = f"{self._public_url or _origin(call.request)}{_PART}/{id}"
        credentials = [
            {"url": f"{url}/{number}", "part_number": number, "headers": {}} for number in range(1, parts + 1)
        ]
        return {"upload_id": id, "credentials": credentials}

    async def part(self, request: Request) -> Response:
        given: Mapping[str, str] = request.path_params
        try:
            tag = await self._uploads.add(given["upload_id"], int(given["number"]), streamed(request))
        except TriopsError as error:
            return problem(error)
        return Response(headers={"etag": f'"{tag}"'})

    async def complete(self, call: Call) -> Answer:
        parts = [(part["part_number"], part["etag"]) for part in call.body["parts"]]
        await self._uploads.complete(call.project, call.body["upload_id"], _path(call), parts)
        return {}

    async def abort(self, call: Call) -> Answer:
        await self._uploads.abort(call.project, call.body["upload_id"], _path(call))
        return {}

    async def presigned(self, call: Call) -> Answer:
        safe_path(call.path["artifact_path"])
        raise NotOffered("Multipart download is not supported for the current artifact repository")

    async def upload_url(self, call: Call) -> Answer:
        run, model = call.body["run_id"], call.body["model_id"]
        if bool(run) == bool(model):
            raise Invalid("Exactly one of run_id and model_id must be provided.")
        safe_path(call.body["path"])
        owner = self._owners.run if run else self._owners.logged_model
        scheme = _scheme(await owner(call.project, run or model))
        if scheme is not None:
            raise Invalid(
                f"Presigned upload is not supported for proxied artifact storage (artifact URI scheme: {scheme}). "
                "This endpoint requires a direct cloud storage artifact URI."
            )
        raise NotOffered("Presigned upload is not supported for the current artifact repository")

    async def download_url(self, call: Call) -> Answer:
        safe_path(call.body["path"])
        expiration = call.body["expiration"]
        if not 1 <= expiration <= _WEEK_S:
            raise Invalid(f"expiration must be between 1 and {_WEEK_S} seconds (got {expiration}).")
        scheme = _scheme(await self._owners.run(call.project, call.body["run_id"]))
        if scheme is not None:
            raise Invalid(
                "Presigned download is not supported for runs with proxied artifact storage "
                f"(artifact URI scheme: {scheme}). "
                "This endpoint requires a run with a direct cloud storage artifact URI."
            )
        raise NotOffered("Presigned download is not supported for the current artifact repository")


def _path(call: Call) -> str:
    """The folder is in the URL; of the path of the file on the client's machine the name counts."""
    folder = safe_path(call.path["artifact_path"], root=True)
    name = call.body["path"].replace("\\", "/").rpartition("/")[2]
    return joined(folder, safe_path(name))


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _scheme(location: str) -> str | None:
    """Of a location that is reached through a server."""
    scheme = location.partition(":")[0]
    return scheme if scheme in ("http", "https", "mlflow-artifacts") else None

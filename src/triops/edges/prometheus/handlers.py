"""Remote write: POST /api/v1/write. 204 when all samples are stored; 400, with why, when some were refused and the
rest is stored (the sender drops a request answered 4xx, and must not send the good samples again)."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from triops.edges.prometheus.wire import Known, WriteDecoder
from triops.kernel.errors import Invalid, Overloaded, TriopsError, Unsupported
from triops.kernel.ids import ProjectId
from triops.kernel.limits import Limits
from triops.kernel.signal import MetricBatch
from triops.kernel.tenant import Right
from triops.loop.receive import Receiver
from triops.web.access import Authenticate
from triops.web.body import Bodies, media_type, off_loop, request_digest
from triops.web.columns import Decoded
from triops.web.problems import answering

# Prometheus retries 5xx alone (429 only when told to), so what passes by itself must be one.
STATUSES: dict[type[TriopsError], int] = {Overloaded: 503}
_PROJECTS = 256  # whose series are remembered; at the bound all are forgotten


def routes(receiver: Receiver, bodies: Bodies, authenticate: Authenticate, limits: Limits) -> list[Route]:
    """The one route."""
    decoder = WriteDecoder(limits)
    known: dict[ProjectId, Known] = {}

    def decode(project: ProjectId, body: bytes) -> tuple[Decoded[MetricBatch], bytes]:
        if project not in known and len(known) >= _PROJECTS:
            known.clear()
        decoded = decoder.decode(body, known.setdefault(project, Known()))
        return decoded, request_digest(project, "remote_write", body)

    async def write(request: Request) -> Response:
        principal = await authenticate(request.headers, Right.SEND)
        content_type = request.headers.get("content-type", "")
        if media_type(content_type) != "application/x-protobuf" or "write.v2" in content_type:
            raise Unsupported(
                f"content type {content_type[:80]!r} is not spoken here; application/x-protobuf (remote write 1.0) is"
            )
        async with bodies.read(request, request.headers.get("content-encoding", "snappy")) as body:
            decoded, digest = await off_loop(len(body), decode, principal.project, body)
            receipt = await receiver.receive_metrics(
                principal.project, decoded.batch, digest, decoded.refused, "remote_write"
            )
        if receipt.rejected:
            raise Invalid(f"{receipt.accepted} samples are stored; {receipt.message()}")
        return Response(status_code=204)

    return [Route("/api/v1/write", answering(write, STATUSES), methods=["POST"])]

"""POST /webhooks/alertmanager (a receiver of Alertmanager) and POST /api/v2/alerts (in Alertmanager's place)."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from triops.edges.alertmanager.wire import Alerts, decode_alerts, decode_webhook
from triops.kernel.anomaly import Anomaly
from triops.kernel.errors import Invalid, Overloaded, TriopsError, Unsupported
from triops.kernel.ids import ProjectId
from triops.kernel.limits import Limits
from triops.kernel.tenant import Right
from triops.ports.clock import Clock
from triops.web.access import Authenticate
from triops.web.body import JSON_BYTES, Bodies, media_type, off_loop
from triops.web.problems import Handler, answering

AlertSink = Callable[[ProjectId, Sequence[Anomaly]], Awaitable[None]]
STATUSES: dict[type[TriopsError], int] = {Overloaded: 503}  # Alertmanager retries 5xx alone


def routes(alerts: AlertSink, bodies: Bodies, authenticate: Authenticate, clock: Clock, limits: Limits) -> list[Route]:
    """200 with no body when all alerts were taken; 400, with why, when some were refused and the others taken."""

    def handler(decode: Callable[[bytes, float, Limits], Alerts]) -> Handler:
        async def post(request: Request) -> Response:
            principal = await authenticate(request.headers, Right.SEND)
            # Also what keeps a web page elsewhere from posting here: JSON across origins needs a permission.
            if media_type(request.headers.get("content-type", "")) != "application/json":
                raise Unsupported("the content type must be application/json")
            async with bodies.read(request, most=JSON_BYTES) as body:
                found = await off_loop(len(body), decode, body, clock.now(), limits)
            if found.claims:
                await alerts(principal.project, found.claims)
            if found.refused:
                reasons = "; ".join(f"{count} refused: {why}" for why, count in found.refused.items())
                raise Invalid(f"{len(found.claims)} alerts are taken; {reasons}"[:2000])
            return Response(status_code=200)

        return answering(post, STATUSES)

    return [
        Route("/webhooks/alertmanager", handler(decode_webhook), methods=["POST"]),
        Route("/api/v2/alerts", handler(decode_alerts), methods=["POST"]),
    ]

"""POST /events: CloudEvents that say that something was changed."""

from hashlib import blake2b

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from triops.edges.cloudevents.wire import decode
from triops.kernel.limits import Limits
from triops.kernel.tenant import Right
from triops.ledger.changes import Changes
from triops.loop.bus import Bus
from triops.loop.events import ChangeRecorded
from triops.ports.clock import Clock
from triops.web.access import Authenticate
from triops.web.body import JSON_BYTES, Bodies, media_type, off_loop
from triops.web.problems import answering


def routes(
    changes: Changes, bus: Bus, bodies: Bodies, authenticate: Authenticate, clock: Clock, limits: Limits
) -> list[Route]:
    """201 with the changes recorded (known ones again) and how many events were none; 202 when all were none."""

    async def post(request: Request) -> Response:
        principal = await authenticate(request.headers, Right.SEND)
        media = media_type(request.headers.get("content-type", ""))
        async with bodies.read(request, most=JSON_BYTES) as body:
            headers = dict(request.headers)
            events = await off_loop(len(body), decode, headers, media, body, clock.now(), limits)
        items = []
        for event in events:
            if event.change is None:
                continue
            key = "cloudevent:" + blake2b(event.key.encode("utf-8", "replace"), digest_size=16).hexdigest()
            stored = await changes.record(principal.project, event.change, key)
            if stored.id == event.change.id:
                bus.publish(ChangeRecorded(principal.project, stored, "events"))
            items.append({"id": stored.id, "entity": stored.entity, "kind": stored.kind, "at": stored.at})
        answer = orjson.dumps({"items": items, "ignored": len(events) - len(items)})
        return Response(answer, 201 if items else 202, media_type="application/json")

    return [Route("/events", answering(post), methods=["POST"])]

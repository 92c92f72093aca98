"""Answers that need no body. `/health` needs no key, so that probes can ask; `/metrics` asks for one to read."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from triops.edges.health.wire import Sample, exposition
from triops.kernel.errors import TriopsError
from triops.kernel.tenant import Right
from triops.web.auth import Authenticator

MLFLOW_VERSION = "3.17.2"  # whose protocol this server speaks; its client asks
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def routes(auth: Authenticator, status: Callable[[], Awaitable[Mapping[str, Any]]]) -> Sequence[Route]:
    """`status` gives what `GET /triops/v1/status` shows of the server itself."""

    async def health(request: Request) -> Response:
        return PlainTextResponse("OK")

    async def version(request: Request) -> Response:
        return PlainTextResponse(MLFLOW_VERSION)

    async def metrics(request: Request) -> Response:
        try:
            await auth.require(request.headers, Right.READ)
        except TriopsError as error:
            return PlainTextResponse(error.message + "\n", error.status)
        return Response(exposition(_samples(await status())), media_type=CONTENT_TYPE)

    return [
        Route("/health", health, methods=["GET"]),
        Route("/version", version, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]


def _samples(status: Mapping[str, Any]) -> list[Sample]:
    received, process = status["received"], status["process"]
    samples = [
        Sample("triops_start_time_seconds", "gauge", "Unix time of the start.", status["started_at"]),
        Sample("process_resident_memory_bytes", "gauge", "Resident memory.", process["rss_bytes"]),
        Sample("process_cpu_seconds_total", "counter", "CPU time used.", process["cpu_s"]),
    ]
    for kind, count in received["accepted"].items():
        samples.append(
            Sample("triops_received_rows_total", "counter", "Rows accepted and durable.", count, {"kind": kind})
        )
    for row in received["refused"]:
        labels = {"kind": row["kind"], "reason": row["reason"]}
        samples.append(Sample("triops_refused_rows_total", "counter", "Rows refused, and why.", row["count"], labels))
    for kind, usage in status["stores"].items():
        samples.append(Sample("triops_store_bytes", "gauge", "Bytes on disk.", usage["bytes"], {"kind": kind}))
    for field, name, help_ in (
        ("ticks", "triops_job_ticks_total", "Ticks begun."),
        ("failures", "triops_job_failures_total", "Ticks that failed."),
        ("last_took_s", "triops_job_last_duration_seconds", "How long the last tick took."),
    ):
        kind = "counter" if name.endswith("_total") else "gauge"
        samples += [Sample(name, kind, help_, job[field], {"job": job["name"]}) for job in status["jobs"]]
    for name, counts in status["bus"].items():
        labels = {"subscriber": name}
        samples.append(
            Sample("triops_bus_dropped_total", "counter", "Events dropped at the bound.", counts["dropped"], labels)
        )
    return samples

"""The native API, `/triops/v1`: what the UI, the CLI and the SDK use. Its reference is its own OpenAPI document."""

from fastapi import APIRouter, FastAPI

from triops import __version__
from triops.edges.native import (
    artifacts,
    entities,
    experiments,
    gateway,
    governing,
    importing,
    incidents,
    language,
    llm_traces,
    logged_models,
    models,
    overview,
    problems,
    prompts,
    provenance,
    runs,
    spend,
    telemetry,
)
from triops.edges.native.governing import apply_documents
from triops.edges.native.services import Services
from triops.web.bounded import BoundedBodies

__all__ = ["PREFIX", "apply_documents", "native_app"]

PREFIX = "/triops/v1"
_ROUTERS = (
    overview.router,
    provenance.router,  # before `runs/{id}`
    experiments.router,
    runs.router,
    incidents.router,
    entities.router,
    telemetry.router,
    governing.router,
    artifacts.router,
    models.router,
    logged_models.router,
    prompts.router,
    importing.router,
    spend.router,
    gateway.router,
    language.router,
    llm_traces.router,
    prompts.whole,
)


def native_app(services: Services, slices: tuple[APIRouter, ...] = ()) -> FastAPI:
    """`slices`: the routers that lenses' slices bring along."""
    app = FastAPI(
        title="Triops",
        version=__version__,
        description="One loop over services, models and language. Times are unix seconds.",
        openapi_url="/openapi.json",
        docs_url=None,  # its page loads scripts from another host
        redoc_url=None,
        servers=[{"url": PREFIX}],
        root_path_in_servers=False,
    )
    app.state.services = services
    problems.install(app)
    app.add_middleware(BoundedBodies, streamed=(f"{PREFIX}{importing.FILES}",))

    @app.get("/version", summary="Triops' own version")
    async def version() -> dict[str, str]:
        return {"version": __version__}

    for router in (*_ROUTERS, *slices):
        app.include_router(router)
    return app

"""The MLOps lens, composed: its books, services, endpoints and jobs. `app.py` joins it to the rest."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from starlette.routing import BaseRoute, Mount, Route

from triops.adapters.embedded.blobs import FileBlobs
from triops.adapters.embedded.folder import Folder
from triops.edges.mlflow import Endpoint, MlflowApi
from triops.edges.mlflow.artifacts import PAGES, ArtifactCalls
from triops.edges.mlflow.assessments import assessment_endpoints
from triops.edges.mlflow.experiments import experiment_endpoints
from triops.edges.mlflow.guard import Guard
from triops.edges.mlflow.metrics import metric_endpoints
from triops.edges.mlflow.model_versions import ModelVersions
from triops.edges.mlflow.multipart import MultipartCalls
from triops.edges.mlflow.registered_models import RegisteredModels
from triops.edges.mlflow.runs import run_endpoints
from triops.edges.mlflow.spans_intake import SpansIntake, Telemetry
from triops.edges.mlflow.trace_access import TraceAccess
from triops.edges.mlflow.trace_artifact import span_views
from triops.edges.mlflow.traces import trace_endpoints
from triops.kernel.ids import ProjectId
from triops.ledger.artifacts.owners import ArtifactOwners
from triops.ledger.artifacts.paths import ArtifactPaths
from triops.ledger.artifacts.uploads import UploadBook
from triops.ledger.documents import Documents
from triops.ledger.runs.experiments import Experiments
from triops.ledger.runs.log import RunLog
from triops.ledger.runs.naming import Naming
from triops.ledger.traces.assessments import Assessments
from triops.ledger.traces.links import TraceLinks
from triops.ledger.traces.search import TraceSearch
from triops.ledger.traces.traces import Traces
from triops.lenses.mlops.artifacts import Artifacts, Owners, Places, Uploads, checked_root, folder_path
from triops.lenses.mlops.artifacts.locations import check_location
from triops.lenses.mlops.genai_traces import TraceService
from triops.lenses.mlops.permissions import Names, Permissions
from triops.lenses.mlops.registry.gates import Gates
from triops.lenses.mlops.registry.promotions import Promotions
from triops.lenses.mlops.registry.recorded import RecordedOrigins
from triops.lenses.mlops.registry.service import Registry
from triops.lenses.mlops.registry.telling import Teller
from triops.lenses.mlops.tracking import Tracking
from triops.loop.bus import Bus
from triops.loop.jobs import Job
from triops.ports.clock import Clock
from triops.ports.records import Records
from triops.settings import Settings
from triops.web.access import Authenticate
from triops.web.body import Bodies


class Store(Protocol):
    """What is opened before the first request, and closed after the last."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...


@dataclass
class Mlops:
    """What the lens brings: routes for the port, jobs for the supervisor. (Its kinds of documents: `app.py`.)"""

    endpoints: Sequence[Endpoint]
    permissions: Permissions
    stores: Sequence[Store]
    places: Places
    owners: Owners
    traces: TraceService
    spans: Callable[[Telemetry, Callable[[bytes], bytes]], SpansIntake]  # given who takes spans as telemetry
    routes: list[BaseRoute] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    erased: list[Callable[[ProjectId], None]] = field(default_factory=list)  # who must know of a project that is gone


def compose_mlops(
    settings: Settings,
    records: Records,
    documents: Documents,
    bus: Bus,
    clock: Clock,
    data: Path,
    bodies: Bodies,
    authenticate: Authenticate,
    base_url: str,
) -> Mlops:
    """Everything of the lens, wired and not yet started."""
    naming = Naming(records)

    kept_traces = Traces(records)

    async def nothing(project: ProjectId, ids: Collection[str]) -> Mapping[str, str]:
        return {}

    names = Names(naming.experiment_names, naming.experiments_of_runs, nothing, kept_traces.experiments)
    permissions = Permissions(documents, names)

    # Artifacts
    blobs = FileBlobs(data / "blobs")
    artifacts = Artifacts(ArtifactPaths(records), blobs, clock, int(settings.mlops.artifact_gb * (1 << 30)))
    uploads = Uploads(UploadBook(records), artifacts, clock)
    root = checked_root(settings.mlops.artifact_root)
    shared = folder_path(root)
    folder = Folder(Path(shared), most=artifacts.most) if shared is not None else None
    places = Places(artifacts, root, folder)
    blobs = FileBlobs(data / "blobs")
    artifacts = Artifacts(ArtifactPaths(records), blobs, clock, int(settings.mlops.artifact_gb * (1 << 30)))
    uploads = Uploads(UploadBook(records), artifacts, clock)
    places = Places(artifacts, settings.mlops.artifact_root)
    artifact_owners = ArtifactOwners(records)
    owners = Owners(artifact_owners.run, artifact_owners.run, artifact_owners.model_version)
    multipart = MultipartCalls(uploads, owners, settings.server.public_url)

    # Tracking
    experiments = Experiments(records, settings.mlops.artifact_root)
    tracking = Tracking(records, experiments, RunLog(records), bus, clock, partial(check_location, root=root))

    # Traces
    traces = TraceService(kept_traces, TraceSearch(records), TraceLinks(records), experiments, clock, span_views)
    access = TraceAccess(permissions)

    def spans(telemetry: Telemetry, from_json: Callable[[bytes], bytes]) -> SpansIntake:
        return SpansIntake(traces, telemetry, from_json, bodies, authenticate, access)

    def now_ms() -> int:
        return int(clock.now() * 1000)

    # Registry
    gates, origins, teller = Gates(documents), RecordedOrigins(records), Teller(records, bus, clock)
    registry = Registry(records, teller, origins, gates)
    promotions = Promotions(records, teller, origins, gates)
    approve_at = f"{base_url}/ui/models/{{name}}?approval={{id}}"
    tracking = Tracking(records, experiments, RunLog(records), bus, clock, check_location)

    endpoints: list[Endpoint] = [
        *experiment_endpoints(tracking),
        *run_endpoints(tracking),
        *metric_endpoints(tracking),
        *ArtifactCalls(places, owners).endpoints(),
        *multipart.endpoints(),
        *trace_endpoints(traces, access, now_ms),
        *assessment_endpoints(Assessments(records), now_ms),
        *RegisteredModels(registry).endpoints(),
        *ModelVersions(registry, promotions, approve_at).endpoints(),
    ]
    api = MlflowApi(endpoints, bodies, authenticate, Guard(permissions))
    routes: list[BaseRoute] = [
        *multipart.routes(),
        *(Route(page, api) for page in PAGES),
        *(Mount(f"/{twin}/{version}", api) for twin in ("api", "ajax-api") for version in ("2.0", "3.0")),
    ]
    jobs = [
        Job("artifacts", 3600.0, artifacts.sweep, limit_s=600.0),
        Job("uploads", 3600.0, uploads.sweep, limit_s=600.0),
    ]
    stores: list[Store] = [blobs, *([folder] if folder is not None else [])]
    return Mlops(endpoints, permissions, stores, places, owners, traces, spans, routes, jobs, erased=[tracking.forget])
    return Mlops(endpoints, permissions, stores, places, owners, routes, jobs, erased=[tracking.forget])
    return Mlops(endpoints, permissions, blobs, places, owners, routes, jobs, erased=[tracking.forget])
    return Mlops(endpoints, permissions, blobs, places, owners, routes, jobs, [tracking.forget])

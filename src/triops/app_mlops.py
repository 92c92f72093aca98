"""The MLOps lens, composed: its books, services, endpoints and jobs. `app.py` joins it to the rest."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from starlette.routing import BaseRoute, Mount, Route

from triops.adapters.embedded.blobs import FileBlobs
from triops.adapters.embedded.folder import Folder
from triops.app_registry import compose_registry
from triops.edges.mlflow import Endpoint, MlflowApi
from triops.edges.mlflow.artifacts import PAGES, ArtifactCalls
from triops.edges.mlflow.assessments import assessment_endpoints
from triops.edges.mlflow.evaluation_datasets import evaluation_dataset_endpoints
from triops.edges.mlflow.experiments import experiment_endpoints
from triops.edges.mlflow.guard import Guard
from triops.edges.mlflow.left_out import GRAPHQL, left_out_endpoints
from triops.edges.mlflow.logged_models import logged_model_endpoints
from triops.edges.mlflow.metrics import metric_endpoints
from triops.edges.mlflow.model_versions import ModelVersions
from triops.edges.mlflow.multipart import MultipartCalls
from triops.edges.mlflow.registered_models import RegisteredModels
from triops.edges.mlflow.runs import run_endpoints
from triops.edges.mlflow.scorers import scorer_endpoints
from triops.edges.mlflow.search import search_endpoints
from triops.edges.mlflow.server_info import server_info_endpoints
from triops.edges.mlflow.spans_intake import SpansIntake, Telemetry
from triops.edges.mlflow.spans_redaction import redacted_span
from triops.edges.mlflow.spans_wire import span_of
from triops.edges.mlflow.trace_access import TraceAccess
from triops.edges.mlflow.trace_artifact import span_views
from triops.edges.mlflow.trace_json import said_trace
from triops.edges.mlflow.traces import trace_endpoints
from triops.edges.mlflow.webhooks import webhook_endpoints
from triops.kernel.ids import ProjectId
from triops.ledger.artifacts.owners import ArtifactOwners
from triops.ledger.artifacts.paths import ArtifactPaths
from triops.ledger.artifacts.uploads import UploadBook
from triops.ledger.audit import Audit
from triops.ledger.belonging import Belonging
from triops.ledger.documents import Documents
from triops.ledger.entities import Entities
from triops.ledger.evaluations.datasets import EvaluationDatasets
from triops.ledger.evaluations.examples import Examples
from triops.ledger.evaluations.scorers import Scorers
from triops.ledger.logged_models.freeing import LoggedModelsFreeing
from triops.ledger.logged_models.metrics import record_metrics
from triops.ledger.logged_models.models import LoggedModels
from triops.ledger.logged_models.search import LoggedModelSearch
from triops.ledger.runs.compaction import Compaction
from triops.ledger.runs.experiments import Experiments
from triops.ledger.runs.freeing import Freeing
from triops.ledger.runs.links import RunLinks
from triops.ledger.runs.log import RunLog
from triops.ledger.runs.runs import Runs
from triops.ledger.traces.assessments import Assessments
from triops.ledger.traces.freeing import TraceFreeing, has_traces
from triops.ledger.traces.links import TraceLinks
from triops.ledger.traces.search import TraceSearch
from triops.ledger.traces.traces import Traces
from triops.lenses.mlops.artifacts import Artifacts, Owners, Places, Uploads, checked_root, folder_path
from triops.lenses.mlops.artifacts.locations import check_location
from triops.lenses.mlops.artifacts.small import small_file
from triops.lenses.mlops.evaluation import Datasets, ScorerBook
from triops.lenses.mlops.genai_traces import TraceService
from triops.lenses.mlops.genai_traces.plugin import trace_jobs
from triops.lenses.mlops.genai_traces.redaction import RuleOf
from triops.lenses.mlops.importing import EvaluationImport, Importing
from triops.lenses.mlops.logged_models import Models, ModelSearch, logged_model_jobs
from triops.lenses.mlops.permissions import Names, Permissions
from triops.lenses.mlops.provenance import Provenances
from triops.lenses.mlops.registry.parts import RegistryParts, registry_jobs
from triops.lenses.mlops.registry.telling import Teller
from triops.lenses.mlops.search import Search
from triops.lenses.mlops.tracking import Gc, Tracking, tracking_jobs
from triops.lenses.mlops.tracking.naming import random_name
from triops.lenses.mlops.training import TrainingDetector, TrainingProfile
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
    training: TrainingDetector
    stores: Sequence[Store]
    places: Places
    owners: Owners
    artifact_calls: ArtifactCalls
    registry: RegistryParts
    tracking: Tracking
    search: Search
    traces: TraceService
    spans: Callable[[Telemetry, Callable[[bytes], bytes], RuleOf], SpansIntake]  # given who takes spans as telemetry
    importing: Importing
    logged_models: Models
    model_search: ModelSearch
    provenances: Provenances
    freed: Callable[[], Awaitable[None]]  # frees what traces that are gone had on disk
    routes: list[BaseRoute] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    emptied: list[Callable[[ProjectId], Awaitable[None]]] = field(default_factory=list)  # who frees what it had on disk
    erased: list[Callable[[ProjectId], None]] = field(default_factory=list)  # who must know of a project that is gone


def compose_mlops(
    settings: Settings,
    records: Records,
    documents: Documents,
    entities: Entities,
    audit: Audit,
    bus: Bus,
    clock: Clock,
    data: Path,
    bodies: Bodies,
    authenticate: Authenticate,
    base_url: str,
) -> Mlops:
    """Everything of the lens, wired and not yet started."""
    belonging = Belonging(records)
    logged_models, kept_traces = LoggedModels(records), Traces(records)
    names = Names(
        belonging.experiment_names,
        belonging.experiments_of_runs,
        belonging.experiments_of_models,
        kept_traces.experiments,
        belonging.experiments_of_datasets,
    )
    permissions = Permissions(documents, names)

    # Artifacts
    blobs = FileBlobs(data / "blobs")
    artifacts = Artifacts(ArtifactPaths(records), blobs, clock, int(settings.mlops.artifact_gb * (1 << 30)))
    uploads = Uploads(UploadBook(records), artifacts, clock)
    root = checked_root(settings.mlops.artifact_root)
    shared = folder_path(root)
    folder = Folder(Path(shared), most=artifacts.most) if shared is not None else None
    places = Places(artifacts, root, folder)
    artifact_owners = ArtifactOwners(records)
    owners = Owners(artifact_owners.run, logged_models.location, artifact_owners.model_version)
    multipart = MultipartCalls(uploads, owners, settings.server.public_url)

    # Tracking
    experiments = Experiments(records, root)
    checked = partial(check_location, root=root)
    compaction = Compaction(records)
    tracking = Tracking(records, experiments, RunLog(records, record_metrics), bus, clock, checked, compaction)
    search = Search(records)
    gc = Gc(Freeing(records, [has_traces()]), settings.mlops.deleted_days, places.freed)

    # Traces
    traces = TraceService(kept_traces, TraceSearch(records), TraceLinks(records), experiments, clock, span_views)
    access = TraceAccess(permissions)

    def spans(telemetry: Telemetry, from_json: Callable[[bytes], bytes], rule_of: RuleOf) -> SpansIntake:
        return SpansIntake(traces, telemetry, from_json, bodies, authenticate, access, rule_of)

    def now_ms() -> int:
        return int(clock.now() * 1000)

    # Registry
    registry = compose_registry(settings, records, documents, bus, clock, root, places, logged_models)
    approve_at = f"{base_url}/ui/{{pages}}/{{name}}?approval={{id}}"

    # Provenance, and what comes from elsewhere
    provenances = Provenances(Runs(records), RunLinks(records), partial(small_file, places))
    moved = EvaluationImport(records, clock, registry.webhooks, said_trace, span_of, redacted_span)
    importing = Importing(records, experiments, audit, Teller(records, bus, clock), clock, checked, places, moved)

    # Logged models
    models = Models(logged_models, clock, tracking.begin, random_name)
    model_search = ModelSearch(LoggedModelSearch(records))

    # Evaluation
    datasets = Datasets(EvaluationDatasets(records), Examples(records), clock)
    scorers = ScorerBook(Scorers(records), clock, tracking.begin)

    artifact_calls = ArtifactCalls(places, owners)
    endpoints: list[Endpoint] = [
        *experiment_endpoints(tracking),
        *run_endpoints(tracking),
        *metric_endpoints(tracking),
        *search_endpoints(search, tracking),
        *logged_model_endpoints(models, model_search),
        *evaluation_dataset_endpoints(datasets),
        *scorer_endpoints(scorers),
        *server_info_endpoints(),
        *artifact_calls.endpoints(),
        *multipart.endpoints(),
        *RegisteredModels(registry.models).endpoints(),
        *ModelVersions(registry.models, registry.promotions, approve_at).endpoints(),
        *webhook_endpoints(registry.webhooks),
        *trace_endpoints(traces, access, places, now_ms),
        *assessment_endpoints(Assessments(records), now_ms, traces.clean),
    ]
    endpoints += left_out_endpoints(endpoints)
    api = MlflowApi(endpoints, bodies, authenticate, Guard(permissions))
    routes: list[BaseRoute] = [
        *multipart.routes(),
        *(Route(page, api) for page in (*PAGES, GRAPHQL)),
        *(Mount(f"/{twin}/{version}", api) for twin in ("api", "ajax-api") for version in ("2.0", "3.0")),
    ]
    jobs = [
        *tracking_jobs(compaction, gc),
        *trace_jobs(TraceFreeing(records), settings.mlops.deleted_days),
        *logged_model_jobs(LoggedModelsFreeing(records), settings.mlops.deleted_days),
        Job("artifacts", 3600.0, artifacts.sweep, limit_s=600.0),
        Job("uploads", 3600.0, uploads.sweep, limit_s=600.0),
        *registry_jobs(registry),
    ]
    profile = TrainingProfile(stalled_s=settings.mlops.stalled_min * 60)
    stores: list[Store] = [blobs, *([folder] if folder is not None else [])]
    return Mlops(
        endpoints=endpoints,
        permissions=permissions,
        training=TrainingDetector(bus, entities, belonging.models_of, profile),
        stores=stores,
        places=places,
        owners=owners,
        artifact_calls=artifact_calls,
        registry=registry,
        tracking=tracking,
        search=search,
        traces=traces,
        spans=spans,
        importing=importing,
        logged_models=models,
        model_search=model_search,
        provenances=provenances,
        freed=gc.freed,
        routes=routes,
        jobs=jobs,
        emptied=[artifacts.forget],
        erased=[tracking.forget],
    )

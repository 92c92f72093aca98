"""The MLOps lens, composed: its books, services, endpoints and jobs. `app.py` joins it to the rest."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from starlette.routing import BaseRoute, Mount, Route

from triops.adapters.embedded.blobs import FileBlobs
from triops.edges.mlflow import Endpoint, MlflowApi
from triops.edges.mlflow.artifacts import PAGES, ArtifactCalls
from triops.edges.mlflow.evaluation_datasets import evaluation_dataset_endpoints
from triops.edges.mlflow.experiments import experiment_endpoints
from triops.edges.mlflow.guard import Guard
from triops.edges.mlflow.logged_models import logged_model_endpoints
from triops.edges.mlflow.metrics import metric_endpoints
from triops.edges.mlflow.multipart import MultipartCalls
from triops.edges.mlflow.runs import run_endpoints
from triops.edges.mlflow.scorers import scorer_endpoints
from triops.edges.mlflow.server_info import server_info_endpoints
from triops.kernel.ids import ProjectId
from triops.ledger.artifacts.owners import ArtifactOwners
from triops.ledger.artifacts.paths import ArtifactPaths
from triops.ledger.artifacts.uploads import UploadBook
from triops.ledger.documents import Documents
from triops.ledger.evaluations.datasets import EvaluationDatasets
from triops.ledger.evaluations.examples import Examples
from triops.ledger.evaluations.scorers import Scorers
from triops.ledger.logged_models.metrics import record_metrics
from triops.ledger.logged_models.models import LoggedModels
from triops.ledger.logged_models.search import LoggedModelSearch
from triops.ledger.runs.experiments import Experiments
from triops.ledger.runs.log import RunLog
from triops.ledger.runs.naming import Naming
from triops.lenses.mlops.artifacts import Artifacts, Owners, Places, Uploads, check_location
from triops.lenses.mlops.evaluation import Datasets, ScorerBook
from triops.lenses.mlops.logged_models import Models, ModelSearch
from triops.lenses.mlops.permissions import Names, Permissions
from triops.lenses.mlops.tracking import Tracking
from triops.lenses.mlops.tracking.naming import random_name
from triops.loop.bus import Bus
from triops.loop.jobs import Job
from triops.ports.blobs import Blobs
from triops.ports.clock import Clock
from triops.ports.records import Records
from triops.settings import Settings
from triops.web.access import Authenticate
from triops.web.body import Bodies


@dataclass
class Mlops:
    """What the lens brings: routes for the port, jobs for the supervisor. (Its kinds of documents: `app.py`.)"""

    endpoints: Sequence[Endpoint]
    permissions: Permissions
    blobs: Blobs
    places: Places
    owners: Owners
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
) -> Mlops:
    """Everything of the lens, wired and not yet started."""
    naming = Naming(records)
    logged_models = LoggedModels(records)

    async def nothing(project: ProjectId, ids: Collection[str]) -> Mapping[str, str]:
        return {}

    names = Names(naming.experiment_names, naming.experiments_of_runs, logged_models.experiments, nothing)
    permissions = Permissions(documents, names)

    # Artifacts
    blobs = FileBlobs(data / "blobs")
    artifacts = Artifacts(ArtifactPaths(records), blobs, clock, int(settings.mlops.artifact_gb * (1 << 30)))
    uploads = Uploads(UploadBook(records), artifacts, clock)
    places = Places(artifacts, settings.mlops.artifact_root)
    artifact_owners = ArtifactOwners(records)
    owners = Owners(artifact_owners.run, logged_models.location, artifact_owners.model_version)
    multipart = MultipartCalls(uploads, owners, settings.server.public_url)

    # Tracking
    experiments = Experiments(records, settings.mlops.artifact_root)
    checked = partial(check_location, root=settings.mlops.artifact_root)
    tracking = Tracking(records, experiments, RunLog(records, record_metrics), bus, clock, checked)

    # Logged models
    models = Models(logged_models, clock, tracking.begin, random_name)
    model_search = ModelSearch(LoggedModelSearch(records))

    # Evaluation
    datasets = Datasets(EvaluationDatasets(records), Examples(records), clock)
    scorers = ScorerBook(Scorers(records), clock, tracking.begin)

    endpoints: list[Endpoint] = [
        *experiment_endpoints(tracking),
        *run_endpoints(tracking),
        *metric_endpoints(tracking),
        *logged_model_endpoints(models, model_search),
        *evaluation_dataset_endpoints(datasets),
        *scorer_endpoints(scorers),
        *server_info_endpoints(),
        *ArtifactCalls(places, owners).endpoints(),
        *multipart.endpoints(),
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
    return Mlops(endpoints, permissions, blobs, places, owners, routes, jobs, erased=[tracking.forget])

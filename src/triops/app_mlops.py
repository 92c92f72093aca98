"""The MLOps lens, composed: its books, services, endpoints and jobs. `app.py` joins it to the rest."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from starlette.routing import BaseRoute, Mount

from triops.edges.mlflow import Endpoint, MlflowApi
from triops.edges.mlflow.experiments import experiment_endpoints
from triops.edges.mlflow.guard import Guard
from triops.edges.mlflow.metrics import metric_endpoints
from triops.edges.mlflow.runs import run_endpoints
from triops.edges.mlflow.search import search_endpoints
from triops.kernel.errors import Invalid
from triops.kernel.ids import ProjectId
from triops.ledger.documents import Documents
from triops.ledger.runs.experiments import Experiments
from triops.ledger.runs.log import RunLog
from triops.ledger.runs.naming import Naming
from triops.lenses.mlops.permissions import Names, Permissions
from triops.lenses.mlops.search import Search
from triops.lenses.mlops.tracking import Tracking
from triops.loop.bus import Bus
from triops.loop.jobs import Job
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

    async def nothing(project: ProjectId, ids: Collection[str]) -> Mapping[str, str]:
        return {}

    names = Names(naming.experiment_names, naming.experiments_of_runs, nothing, nothing)
    permissions = Permissions(documents, names)

    # Tracking
    experiments = Experiments(records, settings.mlops.artifact_root)
    tracking = Tracking(records, experiments, RunLog(records), bus, clock, check_location)

    endpoints: list[Endpoint] = [
        *experiment_endpoints(tracking),
        *run_endpoints(tracking),
        *metric_endpoints(tracking),
        *search_endpoints(Search(records), tracking),
    ]
    api = MlflowApi(endpoints, bodies, authenticate, Guard(permissions))
    routes: list[BaseRoute] = [
        Mount(f"/{twin}/{version}", api) for twin in ("api", "ajax-api") for version in ("2.0", "3.0")
    ]
    return Mlops(endpoints, permissions, routes, erased=[tracking.forget])


def check_location(uri: str, field: str) -> str:
    """Where a client may have its artifacts: in the server's own store. Raises: Invalid."""
    if not uri.startswith("mlflow-artifacts:"):
        raise Invalid(f"'{field}' must be a mlflow-artifacts: URI. Given: '{uri[:500]}'", field=field)
    return uri

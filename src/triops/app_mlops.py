"""The MLOps lens, composed: its books, services, endpoints and jobs. `app.py` joins it to the rest."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from starlette.routing import BaseRoute, Mount

from triops.edges.mlflow import Endpoint, MlflowApi
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
    routes: list[BaseRoute] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)


def compose_mlops(
    settings: Settings,
    records: Records,
    bus: Bus,
    clock: Clock,
    data: Path,
    bodies: Bodies,
    authenticate: Authenticate,
) -> Mlops:
    """Everything of the lens, wired and not yet started."""
    endpoints: list[Endpoint] = []
    api = MlflowApi(endpoints, bodies, authenticate)
    routes: list[BaseRoute] = [
        Mount(f"/{twin}/{version}", api) for twin in ("api", "ajax-api") for version in ("2.0", "3.0")
    ]
    return Mlops(endpoints, routes)

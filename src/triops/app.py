"""The composition root: settings -> adapters -> services -> loop -> edges. The only module that knows them all.

Read `compose` from top to bottom to see what Triops is made of, and `_jobs` for everything that runs by itself.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount

from triops.adapters.actuators.command import CommandActuator
from triops.adapters.actuators.http import HttpActuator
from triops.adapters.embedded.engine import Engine
from triops.adapters.embedded.logs import EmbeddedLogs
from triops.adapters.embedded.metrics import EmbeddedMetrics
from triops.adapters.embedded.records import SqliteRecords
from triops.adapters.embedded.spans import EmbeddedSpans
from triops.adapters.notifiers.slack import Slack
from triops.adapters.notifiers.webhook import Webhook
from triops.app_life import Triops
from triops.app_llmops import compose_llmops, llmops_kinds, llmops_subjects
from triops.app_mlops import compose_mlops
from triops.app_prompts import compose_prompts
from triops.app_status import status_of
from triops.app_traces import compose_traces
from triops.edges import health, native
from triops.edges.alertmanager import handlers as alertmanager
from triops.edges.cloudevents import handlers as cloudevents
from triops.edges.native.live import Live
from triops.edges.native.services import Services
from triops.edges.native.showing import incidents_json
from triops.edges.otlp import handlers as otlp
from triops.edges.otlp.grpc_server import GrpcServer
from triops.edges.otlp.intake import Intake
from triops.edges.prometheus import handlers as prometheus
from triops.edges.ui import handlers as ui
from triops.kernel.anomaly import Anomaly
from triops.kernel.clock import DAY_S, NS, day_of
from triops.kernel.ids import ProjectId
from triops.kernel.incident import Incident
from triops.kernel.limits import Limits
from triops.kernel.tenant import DEFAULT_PROJECT
from triops.ledger.actions import Actions
from triops.ledger.anomalies import Anomalies
from triops.ledger.audit import Audit
from triops.ledger.changes import Changes
from triops.ledger.documents import Documents
from triops.ledger.entities import Entities
from triops.ledger.erase import erase_project
from triops.ledger.incidents import Incidents
from triops.ledger.keys import Keys
from triops.ledger.migrations import MIGRATIONS
from triops.ledger.outbox import Outbox
from triops.lenses.aiops.host.collector import HostCollector
from triops.lenses.aiops.host.follow import LogFollower
from triops.lenses.aiops.host.plugin import host_jobs
from triops.lenses.aiops.host.processes import Processes
from triops.lenses.aiops.logs.plugin import LogDetector
from triops.lenses.aiops.logs.templates import Templates
from triops.lenses.aiops.metrics.model import MetricProfile
from triops.lenses.aiops.metrics.plugin import MetricDetector
from triops.lenses.aiops.traces.plugin import RedDetector
from triops.lenses.mlops.permissions import access_kind
from triops.lenses.mlops.registry.gates import gate_kind
from triops.loop.act import Act
from triops.loop.bus import Bus
from triops.loop.correlate import Correlate
from triops.loop.detect import Detect
from triops.loop.diagnose import Diagnose
from triops.loop.discover import Discover
from triops.loop.documents import Kinds
from triops.loop.events import (
    ActionMoved,
    ChangeRecorded,
    IncidentChanged,
    IncidentMoved,
    LogsReceived,
    MetricsReceived,
    SpansReceived,
)
from triops.loop.health import HealthCheck
from triops.loop.jobs import Job, Supervisor
from triops.loop.learn import Learn
from triops.loop.maintenance import maintenance_kind
from triops.loop.notify import Notify, notifier_kind
from triops.loop.policies import policy_kind
from triops.loop.receive import Receiver, Retention
from triops.loop.runbooks import runbook_kind
from triops.loop.sources import Sources
from triops.loop.views import view_kind
from triops.ports.actuators import Actuator
from triops.ports.clock import Clock, SystemClock
from triops.ports.notifiers import Notifier
from triops.ports.plugins import Detector
from triops.settings import Settings
from triops.web.auth import Authenticator
from triops.web.body import Bodies
from triops.web.problems import routing_problem
from triops.web.sniff import Nobody, sniffing_protocol

# What erasing a project leaves: without its keys nobody could enter it, and it would be open again.
_KEPT = ("keys", "documents", "document_revisions", "gateway_keys", "gateway_credentials")


def open_records(data: Path) -> SqliteRecords:
    """The records of a data folder, not yet started."""
    data.mkdir(parents=True, exist_ok=True)
    return SqliteRecords(data / "records.sqlite", MIGRATIONS)


def document_kinds(actuators: Mapping[str, Actuator], notifiers: Mapping[str, Notifier]) -> Kinds:
    """Every kind of document that `triops apply` takes."""
    loop = [runbook_kind(actuators), policy_kind(), notifier_kind(notifiers), maintenance_kind(), view_kind()]
    return Kinds([*loop, access_kind(), gate_kind(), *llmops_kinds()], llmops_subjects())


def compose(settings: Settings, base_url: str, clock: Clock | None = None) -> Triops:
    """Everything, wired and not yet started."""
    clock = clock or SystemClock()
    data = settings.server.data.resolve()
    limits = Limits(
        body_bytes=settings.limits.body_mb << 20,
        queued_requests=settings.limits.queued_requests,
        queued_bytes=settings.limits.queued_mb << 20,
    )

    # Stores
    records = open_records(data)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = settings.store.threads or min(4, cores)  # more than cores would only take turns
    engine = Engine(data / "telemetry", memory=f"{settings.store.memory_mb}MB", threads=threads)
    attached = settings.store.attached_days
    metrics = EmbeddedMetrics(engine, limits=limits, now=clock.now, attached=attached)
    logs = EmbeddedLogs(engine, limits=limits, now=clock.now, attached=attached)
    spans = EmbeddedSpans(engine, limits=limits, now=clock.now, attached=attached)

    # Books
    entities, changes, anomalies = Entities(records), Changes(records), Anomalies(records)
    incidents, actions, audit = Incidents(records), Actions(records), Audit(records)
    keys, documents, outbox = Keys(records), Documents(records), Outbox(records)

    # Hands and voices
    actuators: dict[str, Actuator] = {
        "command": CommandActuator(allow=settings.actuators.commands),
        "http": HttpActuator(
            os.environ.get, allow=settings.actuators.http_prefixes, env=frozenset(settings.actuators.env)
        ),
    }
    private = settings.notify.allow_private
    notifiers: dict[str, Notifier] = {
        "webhook": Webhook(os.environ.get, clock, allow_private=private),
        "slack": Slack(os.environ.get, allow_private=private),
    }

    # The loop, from its end to its beginning: each step is given the next
    bus = Bus()
    kinds = document_kinds(actuators, notifiers)
    act = Act(actions, incidents, anomalies, documents, changes, audit, actuators, clock, bus, keys.projects)
    learn = Learn(incidents)
    diagnose = Diagnose(incidents, anomalies, changes, entities, learn, bus, act.propose)
    correlate = Correlate(incidents, anomalies, entities, documents, bus, keys.projects, diagnose.on_incidents)

    async def shown(project: ProjectId, incident: Incident) -> Mapping[str, Any]:
        return (await incidents_json(services, project, [incident]))[0]

    link = f"{base_url}/ui/incidents/{{id}}"
    notify = Notify(incidents, documents, outbox, notifiers, keys.projects, shown, link)
    auth = Authenticator(keys, clock, may_open=settings.loopback)
    bodies = Bodies(limits)
    mlops = compose_mlops(
        settings, records, documents, entities, audit, bus, clock, data, bodies, auth.require, base_url
    )
    prompts = compose_prompts(records, mlops.registry, clock, bodies, auth.require, mlops.permissions)
    actuators["prompt"] = prompts.actuator
    discover = Discover(entities, spans, clock, keys.projects)
    discover.subscribe(bus)
    checkup = HealthCheck(entities, anomalies, keys.projects, settings.retention.entities_days * DAY_S)
    sources = Sources()
    live = Live()
    receiver = Receiver(
        metrics,
        logs,
        spans,
        bus,
        clock,
        Templates(),
        Retention(settings.retention.metrics_days, settings.retention.logs_days, settings.retention.spans_days),
        limits,
    )

    async def claimed(project: ProjectId, claims: Sequence[Anomaly], now: float) -> None:
        await correlate.on_anomalies(project, await anomalies.merge(project, claims), now)

    llmops = compose_llmops(
        settings, records, documents, keys, entities, anomalies, receiver, claimed, clock, data, bus
    )
    traces = compose_traces(
        records, documents, metrics, logs, spans, receiver, clock, bodies, auth.require, mlops.freed, llmops.emptying
    )
    detectors: list[Detector] = []
    if settings.detection.enabled:
        watched = MetricProfile(series=settings.detection.max_series)
        detectors = [RedDetector(spans), MetricDetector(bus, watched), LogDetector(logs, bus)]
        detectors += [mlops.training, llmops.calls]
    detect = Detect(detectors, anomalies, keys.projects, correlate.on_anomalies)

    async def heard(event: MetricsReceived | LogsReceived | SpansReceived) -> None:
        sources.saw(event.project, event.source, len(event.batch), clock.now())

    async def tell_incident(event: IncidentMoved | IncidentChanged) -> None:
        live.tell(event.project, "incident", event.incident)

    async def tell_action(event: ActionMoved) -> None:
        live.tell(event.project, "action", event.action)

    async def tell_change(event: ChangeRecorded) -> None:
        sources.saw(event.project, event.source, 1, clock.now())
        live.tell(event.project, "change", event.change.id)

    bus.subscribe(MetricsReceived, heard, name="sources:metrics")
    bus.subscribe(LogsReceived, heard, name="sources:logs")
    bus.subscribe(SpansReceived, heard, name="sources:spans")
    bus.subscribe(ChangeRecorded, diagnose.on_change, name="diagnose")
    bus.subscribe(IncidentMoved, notify.on_moved, name="notify")
    bus.subscribe(IncidentMoved, tell_incident, name="live:incident")
    bus.subscribe(IncidentChanged, tell_incident, name="live:incident_changed")
    bus.subscribe(ActionMoved, tell_action, name="live:action")
    bus.subscribe(ChangeRecorded, tell_change, name="live:change")

    async def alerts(project: ProjectId, claims: Sequence[Anomaly]) -> None:
        now = clock.now()
        sources.saw(project, "alertmanager", len(claims), now)
        await claimed(project, claims, now)

    async def erase(project: ProjectId) -> int:
        applied = await llmops.emptying.apply(project)  # what is not in the books yet would come back
        erased = await erase_project(records, project, keep=_KEPT)
        if applied:
            await llmops.emptying.drop()
        for tell in mlops.erased:
            tell(project)
        for empty in mlops.emptied:
            await empty(project)
        return erased

    # Edges
    started_at = clock.now()
    grpc_ports: list[int] = []
    supervisor = Supervisor(clock)
    services = Services(
        clock=clock,
        auth=auth,
        bus=bus,
        receiver=receiver,
        metrics=metrics,
        logs=logs,
        spans=spans,
        entities=entities,
        changes=changes,
        anomalies=anomalies,
        incidents=incidents,
        actions=actions,
        audit=audit,
        keys=keys,
        documents=documents,
        outbox=outbox,
        kinds=kinds,
        act=act,
        learn=learn,
        status=lambda: status_of(services, supervisor, started_at, data),
        detectors=lambda project: detect.status(project, clock.now()),
        settings=settings.model_dump(mode="json"),
        erase_project=erase,
        seen=sources,
        live=live,
        permissions=mlops.permissions,
        importing=mlops.importing,
        logged_models=mlops.logged_models,
        model_search=mlops.model_search,
        provenances=mlops.provenances,
        places=mlops.places,
        owners=mlops.owners,
        registry=mlops.registry,
        tracking=mlops.tracking,
        search=mlops.search,
        prompts=prompts.prompts,
        appliers={"Prompt": prompts.documents},
        spend=llmops.spend,
        llm=traces.parts,
        base_url=base_url,
        grpc_ports=lambda: grpc_ports,
    )
    intake = Intake(receiver, clock, limits)
    grpc = GrpcServer(intake, bodies, auth.require, limits)
    rule_of = traces.redacting.rule
    mlops.traces.rule_of = mlops.artifact_calls.rule_of = mlops.importing.evaluations.rule_of = rule_of
    asgi = Starlette(
        routes=[
            *mlops.routes,  # the longest path of small requests: asked first
            *health.routes(auth, services.status),
            *otlp.routes(
                intake,
                bodies,
                auth.require,
                spans_elsewhere=mlops.spans(intake.take_spans, intake.from_json, traces.redacting.rule),
            ),
            *prometheus.routes(receiver, bodies, auth.require, limits),
            *alertmanager.routes(alerts, bodies, auth.require, clock, limits),
            *prompts.routes,
            *traces.routes(intake, bodies),
            *cloudevents.routes(changes, bus, bodies, auth.require, clock, limits),
            Mount(native.PREFIX, native.native_app(services)),
            *ui.routes(),
        ],
        exception_handlers={HTTPException: routing_problem},
    )

    # What runs by itself
    supervisor.jobs += [
        *detect.jobs(),
        *discover.jobs(),
        *checkup.jobs(),
        Job("correlate", 2.0, correlate.tick),
        Job("diagnose", 2.0, diagnose.tick),
        Job("act", 1.0, act.tick, limit_s=300.0),
        Job("notify", 1.0, notify.tick),
        *mlops.jobs,
        *llmops.jobs,
        Job("retention", 3600.0, lambda now: _retain(services, settings, now), limit_s=600.0),
        Job("gateway:journal", 3600.0, lambda now: llmops.emptying.tidy()),
    ]
    if settings.collector.enabled:
        follower = (
            LogFollower(settings.collector.log_files, data / "log-positions.json")
            if settings.collector.log_files
            else None
        )
        supervisor.jobs += host_jobs(
            HostCollector(processes=Processes(settings.collector.processes)),
            follower,
            receiver,
            DEFAULT_PROJECT,
            metrics_every_s=settings.collector.every_s,
        )
    protocol = sniffing_protocol(grpc, llmops.gateway or Nobody())
    return Triops(
        settings, services, asgi, protocol, supervisor, records, mlops.stores, grpc, grpc_ports, llmops.gateway
    )


async def _retain(services: Services, settings: Settings, now: float) -> None:
    """Drop what is older than its retention. (Entities expire by `HealthCheck`.)"""
    kept = settings.retention
    for store, days in (
        (services.metrics, kept.metrics_days),
        (services.logs, kept.logs_days),
        (services.spans, kept.spans_days),
    ):
        await store.drop_before(day_of(int((now - days * DAY_S) * NS)))
    if kept.llm_content_days:
        before = now - kept.llm_content_days * DAY_S
        await services.llm.tracing.forget_contents(day_of(int(before * NS)))
        await services.llm.contents.forget(int(before * 1000))
    for project in await services.keys.projects():
        await services.anomalies.drop_before(project, now - kept.anomalies_days * DAY_S)
        await services.outbox.drop_before(project, now - kept.anomalies_days * DAY_S)

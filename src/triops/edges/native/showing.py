"""How nouns look in the native API, where that is more than their own fields."""

from collections.abc import Sequence
from typing import Any

from triops.edges.native.services import Services
from triops.kernel.action import Action
from triops.kernel.anomaly import Anomaly
from triops.kernel.change import Change
from triops.kernel.ids import ProjectId
from triops.kernel.incident import Incident
from triops.kernel.masking import masked
from triops.kernel.page import Page
from triops.ledger.codec import to_json

SEVERITIES = ((21, "fatal"), (17, "error"), (13, "warn"), (9, "info"), (5, "debug"), (1, "trace"))
KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUSES = ("unset", "ok", "error")


def listed(page: Page[Any], show: Any = to_json) -> dict[str, Any]:
    return {"items": [show(item) for item in page.items], "next": page.next}


def severity_name(number: int) -> str:
    return next((name for least, name in SEVERITIES if number >= least), "unset")


def trace_hex(trace_id: int) -> str:
    return f"{trace_id:032x}" if trace_id else ""


def span_hex(span_id: int) -> str:
    return f"{span_id:016x}" if span_id else ""


def entity_json(entity: Any) -> dict[str, Any]:
    return {"id": entity.id, **to_json(entity)}


def action_json(action: Action) -> dict[str, Any]:
    shown = to_json(action)
    shown["effect"] = masked(shown["effect"])
    shown["undo"] = masked(shown["undo"])
    return shown


async def incidents_json(services: Services, project: ProjectId, incidents: Sequence[Incident]) -> list[dict[str, Any]]:
    """Each with its anomalies, changes and actions in full: two reads for the page, not two an incident."""
    wanted = list(dict.fromkeys(id for incident in incidents for id in incident.anomalies))
    anomalies: dict[str, Anomaly] = {}
    for at in range(0, len(wanted), 500):
        for anomaly in await services.anomalies.get_many(project, wanted[at : at + 500]):
            anomalies[anomaly.id] = anomaly
    changes: dict[str, Change] = {}
    for incident in incidents:
        for hypothesis in incident.hypotheses:
            if hypothesis.change and hypothesis.change not in changes:
                changes[hypothesis.change] = await services.changes.get(project, hypothesis.change)
    shown = []
    for incident in incidents:
        item = to_json(incident)
        item["anomalies"] = [to_json(anomalies[id]) for id in incident.anomalies if id in anomalies]
        for hypothesis in item["hypotheses"]:
            hypothesis["change"] = to_json(changes[hypothesis["change"]]) if hypothesis["change"] else None
        if incident.actions:
            page = await services.actions.list(project, incident=incident.id)
            item["actions"] = [action_json(action) for action in page.items]
        item["similar"] = []
        if len(incidents) == 1:
            item["similar"] = [to_json(s) for s in await services.learn.similar(project, incident)]
        shown.append(item)
    return shown

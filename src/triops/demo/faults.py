"""The faults that the demo can bring about, the true cause of each, and the remedies that Triops may propose."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from triops.demo.shop.deployer import DATABASE_ENTITY
from triops.demo.shop.shop import Shop


@dataclass(frozen=True, slots=True)
class Fault:
    """`bring` causes it through the deployer and answers the id of the change that was reported to Triops. `entity` is
    the true cause, `felt` what to measure at the front."""

    name: str
    title: str
    entity: str
    felt: str
    bring: Callable[[Shop], str | None]


def _deploy(service: str, version: str) -> Callable[[Shop], str | None]:
    return lambda shop: shop.deploy(service, version).get("change")


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("latency", "pricing v2 no longer uses its index", "service:pricing", "p95", _deploy("pricing", "v2")),
        Fault("errors", "pricing v3 has a currency rate it cannot read", "service:pricing", "errors",
              _deploy("pricing", "v3")),
        Fault("cpu", "catalogue v2 signs with 140 times the work", "service:catalogue", "p95",
              _deploy("catalogue", "v2")),
        Fault("dependency", "a maintenance job keeps pricing's database locked",
              f"{DATABASE_ENTITY['type']}:{DATABASE_ENTITY['name']}", "p95",
              lambda shop: shop.start_job("recompute-history").get("change")),
    )
}  # fmt: skip


def decoy(shop: Shop) -> str | None:
    """A harmless deploy before the fault: a change close in time that must not be taken for the cause."""
    return _deploy("front", "v2")(shop)


def documents(deployer: str) -> list[dict[str, Any]]:
    """What a team would keep in its repository: two remedies, and how far Triops may go with them: it must ask."""

    def http(path: str, body: dict[str, str]) -> dict[str, Any]:
        return {"actuator": "http", "spec": {"method": "POST", "url": f"{deployer}{path}", "json": body}}

    return [
        {
            "kind": "Runbook",
            "name": "rollback",
            "spec": {
                "title": "Roll {{entity.name}} back to {{change.details.from}}",
                "when": {"change_kinds": ["deploy", "config"], "entity_types": ["service"]},
                "effect": http("/deploy", {"service": "{{entity.name}}", "version": "{{change.details.from}}"}),
                "undo": http("/deploy", {"service": "{{entity.name}}", "version": "{{change.details.to}}"}),
                "reach": "one service",
                "entities": 1,
                "verify_s": 90,
            },
        },
        {
            "kind": "Runbook",
            "name": "stop-job",
            "spec": {
                "title": "Stop the job {{change.details.job}}",
                "when": {"change_kinds": ["job"], "entity_types": ["database"]},
                "effect": http("/jobs/stop", {"job": "{{change.details.job}}"}),
                "undo": http("/jobs/start", {"job": "{{change.details.job}}"}),
                "reach": "one job",
                "entities": 1,
                "verify_s": 90,
            },
        },
        {
            "kind": "Policy",
            "name": "ask-first",
            "spec": {"runbook": "*", "entity": "*", "level": "ask", "max_entities": 1, "min_probability": 0.5},
        },
    ]

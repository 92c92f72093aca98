"""The registry's services together, and what of them runs by itself."""

from dataclasses import dataclass

from triops.lenses.mlops.registry.cards import Cards
from triops.lenses.mlops.registry.lineage import Lineage
from triops.lenses.mlops.registry.promotions import Promotions
from triops.lenses.mlops.registry.service import Registry
from triops.lenses.mlops.registry.webhooks import Webhooks
from triops.loop.jobs import Job


@dataclass(frozen=True, slots=True)
class RegistryParts:
    models: Registry
    promotions: Promotions
    webhooks: Webhooks
    cards: Cards
    lineage: Lineage


def registry_jobs(registry: RegistryParts) -> list[Job]:
    return [
        Job("webhooks", 1.0, registry.webhooks.tick),
        Job("webhooks.forget", 3600.0, registry.webhooks.forget),
        Job("approvals", 60.0, registry.promotions.expire),
        Job("models", 3600.0, registry.lineage.observe, limit_s=300.0),
    ]

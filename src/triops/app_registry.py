"""The registry of models and prompts, composed. `app_mlops.py` joins it to the rest of its lens."""

from collections.abc import Mapping
from functools import partial

from triops.adapters.http_exchange import ExchangeFailed, checked_url, exchange
from triops.kernel.errors import Unavailable
from triops.ledger.documents import Documents
from triops.ledger.logged_models.models import LoggedModels
from triops.lenses.mlops.artifacts import Places
from triops.lenses.mlops.artifacts.locations import check_scheme
from triops.lenses.mlops.registry.cards import Cards
from triops.lenses.mlops.registry.gates import Gates
from triops.lenses.mlops.registry.lineage import Lineage
from triops.lenses.mlops.registry.parts import RegistryParts
from triops.lenses.mlops.registry.promotions import Promotions
from triops.lenses.mlops.registry.recorded import RecordedFiles, RecordedOrigins
from triops.lenses.mlops.registry.service import Registry
from triops.lenses.mlops.registry.telling import Teller, WebhooksDue
from triops.lenses.mlops.registry.webhooks import Reply, Webhooks
from triops.loop.bus import Bus
from triops.ports.clock import Clock
from triops.ports.records import Records
from triops.settings import Settings

_POST_S = 10.0


def compose_registry(
    settings: Settings,
    records: Records,
    documents: Documents,
    bus: Bus,
    clock: Clock,
    root: str,
    places: Places,
    logged_models: LoggedModels,
) -> RegistryParts:
    """`root`: of artifacts, whose host versions' sources may name."""
    private = settings.notify.allow_private

    async def post(url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        target = checked_url(url, "url")
        try:
            reply = await exchange("POST", target, body=body, headers=headers, timeout_s=_POST_S, allow_private=private)
        except ExchangeFailed as error:
            raise Unavailable(str(error)) from None
        return Reply(reply.status, reply.text)

    gates, origins = Gates(documents), RecordedOrigins(records, logged_models)
    teller = Teller(records, bus, clock)
    models = Registry(records, teller, origins, gates, partial(check_scheme, field="source", root=root))
    webhooks = Webhooks(records, teller, clock, post, ("https", "http") if private else ("https",))
    bus.subscribe(WebhooksDue, webhooks.on_due, name="webhooks")
    return RegistryParts(
        models,
        Promotions(records, teller, origins, gates),
        webhooks,
        Cards(records, teller, origins, models, RecordedFiles(places).read),
        Lineage(records, origins, models),
    )

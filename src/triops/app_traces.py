"""Traces of models' calls, composed: reading, scores, erasing a user, and Langfuse's clients."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from starlette.routing import Route

from triops import __version__
from triops.adapters.embedded.spans import EmbeddedSpans
from triops.edges.langfuse.access import basic
from triops.edges.langfuse.handlers import LangfuseApi
from triops.edges.mlflow.spans_forgetting import without_contents
from triops.edges.otlp import handlers as otlp
from triops.edges.otlp.intake import Intake
from triops.kernel.completion import Usage
from triops.kernel.ids import ProjectId
from triops.ledger.calls.book import SpendBook
from triops.ledger.documents import Documents
from triops.ledger.scores.scores import Scores
from triops.ledger.traces.contents import TraceContents
from triops.ledger.traces.forgetting import TraceForgetting
from triops.lenses.llmops.gateway.config import prices_of
from triops.lenses.llmops.gateway.prices import Prices
from triops.lenses.llmops.redaction.kind import redaction_kind
from triops.lenses.llmops.traces import LlmTracing, People, Scoring
from triops.lenses.llmops.traces.erasing import Erasing, Held
from triops.lenses.llmops.traces.parts import TraceParts
from triops.lenses.llmops.traces.prompting import Prompting
from triops.lenses.llmops.traces.redacting import Redacting
from triops.lenses.llmops.traces.sums import PriceOf
from triops.lenses.llmops.traces.sums import Prices as PricesByProject
from triops.loop.documents import Kind
from triops.loop.receive import Receiver
from triops.ports.clock import Clock
from triops.ports.logs import Logs
from triops.ports.metrics import Metrics
from triops.ports.records import Records
from triops.web.access import Authenticate
from triops.web.body import Bodies

_OTLP = "/api/public/otel/v1"


@dataclass(frozen=True)
class TracesComposed:
    parts: TraceParts
    langfuse: LangfuseApi
    redacting: Redacting
    authenticate: Authenticate  # that takes Langfuse's credentials too

    def routes(self, intake: Intake, bodies: Bodies) -> list[Route]:
        return [*self.langfuse.routes(), *otlp.routes(intake, bodies, self.authenticate, _OTLP)]


def compose_traces(
    records: Records,
    documents: Documents,
    metrics: Metrics,
    logs: Logs,
    spans: EmbeddedSpans,
    receiver: Receiver,
    clock: Clock,
    bodies: Bodies,
    authenticate: Authenticate,
    free: Callable[[], Awaitable[None]],
    held: Held,
) -> TracesComposed:
    """`free`: artifacts that nobody's traces have any more. `held`: by the gateway, of calls."""
    scores = Scores(records)
    redacting = Redacting(documents)
    receiver.redaction = redacting
    prices = project_prices(documents)
    parts = TraceParts(
        LlmTracing(spans, spans, logs, scores, prices),
        People(spans, prices),
        Scoring(scores, clock, redacting.text),
        Erasing(
            (metrics, logs, spans),
            spans,
            scores,
            TraceForgetting(records),
            SpendBook(records).forget_user,
            free,
            held,
            records,
        ),
        TraceContents(records, without_contents),
        Prompting(spans, scores, prices),
    )
    known = basic(authenticate)
    langfuse = LangfuseApi(known, bodies, receiver, spans, parts.scoring.add, clock, __version__)
    return TracesComposed(parts, langfuse, redacting, known)


def project_prices(documents: Documents) -> PricesByProject:
    """What a project's calls cost, whose senders did not say. Its documents are read again when one changed."""
    known: dict[ProjectId, tuple[int, PriceOf]] = {}

    async def prices(project: ProjectId) -> PriceOf:
        version = documents.version(project)
        held = known.get(project)
        if held is None or held[0] != version:
            held = known[project] = (version, partial(_cost, prices_of(await documents.list(project))))
        return held[1]

    return prices


def traces_kinds() -> list[Kind]:
    return [redaction_kind()]


def _cost(prices: Prices, provider: str, model: str, usage: Usage, at_ns: int) -> int | None:
    return prices.told(provider, model, usage, at_ns).pico

"""From the bytes of one export request to a receipt, the same for HTTP and gRPC."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from triops.edges.otlp.jsonform import JsonForm
from triops.edges.otlp.logs import LogDecoder
from triops.edges.otlp.metrics import MetricDecoder
from triops.edges.otlp.spans import SpanDecoder
from triops.kernel.ids import ProjectId
from triops.kernel.limits import Limits
from triops.loop.receive import Receipt, Receiver
from triops.ports.clock import Clock
from triops.web.body import off_loop, request_digest
from triops.web.columns import Decoded

_JSON_COST = 3  # a byte of JSON takes about so much longer to decode than one of protobuf
SIGNALS = ("traces", "metrics", "logs")


@dataclass(frozen=True)
class Outcome:
    receipt: Receipt
    cut: dict[str, int]


class Intake:
    """Decodes and hands to the receiver. One for all connections, so that they share the decoders' caches."""

    def __init__(self, receiver: Receiver, clock: Clock, limits: Limits) -> None:
        self._spans = SpanDecoder(limits)
        self._metrics = MetricDecoder(limits)
        self._logs = LogDecoder(limits)
        self._json = JsonForm()
        self._clock = clock
        self._decoders: dict[str, Callable[[bytes], Decoded[Any]]] = {
            "traces": self._spans.decode,
            "metrics": self._metrics.decode,
            "logs": lambda body: self._logs.decode(body, int(self._clock.now() * 1e9)),
        }
        self._receive: dict[str, Callable[..., Awaitable[Receipt]]] = {
            "traces": receiver.receive_spans,
            "metrics": receiver.receive_metrics,
            "logs": receiver.receive_logs,
        }

    async def take(self, project: ProjectId, signal: str, body: bytes, *, json: bool = False) -> Outcome:
        """Answers when the rows are durable. Raises: Invalid, TooLarge, and what the store raises."""
        decoded, digest = await off_loop(
            len(body) * (_JSON_COST if json else 1), self._decode, project, signal, body, json
        )
        receipt = await self._receive[signal](project, decoded.batch, digest, decoded.refused)
        return Outcome(receipt, decoded.cut)

    async def take_spans(self, project: ProjectId, body: bytes) -> None:
        """Spans that another edge has admitted by its own rules; what is refused here is counted, and no error."""
        await self.take(project, "traces", body)

    def from_json(self, body: bytes) -> bytes:
        """Spans in OTLP/JSON as protobuf. Raises: Invalid, TooLarge."""
        return self._json.encode("traces", body)

    def _decode(self, project: ProjectId, signal: str, body: bytes, json: bool) -> tuple[Decoded[Any], bytes | None]:
        decoded = self._decoders[signal](self._json.encode(signal, body) if json else body)
        return decoded, request_digest(project, signal, body) if decoded.timed else None

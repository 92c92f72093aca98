"""What OTLP answers, in the type the request came in: partial success, or google.rpc.Status."""

from typing import Any

import orjson
from google.protobuf import any_pb2, duration_pb2

from triops.kernel.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Overloaded,
    StoreFull,
    TooLarge,
    TriopsError,
    Unauthenticated,
    Unavailable,
    Unsupported,
)
from triops.loop.receive import Receipt
from triops.web.problems import WAIT_S
from triops.web.protobuf import MessageClass, message_classes

PROTOBUF, JSON = "application/x-protobuf", "application/json"
REJECTED = {"traces": "rejectedSpans", "metrics": "rejectedDataPoints", "logs": "rejectedLogRecords"}

# google.rpc.Code. TooLarge is not RESOURCE_EXHAUSTED: an exporter would send the same request again and again.
CODES: dict[type[TriopsError], int] = {
    Invalid: 3, Unsupported: 3, TooLarge: 3, Conflict: 9, NotFound: 5, Forbidden: 7, Unauthenticated: 16,
    Overloaded: 8, Unavailable: 14, StoreFull: 14,
}  # fmt: skip


class Answers:
    """Encoders of the two messages."""

    def __init__(self) -> None:
        classes = message_classes(
            "triops.otlp.answers",
            {
                "Response": {"partial_success": (1, "bytes")},
                "Partial": {"rejected": (1, "int64"), "message": (2, "bytes")},
                "Status": {"code": (1, "int32"), "message": (2, "bytes"), "details": (3, "repeated bytes")},
                "RetryInfo": {"retry_delay": (1, "bytes")},
            },
        )
        self._response: MessageClass = classes["Response"]
        self._partial: MessageClass = classes["Partial"]
        self._status: MessageClass = classes["Status"]
        self._retry: MessageClass = classes["RetryInfo"]

    def success(self, signal: str, receipt: Receipt, cut: dict[str, int], media: str) -> bytes:
        """Refused rows with their reasons; where none were, what was cut, which the specification calls a warning."""
        message = "; ".join(filter(None, (receipt.message(), *(f"{n} {what}" for what, n in cut.items()))))
        if media == JSON:
            partial: dict[str, Any] = {REJECTED[signal]: str(receipt.rejected), "errorMessage": message}
            return orjson.dumps({"partialSuccess": partial} if message else {})
        if not message:
            return b""
        inner = self._partial(rejected=receipt.rejected, message=message.encode()).SerializeToString()
        answer: bytes = self._response(partial_success=inner).SerializeToString()
        return answer

    def status(self, error: TriopsError, media: str = PROTOBUF) -> bytes:
        """google.rpc.Status, with RetryInfo where waiting helps."""
        code = CODES.get(type(error), 2)
        wait_s = getattr(error, "retry_after_s", WAIT_S) if error.retryable else 0.0
        message = shown(error)
        if media == JSON:
            return orjson.dumps({"code": code, "message": message, "details": []})
        details = []
        if wait_s:
            delay = duration_pb2.Duration()
            delay.FromNanoseconds(int(wait_s * 1e9))
            info = self._retry(retry_delay=delay.SerializeToString()).SerializeToString()
            any_ = any_pb2.Any(type_url="type.googleapis.com/google.rpc.RetryInfo", value=info)
            details.append(any_.SerializeToString())
        answer: bytes = self._status(code=code, message=message.encode(), details=details).SerializeToString()
        return answer


def shown(error: TriopsError) -> str:
    """The message and its details in one line."""
    details = ", ".join(f"{key}: {value}" for key, value in error.details.items())
    return f"{error.message} ({details})" if details else error.message

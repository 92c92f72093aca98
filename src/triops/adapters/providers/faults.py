"""What a provider's refusal means: its status and words as a Fault."""

import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from triops.ports.providers import Fault, FaultKind

MOST_BODY = 64 * 1024
_MOST_MESSAGE = 500  # characters
_KINDS: dict[int, FaultKind] = {
    401: "auth",
    403: "auth",
    404: "not_found",
    408: "timeout",
    409: "server",
    429: "rate_limited",
    503: "overloaded",
    529: "overloaded",
}


def refused(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    """The Fault of an answer that is not 2xx. Its message is what stands at `error.message`, `error` or `message`; its
    body goes on only where it says an error at all (a proxy's page does not)."""
    error = error_of(body)
    kind = _KINDS.get(status)
    if kind is None:
        kind = "server" if status >= 500 else "invalid" if status >= 400 else "garbage"
    if kind == "invalid" and error.get("code") in ("content_filter", "content_policy_violation"):
        kind = "content_filter"
    said = body if error and len(body) <= MOST_BODY else b""
    return Fault(kind, message_of(error) or f"status {status}", status, said, _wait_s(headers))


def error_of(body: bytes) -> Mapping[str, Any]:
    """The error object of an answer, {} where it has none."""
    try:
        tree = orjson.loads(body[: MOST_BODY * 16])
    except orjson.JSONDecodeError:
        return {}
    if isinstance(tree, list) and tree:
        tree = tree[0]  # Google sends a list of one
    if not isinstance(tree, dict):
        return {}
    error = tree.get("error", tree)
    return error if isinstance(error, dict) else {"message": error}


def message_of(error: Mapping[str, Any]) -> str:
    message = error.get("message")
    if not isinstance(message, str):
        message = error.get("detail")
    return message[:_MOST_MESSAGE] if isinstance(message, str) else ""


def _wait_s(headers: Mapping[str, str]) -> float:
    """`retry-after-ms`, or `retry-after` in seconds or as a date (against the answer's own); 0 for neither."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            wait = float(headers.get(name, "")) * scale
        except ValueError:
            continue
        if math.isfinite(wait):
            return max(0.0, wait)
    try:
        until, now = (parsedate_to_datetime(headers.get(name, "")) for name in ("retry-after", "date"))
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError):  # no date; or only one of them with a zone
        return 0.0

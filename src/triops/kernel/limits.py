"""Bounds on everything, in one place. What happens at a bound is said beside it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    body_bytes: int = 64 << 20  # a decompressed request body; over it: 413
    compressed_bytes: int = 16 << 20  # as received; over it: 413
    attributes: int = 128  # of one point, record, event or resource; the rest is dropped and counted
    span_attributes: int = 2048  # of one span: OpenInference has two and more of each message of a conversation
    attribute_bytes: int = 32 << 10  # one attribute's text; longer is cut
    content_bytes: int = 256 << 10  # likewise, where it is what was said to a model or by one
    log_body_bytes: int = 256 << 10  # one log body; longer is cut
    events_per_span: int = 128  # the rest is dropped and counted
    label_count: int = 128  # of one series; over it the series is refused
    rows_per_request: int = 1_000_000  # over it: 413
    ahead_s: float = 600.0  # rows further in the future are refused (partial success)
    queued_requests: int = 4096  # waiting for a commit; over it: 429
    queued_bytes: int = 256 << 20
    page: int = 1000  # rows of one page of a list; a larger `limit` is an error


DEFAULT_LIMITS = Limits()

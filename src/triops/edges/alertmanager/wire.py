"""Alerts of the Prometheus world → Anomalies: Alertmanager's webhook (version 4) and the body of POST /api/v2/alerts.

An alert is one claim: detector "alertmanager", kind "alert", its key made of the fingerprint of its labels, so that a
resend is the same claim. `endsAt` of year 1, none at all, or one in the future means that the alert is firing.
An alert whose severity label says info or none (a watchdog) is evidence only and opens no incident.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.clock import parse_time
from triops.kernel.errors import Invalid, TooLarge
from triops.kernel.ids import AnomalyId, EntityId, entity_id, sortable_id
from triops.kernel.limits import Limits

MOST_ALERTS = 10_000  # of one request; over it: TooLarge
_SEVERITIES = {
    "critical": Severity.CRITICAL, "page": Severity.CRITICAL, "error": Severity.CRITICAL, "high": Severity.CRITICAL,
    "emergency": Severity.CRITICAL, "fatal": Severity.CRITICAL, "info": Severity.INFO, "none": Severity.INFO,
    "debug": Severity.INFO, "notice": Severity.INFO, "low": Severity.INFO,
}  # fmt: skip
_SCORES = {Severity.INFO: 3.0, Severity.WARNING: 6.0, Severity.CRITICAL: 9.0}
_SERVICE, _HOST = ("service", "service_name", "job"), ("host", "node", "instance")


@dataclass(frozen=True)
class Alerts:
    claims: list[Anomaly]
    refused: dict[str, int]


def decode_webhook(body: bytes, now_s: float, limits: Limits) -> Alerts:
    """Raises: Invalid, TooLarge."""
    tree = _json(body)
    if not isinstance(tree, dict) or not isinstance(tree.get("alerts"), list):
        raise Invalid("not an Alertmanager webhook", field="alerts", expected="a list of alerts")
    return _alerts(tree["alerts"], now_s, limits)


def decode_alerts(body: bytes, now_s: float, limits: Limits) -> Alerts:
    """Raises: Invalid, TooLarge."""
    tree = _json(body)
    if not isinstance(tree, list):
        raise Invalid("not a list of alerts", field="body", expected='[{"labels": {"alertname": …}}]')
    return _alerts(tree, now_s, limits)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"not JSON: {error}", field="body") from None


def _alerts(trees: list[Any], now_s: float, limits: Limits) -> Alerts:
    if len(trees) > MOST_ALERTS:
        raise TooLarge(f"more than {MOST_ALERTS} alerts in one request")
    claims: dict[str, Anomaly] = {}
    refused: Counter[str] = Counter()
    for tree in trees:
        try:
            claim = _claim(tree, now_s, limits)
            claims[claim.key] = claim  # of equal alerts in one request the last counts
        except Invalid as error:
            refused[f"{error.details.get('field', 'alert')}: {error.message}"] += 1
    return Alerts(list(claims.values()), dict(refused))


def _claim(tree: Any, now_s: float, limits: Limits) -> Anomaly:
    if not isinstance(tree, dict):
        raise Invalid("not an object", field="alert")
    labels = _texts(tree, "labels", limits)
    if not labels:
        raise Invalid("an alert without labels", field="labels")
    annotations = _texts(tree, "annotations", limits)
    name = labels.get("alertname", "alert")
    severity = _SEVERITIES.get(labels.get("severity", "").lower(), Severity.WARNING)
    started = min(_time(tree, "startsAt") or now_s, now_s)
    ends = _time(tree, "endsAt")
    if tree.get("status") == "resolved":
        ends = min(ends or now_s, now_s)
    ended = max(ends, started) if ends is not None and ends <= now_s else None
    url = tree.get("generatorURL")
    return Anomaly(
        id=AnomalyId(sortable_id("ano", now_s)),
        entity=entity_of(labels),
        detector="alertmanager",
        kind="alert",
        signal=f"{name}/{fingerprint_of(labels)}",
        direction=Direction.NONE,
        score=_SCORES[severity],
        severity=severity,
        symptom=severity is not Severity.INFO,
        started_at=started,
        detected_at=now_s,
        last_seen=now_s,
        ended_at=ended,
        title=annotations.get("summary") or annotations.get("description") or name,
        evidence={
            "labels": labels,
            "annotations": annotations,
            **({"url": url[:2048]} if isinstance(url, str) and url else {}),
        },
    )


def _texts(tree: Mapping[str, Any], field: str, limits: Limits) -> dict[str, str]:
    value = tree.get(field) or {}
    if not isinstance(value, dict):
        raise Invalid("not an object", field=field)
    if len(value) > limits.label_count:
        raise Invalid(f"more than {limits.label_count} entries", field=field)
    if not all(isinstance(text, str) for text in value.values()):
        raise Invalid("a value that is not text", field=field)
    return {key[:1024]: text[:4096] for key, text in sorted(value.items())}


def _time(tree: Mapping[str, Any], field: str) -> float | None:
    value = tree.get(field)
    if value in (None, "") or (isinstance(value, str) and value.startswith("0001-01-01")):
        return None
    if not isinstance(value, str):
        raise Invalid("not a time", field=field)
    return parse_time(value, field=field)


def entity_of(labels: Mapping[str, str]) -> EntityId:
    """The service that the labels name, else the host (without its port), else the alert itself."""
    for label in _SERVICE:
        if labels.get(label):
            return entity_id("service", labels[label])
    for label in _HOST:
        if value := labels.get(label):
            host, _, port = value.rpartition(":")
            return entity_id("host", host.strip("[]") if host and port.isdecimal() else value)
    return entity_id("alert", labels.get("alertname", "unnamed"))


def fingerprint_of(labels: Mapping[str, str]) -> str:
    """Alertmanager's own: 64-bit FNV-1a over the sorted names and values, each followed by byte 255; in hex."""
    value = 14695981039346656037
    for key in sorted(labels):
        for byte in b"%b\xff%b\xff" % (key.encode(), labels[key].encode()):
            value = (value ^ byte) * 1099511628211 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"

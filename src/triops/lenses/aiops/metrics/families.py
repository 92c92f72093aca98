"""What a metric means: how its points become a series, whether users sent it, and which value is bad in itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from triops.kernel.ids import EntityId, entity_id
from triops.kernel.signal import host_of


class Reading(IntEnum):
    SKIP = 0  # histogram buckets, information metrics
    GAUGE = 1
    COUNTER = 2  # a rate, resets taken into account
    SUM = 3  # a mean, with its mate `_count`


class Rule(IntEnum):
    NONE = 0
    DISK = 1  # share used: over 0.95, or full within half an hour
    MEMORY = 2  # share used: over 0.97
    UP = 3  # Prometheus' own: 0 when a target that was up does not answer


@dataclass(frozen=True, slots=True)
class Meaning:
    """`share`: the values are shares of 1 (or of 100, then `scale` is 100). `users`: not of the machinery."""

    reading: Reading
    rule: Rule
    users: bool
    scale: float
    stem: str


_MACHINERY = re.compile(
    r"(system|process|otel|otelcol|triops|jvm|python|nodejs|v8js|dotnet|cpython|runtime|container|k8s|hw|host"
    r"|gen_ai"  # of models' calls, which are judged call by call where their spans are
    r"|go|node|prometheus|promhttp|scrape|net_conntrack|alertmanager|up)(?:[._:]|$)"
)
_NOT_A_LEVEL = re.compile(r"(_info|_created|[._]start[._]?time(_seconds)?|_timestamp(_seconds)?|\.uptime)$")


def meaning_of(name: str, type_: str, unit: str, labels: Mapping[str, str]) -> Meaning:
    """Prometheus 1.0 writes carry no type, so that its naming rules are read too."""
    stem, reading = name, Reading.GAUGE
    if name.endswith("_bucket") or _NOT_A_LEVEL.search(name):
        reading = Reading.SKIP
    elif name.endswith("_sum") and type_ != "gauge":
        stem, reading = name[: -len("_sum")], Reading.SUM
    elif name.endswith("_count") and type_ != "gauge":
        stem, reading = name[: -len("_count")], Reading.COUNTER
    elif type_ == "counter" or (type_ == "unknown" and name.endswith("_total")):
        reading = Reading.COUNTER
    rule = Rule.NONE
    if re.fullmatch(r"system[._]filesystem[._]utilization(_ratio)?", name) and labels.get("state", "used") == "used":
        rule = Rule.DISK
    elif re.fullmatch(r"system[._]memory[._]utilization(_ratio)?", name) and labels.get("state", "used") == "used":
        rule = Rule.MEMORY
    elif name == "up":
        rule = Rule.UP
    share = unit in ("1", "") and ("utilization" in name or name.endswith("_ratio"))
    scale = 1.0 if share else 100.0 if unit == "%" or name.endswith("_percent") else 0.0
    return Meaning(reading, rule, _MACHINERY.match(name) is None, scale, stem)


def entity_of(resource: Mapping[str, str]) -> EntityId:
    """The service, else the host, else the scrape job that the resource names."""
    if service := resource.get("service.name"):
        return entity_id("service", str(service))
    if host := host_of(resource):
        return entity_id("host", host)
    return entity_id("service", str(resource.get("job") or "unknown_service"))


def selector_of(name: str, labels: Mapping[str, str], resource: Mapping[str, str]) -> str:
    """A selector that finds the series again: `name{label="value", ...}`."""
    known = {k: resource[k] for k in ("service.name", "service.instance.id", "host.name", "job") if resource.get(k)}
    pairs = sorted({**known, **labels}.items())
    matchers = ", ".join(f"{_quoted_unless_bare(key)}={_quoted(str(value))}" for key, value in pairs)
    if _BARE.fullmatch(name):
        return f"{name}{{{matchers}}}"
    return "{" + ", ".join([_quoted(name), *([matchers] if matchers else [])]) + "}"


_BARE = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:.]*")


def _quoted_unless_bare(text: str) -> str:
    return text if _BARE.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return '"' + escaped.replace("\r", "\\r") + '"'

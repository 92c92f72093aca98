"""Plain words for what people read first: names, measures, sentences about an anomaly."""

from decimal import Decimal

from triops.kernel.anomaly import Anomaly, Direction
from triops.kernel.ids import EntityId


def name_of(entity: EntityId) -> str:
    """`pricing` for a service, `database pricing` for anything else."""
    type_, _, name = entity.partition(":")
    return name if type_ == "service" and name else f"{type_} {name}".strip()


def quantity(value: float, unit: str) -> str:
    """A measure as people say it; three significant digits; ratios (unit `1`) as per cent, what is counted (`{token}`)
    by its plural, milliseconds from a thousand on as seconds."""
    if unit in ("1", "ratio"):
        return f"{value * 100:.3g} %"
    if unit == "USD":
        return f"${Decimal(f'{value:.3g}'):f}"  # a call may cost a millionth
    if unit == "ms" and abs(value) >= 999.5:
        return f"{value / 1000:.3g} s"
    if unit.startswith("{"):
        unit = f"{unit.strip('{}')}s"
    shown = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{shown} {unit}".strip()


def measure(anomaly: Anomaly) -> str:
    """What is measured, without the entity that the sentence names anyhow: `latency`, `latency as front sees it`."""
    source, target = anomaly.evidence.get("source"), anomaly.evidence.get("target")
    what = anomaly.signal.removesuffix(str(anomaly.entity)).rstrip()
    if source and target and what.endswith("->"):
        what = what.removesuffix("->").rstrip().removesuffix(str(source)).rstrip()
        what = f"{what or anomaly.kind} as {name_of(EntityId(str(source)))} sees it"
    return (what or anomaly.kind).replace("_", " ")


def phrase(anomaly: Anomaly) -> str:
    """`latency p95 40 → 620 ms`; without figures what the detector said."""
    what = measure(anomaly)
    if anomaly.value is None:
        return anomaly.title or f"{what}: {anomaly.kind.replace('_', ' ')}"
    if anomaly.expected is None:
        return f"{what} {quantity(anomaly.value, anomaly.unit)}"
    before, after = quantity(anomaly.expected, anomaly.unit), quantity(anomaly.value, anomaly.unit)
    unit = after.rpartition(" ")[2]
    if " " in after and before.endswith(f" {unit}"):
        before = before.removesuffix(f" {unit}")
    return f"{what} {before} → {after}"


def headline(anomaly: Anomaly) -> str:
    """The title of an incident whose worst symptom this is."""
    text = phrase(anomaly)
    return text if text.startswith(f"{name_of(anomaly.entity)}:") else f"{name_of(anomaly.entity)}: {text}"


def verb(anomaly: Anomaly) -> str:
    return {Direction.UP: "rose", Direction.DOWN: "fell"}.get(anomaly.direction, "is unusual")


def listed(names: list[str], most: int = 4) -> str:
    """`a, b and c`; the rest is counted."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def span(seconds: float) -> str:
    """`12 s`, `4 min`, `2 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"

"""Prometheus' text exposition format 0.0.4, written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sample:
    """`kind` is gauge or counter; one family's samples follow each other."""

    name: str
    kind: str
    help: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def exposition(samples: Iterable[Sample]) -> str:
    lines: list[str] = []
    family = ""
    for sample in samples:
        if sample.name != family:
            family = sample.name
            lines += [f"# HELP {family} {sample.help}", f"# TYPE {family} {sample.kind}"]
        labels = ",".join(f'{k}="{_escaped(v)}"' for k, v in sample.labels.items())
        lines.append(f"{family}{{{labels}}} {sample.value:.10g}" if labels else f"{family} {sample.value:.10g}")
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')

"""Runs beside each other: for every key the value of each, and whether they are the same."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triops.lenses.mlops.provenance.model import Provenance


@dataclass(frozen=True, slots=True)
class Row:
    """`values`: one a run, None where it has none."""

    key: str
    values: tuple[Any, ...]
    same: bool


def compared(each: Sequence[Mapping[str, Any]]) -> list[Row]:
    """By key. NaN is the same as NaN."""
    keys = sorted({key for one in each for key in one})
    return [_row(key, tuple(one.get(key) for one in each)) for key in keys]


def aspects(provenance: Provenance) -> dict[str, Any]:
    """What of a provenance is compared line by line; packages are their own table."""
    code = provenance.code
    told: dict[str, Any] = {
        "code.version": code.version,
        "code.branch": code.branch,
        "code.repository": code.repository,
        "code.dirty": code.dirty,
        "code.diff": code.diff,
        "python": provenance.python,
        "host": provenance.host,
        "command": provenance.command,
        "seed": provenance.seed,
        "inputs": ", ".join(f"{one.dataset.name} ({one.dataset.digest})" for one in provenance.inputs),
        **{f"machine.{name}": value for name, value in provenance.machine.items() if name != "host"},
    }
    return {key: value for key, value in told.items() if value not in ("", None)}


def _row(key: str, values: tuple[Any, ...]) -> Row:
    first = values[0]
    return Row(key, values, all(_same(first, value) for value in values[1:]))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other):
        return True
    return bool(one == other)

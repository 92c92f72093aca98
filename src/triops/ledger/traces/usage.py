"""What a trace used, tokens and money, out of what its spans say."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Node = tuple[int, int | None, str | None]  # span, its parent, what it says (a JSON object)

TOKENS = ("input_tokens", "output_tokens", "total_tokens")
CACHED = ("cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation_input_tokens_above_1hr")
MONEY = ("input_cost", "output_cost", "total_cost")


def total_tokens(nodes: Sequence[Node]) -> str | None:
    """As JSON; None where no span says anything."""
    return tokens_text(_total(nodes, TOKENS, CACHED, 0))


def total_cost(nodes: Sequence[Node]) -> str | None:
    return cost_text(_total(nodes, MONEY, (), 0.0))


def tokens_text(said: Any) -> str | None:
    """An object or its JSON, less what are no counts, in one form; None where nothing is left."""
    return _text(_object(said), (*TOKENS, *CACHED), _count)


def cost_text(said: Any) -> str | None:
    return _text(_object(said), MONEY, _amount)


def _total(
    nodes: Sequence[Node], always: Iterable[str], sometimes: Iterable[str], zero: float
) -> dict[str, Any] | None:
    """A span's word counts for all below it, so that who sums up for its children is not counted twice."""
    if all(said is None for _, _, said in nodes):
        return None
    known = {id for id, _, _ in nodes}
    children: dict[int, list[Node]] = {}
    waiting: list[tuple[Node, bool]] = []
    for node in nodes:
        if node[1] is not None and node[1] in known:
            children.setdefault(node[1], []).append(node)
        else:
            waiting.append((node, False))
    totals: dict[str, Any] = dict.fromkeys(always, zero)
    found = False
    while waiting:
        (id, _, text), counted = waiting.pop()
        said = _object(text) if text is not None else None
        if said is not None and not counted:
            found = True
            for key in (*totals.keys(), *(key for key in sometimes if key in said and key not in totals)):
                value = said.get(key, zero)
                if isinstance(value, int | float) and not isinstance(value, bool):
                    totals[key] = totals.get(key, zero) + value
        waiting.extend((child, counted or said is not None) for child in children.pop(id, ()))
    return totals if found else None


def _object(said: Any) -> Mapping[str, Any] | None:
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except (ValueError, RecursionError):
            return None
    return said if isinstance(said, dict) else None


def _text(said: Mapping[str, Any] | None, keys: Iterable[str], convert: Any) -> str | None:
    if said is None:
        return None
    kept = {key: value for key in keys if (value := convert(said.get(key))) is not None}
    return json.dumps(kept) if kept else None


def _count(value: Any) -> int | None:
    if isinstance(value, str):
        try:
            value = float(value) if not value.strip().lstrip("+-").isdigit() else int(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not math.isfinite(value) or value != int(value) or not -(1 << 63) <= value < 1 << 63:
        return None
    return int(value)


def _amount(value: Any) -> float | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        amount = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return amount if math.isfinite(amount) else None

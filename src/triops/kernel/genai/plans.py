"""How spans with the same names of attributes are read: found out once, since a sender's spans are alike."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triops.kernel.genai.names import SAID, SPREAD
from triops.kernel.genai.texts import is_searched

_KEPT = 512  # plans; over it they are made anew
_NAMES = 4096  # characters of a plan's names together, that it is kept
_SPREAD = tuple(SPREAD)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """`fields`: each with the names that say it, the most telling first. `spread`: messages lie in attributes of their
    own (`spread.py`). `whole`: names of what went in and came out. `searched`: names whose values hold words."""

    fields: Sequence[tuple[str, Sequence[str]]]
    spread: bool
    whole: Sequence[str]
    searched: Sequence[str]


class Plans:
    """For one thread."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], Plan] = {}

    def of(self, attributes: Mapping[str, Any]) -> Plan:
        names = tuple(attributes)
        found = self._known.get(names)
        if found is None:
            found = _plan(names)
            if sum(map(len, names)) <= _NAMES:
                if len(self._known) >= _KEPT:
                    self._known.clear()
                self._known[names] = found
        return found


def _plan(names: Iterable[str]) -> Plan:
    ranked: dict[str, list[tuple[int, str]]] = {}
    spread = False
    for name in names:
        place = SAID.get(name)
        if place is not None:
            ranked.setdefault(place[0], []).append((place[1], name))
        elif name.startswith(_SPREAD):
            spread = True
    fields = [(field, [name for _, name in sorted(ranks)]) for field, ranks in ranked.items()]
    whole = [name for field, ranks in fields if field in ("input", "output") for name in ranks]
    return Plan(fields, spread, whole, [name for name in names if is_searched(name)])

"""Which spans' tokens and costs count, so that a call told of twice is counted once.

A framework's span repeats the usage of the client's span below it, and a client's that of the gateway's: of calls on
one path from the root, the lowest counts.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from triops.kernel.signal import I64, U64

_DEEPEST = 64
Flags = npt.NDArray[np.bool_]


def counted(span: U64, parent: U64, of: U64, call: Flags, said: Flags) -> Flags:
    """For each of the spans `of` whether it counts. `span` and `parent`: all spans of the traces, told of or not (ids
    of several traces may be mixed: 64 random bits each). `call`: it asked a model; `said`: and told of tokens or cost.
    Of the ones that told the lowest count; one that did not counts as a call where no such is above or below it."""
    climb = _Climb(span, parent)
    over = climb.over(of[said])
    if climb.lost:
        climb = _Climb(span, np.where(_circling(span, parent), np.uint64(0), parent))
        over = climb.over(of[said])
    counts = said & ~np.isin(of, over)
    silent = call & ~said
    if silent.any():
        alone = ~np.isin(of[silent], over)
        heard = of[said]
        at = climb.step(of[silent])
        for _ in range(_DEEPEST):
            if not at.any():
                break
            alone &= ~np.isin(at, heard)
            at = climb.step(at)
        alone &= ~np.isin(of[silent], climb.over(of[silent]))
        counts[silent] = alone
    return counts


class _Climb:
    """From spans to their parents; an id that is not known has none. After 64 steps the climb ends, `lost` in a circle
    of parents or in what is deeper."""

    def __init__(self, span: U64, parent: U64) -> None:
        self.lost = False
        order = np.argsort(span, kind="stable")
        self._ids, self._parents = span[order], parent[order]

    def step(self, at: U64) -> U64:
        if not len(self._ids):
            return np.zeros(len(at), dtype=np.uint64)
        place = np.searchsorted(self._ids, at)
        place[place == len(self._ids)] = 0
        above: U64 = np.where((self._ids[place] == at) & (at != 0), self._parents[place], np.uint64(0))
        return above

    def over(self, start: U64) -> U64:
        """All that are above one of them."""
        found: list[U64] = []
        at = np.unique(self.step(start))
        for _ in range(_DEEPEST):
            at = at[at != 0]
            if not len(at):
                break
            found.append(at)
            at = np.unique(self.step(at))
        self.lost = bool(at.any())
        return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.uint64)


def totals(span: U64, parent: U64, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Each span's value with those of all spans below it. A span in a circle keeps its own. In Python's integers where
    64 bits might not hold the sum."""
    summed = values.astype(np.int64 if values.sum(dtype=np.float64) < 2**62 else object)
    for below, above in _upwards(span, parent):
        np.add.at(summed, above, summed[below])
    return summed


def _circling(span: U64, parent: U64) -> Flags:
    """Whose parents lead back to themselves."""
    circling = np.ones(len(span), dtype=bool)
    for below, _ in _upwards(span, parent, roots=True):
        circling[below] = False
    return circling


def _upwards(span: U64, parent: U64, roots: bool = False) -> Iterator[tuple[I64, I64]]:
    """Places of spans and of their parents, children before parents; none of a circle. `roots`: also those that have
    no parent, at -1."""
    order = np.argsort(span, kind="stable")
    ids = span[order]
    at = np.searchsorted(ids, parent)
    at[at == len(ids)] = 0
    known = (ids[at] == parent) & (parent != 0) if len(ids) else np.zeros(0, dtype=bool)
    up = np.where(known, order[at], -1) if len(ids) else np.zeros(0, dtype=np.int64)
    waiting = np.bincount(up[up >= 0], minlength=len(span))
    ready = np.flatnonzero(waiting == 0)
    while len(ready):
        climbing = ready[up[ready] >= 0]
        yield (ready, up[ready]) if roots else (climbing, up[climbing])
        np.subtract.at(waiting, up[climbing], 1)
        parents = np.unique(up[climbing])
        ready = parents[waiting[parents] == 0]

"""Which requests a day file may hold already, told without asking it: asking costs a tenth of a small commit.

A Bloom filter of 1 MB a day over the requests' digests, which are hashes themselves: each sets a bit by either half.
Among 100,000 requests it is wrong about one in 1,700, and then the file is asked as well; it never takes one that is
stored for a new one. Used by the one writer thread of a kind alone.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from triops.kernel.signal import U64

Digest = tuple[int, int]
_BITS = 1 << 23
_MASK = _BITS - 1


class Told:
    """`days` days are remembered, the least recently used is forgotten."""

    def __init__(self, days: int = 4) -> None:
        self._days: OrderedDict[str, bytearray] = OrderedDict()
        self._most = days

    def maybe(self, day: str, asked: Iterable[Digest], stored: Callable[[], tuple[U64, U64]]) -> list[Digest]:
        """Those of `asked` that may be there. `stored`: the halves of what the file holds, read when the day is first
        asked about."""
        bits = self._days.get(day)
        if bits is None:
            bits = self._days[day] = _of(*stored())
            while len(self._days) > self._most:
                self._days.popitem(last=False)
        self._days.move_to_end(day)
        return [digest for digest in asked if all(bits[bit >> 3] >> (bit & 7) & 1 for bit in _places(digest))]

    def add(self, day: str, digests: Sequence[Digest]) -> None:
        bits = self._days.get(day)
        if bits is not None:
            for digest in digests:
                for bit in _places(digest):
                    bits[bit >> 3] |= 1 << (bit & 7)

    def clear(self) -> None:
        self._days.clear()

    def forget(self, day: str) -> None:
        self._days.pop(day, None)


def _places(digest: Digest) -> tuple[int, int]:
    return digest[0] & _MASK, digest[1] & _MASK


def _of(high: U64, low: U64) -> bytearray:
    held = np.zeros(_BITS, np.bool_)
    for half in (high, low):
        held[half & np.uint64(_MASK)] = True
    return bytearray(np.packbits(held, bitorder="little").tobytes())

"""Which lists a word stands in: names, places, trades, common English. Words are kept as 32-bit hashes."""

import unicodedata
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping

FIRST, LAST, CITY, COUNTRY, STATE, JOB, STREET, FIRM = (1 << n for n in range(8))
NRP, TIME, PREFIX, LARGE, COMMON, USUAL, RARE, PART = (1 << n for n in range(8, 16))
_LETTERS = "flcnsjafrtpmCUR-"  # one a bit


def folded(word: str) -> str:
    """Lower case, without accents."""
    lower = word.lower()
    if lower.isascii():
        return lower
    return "".join(c for c in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(c))


def word_key(word: str) -> int:
    return zlib.crc32(folded(word).encode("utf-8", "replace"))


class Gazetteer:
    """`keys`: sorted; `bits`: of each, which lists."""

    def __init__(self, keys: Iterable[int], bits: Iterable[int]) -> None:
        self._keys = array("I", keys)
        self._bits = array("H", bits)

    @classmethod
    def of(cls, lists: Mapping[int, Iterable[str]]) -> "Gazetteer":
        """From words by their bit."""
        bits: dict[int, int] = {}
        for bit, words in lists.items():
            for word in words:
                key = word_key(word)
                bits[key] = bits.get(key, 0) | bit
        return cls(sorted(bits), (bits[key] for key in sorted(bits)))

    def arrays(self) -> tuple[list[int], list[int]]:
        """As they are given to the constructor."""
        return self._keys.tolist(), self._bits.tolist()

    def __call__(self, word: str) -> int:
        """Bits; 0 where it is in no list."""
        key = word_key(word)
        at = bisect_left(self._keys, key)
        return self._bits[at] if at < len(self._keys) and self._keys[at] == key else 0


def letters(bits: int) -> str:
    return "".join(letter for n, letter in enumerate(_LETTERS) if bits >> n & 1)

"""What the tagger sees of a token: its own word and those beside it, never more than REACH away.

A word's features are hashed into rows of the weights; what several words say together is hashed from their classes. The
tagger and its training share this file, so a change here asks for a new training.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from triops.lenses.llmops.guards.pii.gazetteer import CITY, COMMON, FIRST, LAST, RARE, USUAL, Gazetteer, letters
from triops.lenses.llmops.guards.pii.tokens import KNOWN, REACH

BITS = 17
MASK = (1 << BITS) - 1  # rows of the weights, less one
OFFSETS = (0, -1, 1, -2, 2, -3, 3, -4, 4)
EDGE = "\x02"  # the word before the first and after the last
TOGETHER = 9  # features of several words together, a token
_PRIMES = np.array([0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F], dtype=np.uint32)
Hashes = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class WordFeatures:
    """`rows`: of the weights, a list for each of OFFSETS. `kind`, `said`, `shape`: hashes for what words say together:
    the class, the word itself where it is a common one (else its class), the bare form."""

    rows: tuple[tuple[int, ...], ...]
    kind: int
    said: int
    shape: int


def word_features(word: str, gazetteer: Gazetteer) -> WordFeatures:
    lower = word.lower()
    first = word[0]
    if first.isalpha():
        bits = gazetteer(word)
        shape, lists = _shape(word), letters(bits)
        said = lower if bits & (COMMON | USUAL) else f"{shape}{lists}"
        near = [f"g={lists}", f"s={shape}", f"z={shape}{lists}"] if bits else [f"s={shape}", f"z={shape}"]
        if bits & ~(FIRST | LAST | CITY):  # a name itself is not learned: there are always others
            near.append(f"w={lower}")
        own = [f"{shape}3={lower[-3:]}", f"{shape}4={lower[-4:]}", f"{shape}2={lower[-2:]}", f"p3={lower[:3]}"]
        own += [f"{shape}l={min(len(word), 12)}", *(f"{shape}b={letter}" for letter in lists)]
        if "-" in word:
            own.append("hyphen")
        if not word.isascii():
            own.append(f"{shape}accent")
        side = [f"t3={lower[-3:]}"]
        kind = f"{shape}{lists if not bits & (COMMON | USUAL | RARE) else lists + 'e'}"
    elif first.isdecimal():
        number = int(word) if len(word) < 5 else 99999
        shape = f"d{min(len(word), 7)}"
        year = (
            "y" if len(word) == 4 and 1800 <= number < 2100 else "z" if first == "0" else "a" if number <= 110 else ""
        )
        near, own, side, said, kind = [f"s={shape}", f"n={shape}{year}"], [], [], f"{shape}{year}", f"{shape}{year}"
    else:
        shape = said = kind = "\n" if first == "\n" else word if first == KNOWN else word[:2]
        near, own, side = [f"w={said}"], [], []
        if first == "\n":
            near.append(f"breaks={min(word.count(chr(10)), 2)}")
    far = [f"f={said}"]
    by_offset = ([*near, *own, "1"], [*near, *side], [*near, *side], near, near, far, far, far, far)
    rows = tuple(
        tuple(zlib.crc32(f"{offset}{feature}".encode("utf-8", "replace")) & MASK for feature in features)
        for offset, features in zip(OFFSETS, by_offset, strict=True)
    )
    return WordFeatures(rows, *(zlib.crc32(text.encode("utf-8", "replace")) for text in (kind, said, shape)))


def together(kinds: Hashes, saids: Hashes, shapes: Hashes) -> list[Hashes]:
    """Rows of the weights for what neighbours say together: TOGETHER arrays. Given with REACH edges at each end."""
    count = len(kinds) - 2 * REACH
    k2, k1, k0, kn, km = (kinds[REACH + offset : REACH + offset + count] for offset in range(-2, 3))
    w2, w1, _, wn, wm = (saids[REACH + offset : REACH + offset + count] for offset in range(-2, 3))
    s0 = shapes[REACH : REACH + count]
    return [
        _joined(1, k1, k0),
        _joined(2, k0, kn),
        _joined(3, k1, k0, kn),
        _joined(4, w1, k0),
        _joined(5, k0, wn),
        _joined(6, w2, w1, s0),
        _joined(7, s0, wn, wm),
        _joined(8, w1, s0, wn),
        _joined(9, k2, k1, k0, kn) ^ _joined(10, km),
    ]


def _joined(number: int, *hashes: Sequence[int] | Hashes) -> Hashes:
    mixed = np.uint32(number * 0x01000193)
    total = np.full(len(hashes[0]), mixed, dtype=np.uint32)
    for prime, part in zip(_PRIMES, hashes, strict=False):
        total = (total ^ part) * prime
        total ^= total >> np.uint32(15)
    return total & np.uint32(MASK)


def _shape(word: str) -> str:
    if word.islower():
        return "x" if len(word) > 1 else "x1"
    if word.isupper():
        return "X" if len(word) > 3 else f"X{len(word)}"
    if word[0].isupper():
        rest = word[1:]
        return "Xx" if rest.islower() else "XxX"
    return "c" if word.lower() == word.upper() else "xX"

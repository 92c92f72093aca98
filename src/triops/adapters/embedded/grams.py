"""Signatures of texts: which three-byte sequences a block of texts holds, as 4,096 bits in 64 columns.

A text that holds a needle holds each of the needle's sequences, so a block that lacks one of their bits cannot match;
the few others are read and compared. The columns that hold a needle's bits are all that a search reads
(docs/decisions/0011). A block is texts of about 2 kB in a row, or one longer text, whose pieces are signed apart: they
overlap by `NEEDLE` bytes, so that the first that many bytes of any needle lie in one piece.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from triops.adapters.embedded.layout import WORDS as COLUMNS
from triops.kernel.signal import U64

WORDS = len(COLUMNS)
NEEDLE = 256
_BITS = 64 * WORDS
_SHIFT = np.uint32(32 - 12)
_MIX = np.uint32(2654435761)
_BLOCK = 2048  # bytes of texts of one block
_PIECE = 4096  # bytes of a piece of a long text
_AT_ONCE = 64  # pieces whose bits are unpacked at a time: 256 kB, which a core keeps near


@dataclass(frozen=True, slots=True)
class Signed:
    """`block` of each text, counted from 0; and the signatures: `of[i]` is the block that `words[i]` belongs to (a
    block may have several, any of which may match)."""

    block: npt.NDArray[np.uint64]
    of: npt.NDArray[np.uint64]
    words: npt.NDArray[np.uint64]


def signed(texts: Sequence[bytes], owner: npt.NDArray[np.uint64]) -> Signed:
    """`owner`: the project of each text; a block holds texts of one."""
    block = np.zeros(len(texts), dtype=np.uint64)
    pieces: list[bytes] = []
    of: list[int] = []
    held: list[bytes] = []
    size, number = 0, -1
    last = None
    for row, (text, project) in enumerate(zip(texts, owner.tolist(), strict=True)):
        if held and (project != last or size + len(text) > _BLOCK):
            pieces.append(b"\n".join(held))
            of.append(number)
            held, size = [], 0
        if not held:
            number += 1
        last = project
        block[row] = number
        if len(text) > _PIECE:
            for at in range(0, len(text), _PIECE - NEEDLE):
                pieces.append(text[at : at + _PIECE])
                of.append(number)
                if at + _PIECE >= len(text):
                    break
            if held:  # what was gathered before it, in the same block
                pieces.append(b"\n".join(held))
                of.append(number)
                held, size = [], 0
            continue
        held.append(text)
        size += len(text) + 1
    if held:
        pieces.append(b"\n".join(held))
        of.append(number)
    rows = [_signatures(pieces[at : at + _AT_ONCE]) for at in range(0, len(pieces), _AT_ONCE)]
    words = np.concatenate(rows) if rows else np.zeros((0, WORDS), dtype=np.uint64)
    return Signed(block, np.array(of, dtype=np.uint64), words)


def asked(needle: bytes) -> dict[str, int]:
    """Column → the bits that a block must have there. Empty for a needle of fewer than three bytes: any may match."""
    bits: dict[str, int] = {}
    for place in np.unique(_places(np.frombuffer(needle[:NEEDLE], dtype=np.uint8))).tolist():
        column = COLUMNS[place // 64]
        bits[column] = bits.get(column, 0) | 1 << place % 64
    return bits


def _signatures(pieces: Sequence[bytes]) -> U64:
    raw = np.frombuffer(b"\n\n".join(pieces), dtype=np.uint8)
    lengths = np.array([len(piece) + 2 for piece in pieces], dtype=np.int64)
    start = np.repeat(np.arange(len(pieces), dtype=np.int64) * _BITS, lengths)[: max(len(raw) - 2, 0)]
    held = np.zeros(len(pieces) * _BITS, dtype=np.uint8)
    held[start + _places(raw)] = 1
    return np.packbits(held.reshape(-1, _BITS), axis=1, bitorder="little").view(np.uint64)


def _places(raw: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    if len(raw) < 3:
        return np.zeros(0, dtype=np.uint32)
    mixed = raw[:-2].astype(np.uint32)
    mixed |= raw[1:-1].astype(np.uint32) << np.uint32(8)
    mixed |= raw[2:].astype(np.uint32) << np.uint32(16)
    mixed *= _MIX
    mixed >>= _SHIFT
    return mixed

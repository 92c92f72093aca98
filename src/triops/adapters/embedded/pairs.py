"""Which two characters stand side by side in the texts of a commit: what tells that nothing holds a needle of two.

Signatures of three bytes say nothing of it (`grams.py`), and reading all texts costs the more the more there are. Of
English 20,000 spans hold some 1,500 pairs: 4 kB. Only ASCII characters are told; a needle with others is not looked up.
"""
# ruff: noqa: S608 (only our own catalog and column names are put into statements; every value is a parameter)

from collections.abc import Sequence

import numpy as np

from triops.adapters.embedded.engine import Connection
from triops.adapters.embedded.request import Columns
from triops.kernel.signal import U64, text_column

_ASCII = 128


def told(needle: str) -> bool:
    """Whether the pairs can tell of it."""
    return len(needle) == 2 and needle.isascii()


def paired(texts: Sequence[bytes], owner: U64, block: U64) -> Columns:
    """Rows of the table, one for each project. `owner`: of each text; `block`: the one it is signed in."""
    projects = np.unique(owner)
    rows: list[tuple[int, int, int, str]] = []
    for project in projects:
        own = np.flatnonzero(owner == project)
        spoken = _pairs(texts if len(own) == len(texts) else [texts[row] for row in own.tolist()])
        rows.append((int(block[own].min()), int(block[own].max()), len(own), spoken))
    first, last, count, held = zip(*rows, strict=True)
    return {
        "project": projects,
        "first": np.array(first, np.uint64),
        "last": np.array(last, np.uint64),
        "texts": np.array(count, np.uint64),
        "held": text_column(held),
    }


def blocks_with(connection: Connection, name: str, project: int, needle: str) -> tuple[U64, float] | None:
    """Of one day: the blocks that may hold a needle that the pairs can tell of, and their part of all texts. None where
    some texts are of before the pairs."""
    rows = connection.execute(
        f"SELECT first, last, texts, contains(held, $needle) AS holds FROM {name}.pairs WHERE project = $project",
        {"needle": needle, "project": project},
    ).fetchnumpy()
    first, last, texts, holds = (np.ma.getdata(rows[column]) for column in ("first", "last", "texts", "holds"))
    (stored,) = connection.execute(
        f"SELECT count(*) FROM {name}.llm WHERE project = $project", {"project": project}
    ).fetchone()
    if int(texts.sum()) != stored:
        return None
    ranges = zip(first[holds].tolist(), last[holds].tolist(), strict=True)
    blocks = [np.arange(begin, end + 1, dtype=np.uint64) for begin, end in ranges]
    return np.concatenate(blocks) if blocks else np.zeros(0, np.uint64), int(texts[holds].sum()) / max(stored, 1)


def _pairs(texts: Sequence[bytes]) -> str:
    """Each two ASCII characters that stand side by side, a line each. Where one text ends and the next begins, it tells
    of more than there is, never of less."""
    joined = b"\n".join(texts) + b"\n\n\n"
    held = np.zeros(1 << 16, np.bool_)
    for begin in (0, 1):
        held[np.frombuffer(joined, "<u2", (len(joined) - begin) // 2, begin)] = True
    places = np.flatnonzero(held)
    first, second = places & 255, places >> 8
    ascii_ = (first < _ASCII) & (second < _ASCII)
    lines = np.stack((first[ascii_], second[ascii_], np.full(int(ascii_.sum()), ord("\n"))), axis=1)
    return lines.astype(np.uint8).tobytes().decode()

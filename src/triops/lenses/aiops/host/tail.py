"""Complete lines of one log file, from a position, across rotation and truncation. Pure of any schedule or store.

A position names the file by device and inode and by its first bytes, so that a file that was moved away is read to
its end, one that was cut short or written anew in place is read from its beginning, and neither is mistaken.
"""

import os
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

HEAD_BYTES = 128
LINE_BYTES = 64 << 10  # a longer line is handed out in parts


@dataclass(frozen=True, slots=True)
class Position:
    """Everything before `offset` has been handed on. `head` is a digest of the first `head_bytes` bytes."""

    device: int
    inode: int
    offset: int
    head_bytes: int = 0
    head: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Position":
        """Raises: KeyError, TypeError or ValueError for anything that `to_json` did not write."""
        numbers = {name: int(value[name]) for name in ("device", "inode", "offset", "head_bytes")}
        if min(numbers.values()) < 0:
            raise ValueError("a negative number")
        return cls(**numbers, head=str(value["head"]))


def position_at(path: Path, *, end: bool) -> Position:
    """The end or the beginning of a file. Raises: OSError."""
    with path.open("rb") as file:
        stat = os.fstat(file.fileno())
        start = Position(stat.st_dev, stat.st_ino, 0)
        return _headed(file, replace(start, offset=_last_line_end(file, stat.st_size))) if end else start


def read_lines(path: Path, position: Position, limit: int) -> tuple[list[bytes], Position, bool]:
    """Lines after `position`, where they end, and whether there is more to read now.

    `limit` is in bytes and no less than `LINE_BYTES`, so that a line fits. When another file took the path, the rest of
    the old one is looked for beside it and handed out first, its last line even without a line end.
    Raises: OSError when `path` is not there or not readable.
    """
    with path.open("rb") as file:
        stat = os.fstat(file.fileno())
        if (stat.st_dev, stat.st_ino) != (position.device, position.inode):
            fresh = Position(stat.st_dev, stat.st_ino, 0)
            old = _moved(path, position)
            if old is not None:
                with old:
                    lines, after = _read(old, position, limit, closed=True)
                return (lines, after, True) if lines else (*_read(file, fresh, limit, closed=False), False)
            position = fresh
        elif stat.st_size < position.offset or not _same_head(file, position):
            position = Position(stat.st_dev, stat.st_ino, 0)
        lines, after = _read(file, position, limit, closed=False)
        return lines, after, bool(lines) and after.offset < stat.st_size


def _read(file: BinaryIO, position: Position, limit: int, *, closed: bool) -> tuple[list[bytes], Position]:
    """`closed`: nobody writes to it any more, so that an unfinished line is all there will be of it."""
    file.seek(position.offset)
    raw = file.read(limit)
    whole = raw.rfind(b"\n") + 1
    if not whole and len(raw) >= LINE_BYTES:
        whole = LINE_BYTES  # a line without end: a part of it
    elif closed and len(raw) < limit:
        whole = len(raw)
    raw = raw[:whole]
    lines = [line.rstrip(b"\r") for line in raw.split(b"\n")]
    if lines and not lines[-1]:
        lines.pop()
    lines = [line[at : at + LINE_BYTES] for line in lines for at in range(0, max(1, len(line)), LINE_BYTES)]
    return lines, _headed(file, replace(position, offset=position.offset + whole))


def _headed(file: BinaryIO, position: Position) -> Position:
    """With the digest of as much of the beginning as lies before the offset."""
    length = min(HEAD_BYTES, position.offset)
    if length <= position.head_bytes:
        return position
    return replace(position, head_bytes=length, head=_digest(file, length))


def _same_head(file: BinaryIO, position: Position) -> bool:
    return not position.head_bytes or _digest(file, position.head_bytes) == position.head


def _digest(file: BinaryIO, length: int) -> str:
    return blake2b(os.pread(file.fileno(), length, 0), digest_size=8).hexdigest()


def _moved(path: Path, position: Position) -> BinaryIO | None:
    """The file of `position` under its new name in the same folder, opened; None when it is gone."""
    try:
        with os.scandir(path.parent) as entries:
            for entry in entries:
                if entry.inode() != position.inode or not entry.is_file(follow_symlinks=False):
                    continue
                file = Path(entry.path).open("rb")  # noqa: SIM115
                stat = os.fstat(file.fileno())
                same = (stat.st_dev, stat.st_ino) == (position.device, position.inode)
                if same and stat.st_size >= position.offset and _same_head(file, position):
                    return file
                file.close()
    except OSError:
        pass
    return None


def _last_line_end(file: BinaryIO, size: int) -> int:
    """Where the last complete line ends, looking back at most one line's bound."""
    back = min(size, LINE_BYTES)
    file.seek(size - back)
    found = file.read(back).rfind(b"\n")
    return size - back + found + 1 if found >= 0 or back == size else size

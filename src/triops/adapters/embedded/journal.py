"""The gateway's journal in files (`ports/journal.py`): segments of records in one folder, one process writing.

A record: length of the body (u32), CRC-32 of what follows (u32), sequence number (u64), kind (one byte), body; little
endian. A segment is named by the first sequence number that it holds. The newest is never dropped, so that numbers go
on where they ended.
"""

import contextlib
import fcntl
import itertools
import os
import struct
import threading
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from triops.kernel.errors import StoreFull, TooLarge, Unavailable
from triops.ports.journal import MOST_BODY, MOST_READ, Entry

_HEAD = struct.Struct("<IIQc")
_CHECKED, _NUMBERED = struct.Struct("<II"), struct.Struct("<Qc")  # its two parts
_CRC_FROM = 8  # the checksum covers sequence number, kind and body
_SYNC_S = 0.05
_SEGMENT = 64 << 20
_READ = 4 << 20
MOST_HELD = 8 << 30
_SPARED = 128 << 20  # of the disk: what ends still must be written, and by others than the journal
_LOOK_S = 1.0


class FileJournal:
    """The writer's side. `wait_s`: how long another process may still hold the folder (its last calls are ending).
    `after`: the last sequence number that was ever applied; numbers never begin below it, even in an empty folder.
    `most`: bytes on the disk, over which no intent is taken; what began may end."""

    def __init__(
        self, folder: Path, *, after: int = 0, wait_s: float = 0.0, segment: int = _SEGMENT, most: int = MOST_HELD
    ) -> None:
        """Raises: Unavailable when another process holds it, or a segment but the newest is torn; StoreFull."""
        self._folder = folder
        self._segment = segment
        self._most = most
        self._held = 0
        self._full = ""  # why no intent is taken
        self._fd = -1
        self._size = 0
        self._dirty = threading.Event()
        self._told = False  # the syncer, of what was appended
        self._closing = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreFull(f"the gateway's journal cannot be opened: {os.strerror(error.errno or 0)}") from error
        try:
            _take(self._lock, wait_s)
            self._next = max(self._recover(), after + 1)
            if self._fd < 0 or self._size == 0:
                self._begin()
            self._look()
        except BaseException:
            os.close(self._lock)
            raise
        self._syncer = threading.Thread(target=self._sync, name="journal:sync", daemon=True)
        self._syncer.start()

    @property
    def last(self) -> int:
        return self._next - 1

    def append(self, kind: str, body: bytes) -> int:
        if self._fd < 0:
            raise Unavailable("the gateway's journal is closed")
        if self._full and kind == "i":
            self._dirty.set()  # there may be room by now
            raise StoreFull(self._full)
        if len(body) > MOST_BODY:
            raise TooLarge(f"a record of the gateway's journal has at most {MOST_BODY} bytes")
        seq = self._next
        rest = _NUMBERED.pack(seq, kind.encode()) + body
        record = _CHECKED.pack(len(body), zlib.crc32(rest)) + rest
        size = len(record)
        try:
            if self._size + size > self._segment and self._size:
                self._begin()
            if os.write(self._fd, record) != size:
                raise OSError(28, "short write")
        except OSError as error:
            os.ftruncate(self._fd, self._size)
            os.lseek(self._fd, self._size, os.SEEK_SET)
            raise StoreFull(f"the gateway's journal cannot be written: {os.strerror(error.errno or 0)}") from error
        self._size += size
        self._next = seq + 1
        if not self._told:
            self._told = True
            self._dirty.set()
        return seq

    def state(self) -> Mapping[str, Any]:
        """`last` sequence number, `bytes` on the disk (a second old) of at most `most`, and `full`: "" or why."""
        return {"last": self.last, "bytes": self._held, "most": self._most, "full": self._full}

    def rotate(self) -> None:
        """A new segment begins, unless this one is empty, so that those before may be dropped. Raises: StoreFull."""
        if self._fd < 0:
            raise Unavailable("the gateway's journal is closed")
        if self._size:
            try:
                self._begin()
            except OSError as error:
                raise StoreFull(f"the gateway's journal cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Safe twice. What was appended is on the disk then."""
        if self._fd < 0:
            return
        self._closing = True
        self._dirty.set()
        self._syncer.join()
        os.fsync(self._fd)
        os.close(self._fd)
        self._fd = -1
        os.close(self._lock)

    def _sync(self) -> None:
        looked_at = time.monotonic()
        while not self._closing:
            self._dirty.wait()
            if self._closing:
                return
            time.sleep(_SYNC_S)
            self._dirty.clear()
            self._told = False  # before what was appended is synced: whoever appends from now on tells anew
            if self._full or time.monotonic() - looked_at >= _LOOK_S:
                self._look()
                looked_at = time.monotonic()
            try:
                duplicate = os.dup(self._fd)  # a new segment may be begun meanwhile
            except OSError:  # it was, just now
                self._dirty.set()
                continue
            try:
                os.fdatasync(duplicate)
            except OSError:
                self._dirty.set()  # tried again; a full disk shows at the next append
            finally:
                os.close(duplicate)

    def _look(self) -> None:
        """How much is there, and whether more may begin."""
        with contextlib.suppress(OSError):  # a segment was dropped just now: there is a next look
            held = sum(path.stat().st_size for _, path in segments(self._folder))
            disk = os.statvfs(self._folder)
            self._held, self._full = held, ""
            if held >= self._most:
                self._full = f"the gateway's journal holds {held >> 20} MB, its bound, that wait for the books"
            elif disk.f_bavail * disk.f_frsize < _SPARED:
                self._full = f"the disk of the gateway's journal has less than {_SPARED >> 20} MB left"

    def _begin(self) -> None:
        path = self._folder / f"{self._next:020d}.journal"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if self._fd >= 0:
            os.fdatasync(self._fd)
        before, self._fd, self._size = self._fd, fd, 0
        if before >= 0:
            os.close(before)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _recover(self) -> int:
        """The next sequence number, with the newest segment open and its torn end cut off."""
        found = segments(self._folder)
        if not found:
            return 1
        first, path = found[-1]
        data = path.read_bytes()
        end, after = 0, first
        for seq, _, _, at in _records(data, 0):
            end, after = at, seq + 1
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        if end < len(data):
            os.ftruncate(self._fd, end)
            os.fsync(self._fd)
        self._size = end
        return after


class FileJournalReader:
    """The reader's side, in any process. It remembers where it is, so that reading on costs only what is new."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._at: tuple[Path, int, int] | None = None  # segment, offset, the sequence number before it

    def read(self, after: int, most: int, most_bytes: int = MOST_READ) -> Sequence[Entry]:
        """Raises: Unavailable, naming the segment, where a record is torn that is not the last."""
        entries: list[Entry] = []
        found = segments(self._folder)
        at = self._at if self._at and self._at[2] == after else None
        left = most_bytes
        for number, (_, path) in enumerate(found):
            newest = number == len(found) - 1
            if at is not None and path < at[0]:
                continue
            if at is None and not newest and found[number + 1][0] <= after + 1:
                continue
            offset = at[1] if at is not None and at[0] == path else 0
            offset, left = self._read(path, offset, after, most, left, entries, newest)
            if entries:
                after = entries[-1].seq
            self._at = (path, offset, after)
            if len(entries) >= most or left <= 0:
                break
        return entries

    def drop_through(self, seq: int) -> None:
        found = segments(self._folder)
        for (_, path), (following, _) in itertools.pairwise(found):
            if following <= seq + 1:
                path.unlink(missing_ok=True)

    def _read(
        self, path: Path, offset: int, after: int, most: int, left: int, entries: list[Entry], newest: bool
    ) -> tuple[int, int]:
        """Where the next record of the segment begins, and how many of the `left` bytes are."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return offset, left
        try:
            while len(entries) < most and left > 0:
                data = os.pread(fd, _READ, offset)
                if len(data) >= _HEAD.size and _HEAD.size + (needed := _HEAD.unpack_from(data)[0]) > len(data):
                    data = os.pread(fd, _HEAD.size + min(needed, MOST_BODY), offset)
                used = 0
                for seq, kind, body, end in _records(data, 0):
                    used = end
                    if seq > after:
                        entries.append(Entry(seq, kind, body))
                        left -= len(body)
                        if len(entries) >= most or left <= 0:
                            break
                offset += used
                if not used:
                    if data and not newest:
                        raise Unavailable(f"the gateway's journal is torn in {path.name} at byte {offset}")
                    break
        finally:
            os.close(fd)
        return offset, left


def segments(folder: Path) -> list[tuple[int, Path]]:
    """Each with the first sequence number that it holds, oldest first."""
    return sorted((int(path.stem), path) for path in folder.glob("*.journal") if path.stem.isdigit())


def _records(data: bytes, start: int) -> Iterator[tuple[int, str, bytes, int]]:
    """Whole, sound records: sequence number, kind, body, where the next one begins."""
    size, view = len(data), memoryview(data)
    while start + _HEAD.size <= size:
        length, crc, seq, kind = _HEAD.unpack_from(data, start)
        body = start + _HEAD.size
        end = body + length
        if length > MOST_BODY or end > size or zlib.crc32(view[start + _CRC_FROM : end]) != crc:
            return
        yield seq, kind.decode("latin-1"), data[body:end], end
        start = end


def _take(lock: int, wait_s: float) -> None:
    until = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if time.monotonic() > until:
                raise Unavailable("the gateway's journal is held by another process") from error
            time.sleep(0.05)

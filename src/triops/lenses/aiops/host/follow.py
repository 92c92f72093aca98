"""Log files followed: new lines of all configured files as one batch, positions kept in a small file.

At least once: `poll` reads from what was committed, `commit` after the lines are safe elsewhere; what was polled and
not committed is polled again. A file that is there when following begins for the first time is read from its end, one
that appears later from its beginning. Rotation by renaming is followed even when a pattern also matches the new names;
rotation by copying then gives the copy's lines a second time, so a pattern should not match copies.
"""

import glob
import json
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from triops.kernel.clock import NS
from triops.kernel.signal import LogBatch, Resources, fingerprint
from triops.lenses.aiops.host import tail
from triops.lenses.aiops.host.resource import canonical, host_resource
from triops.lenses.aiops.host.severity import guess_severity
from triops.lenses.aiops.host.tail import Position, position_at, read_lines

log = logging.getLogger(__name__)
FILES = 256  # followed at once; what more the patterns match is left out and counted
FILE_BYTES = 1 << 20  # read of one file in one poll
POLL_BYTES = 4 << 20  # read of all files in one poll; the rest waits for the next


@dataclass
class LogFollower:
    """`patterns` are paths or globs. `poll` and `commit` block on disk: call them on a thread."""

    patterns: tuple[str, ...]
    positions_file: Path | None = None
    service: str = ""  # whom the lines belong to; without one they belong to the host alone
    resource: dict[str, str] = field(default_factory=host_resource)
    left_out: int = 0  # files over the bound in the last poll
    unreadable: dict[str, str] = field(default_factory=dict)  # path -> why, of the last poll
    _committed: dict[str, Position] = field(default_factory=dict)
    _pending: dict[str, Position] = field(default_factory=dict)
    _begun: bool = False
    _first: int = 0  # where the next poll starts, so that a busy file does not starve the others

    def poll(self, now: float) -> LogBatch:
        """New complete lines of all files; their time is `now` (when they were read), their severity guessed."""
        if not self._begun:
            self._begin()
        self.unreadable.clear()
        self._pending = {}
        lines: list[bytes] = []
        paths: list[str] = []
        budget = POLL_BYTES
        found = self._matching()
        for turn in range(len(found)):
            path = found[(self._first + turn) % len(found)]
            if budget < tail.LINE_BYTES:
                self._first = (self._first + turn) % len(found)
                break
            budget -= self._poll_one(path, min(FILE_BYTES, budget), lines, paths)
        return self._batch(lines, paths, now)

    def commit(self) -> None:
        """What the last poll gave is safe. Raises: OSError when the positions cannot be written (they then stand in
        memory, and a restart reads some lines twice)."""
        if not self._pending:
            return
        self._committed.update(self._pending)
        self._pending = {}
        while len(self._committed) > FILES * 2:  # of files long gone
            self._committed.pop(next(iter(self._committed)))
        self._save()

    def _begin(self) -> None:
        self._begun = True
        if self.positions_file is not None and self.positions_file.exists():
            try:
                stored = json.loads(self.positions_file.read_text("utf-8"))
                self._committed = {str(path): Position.from_json(value) for path, value in stored.items()}
                return
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                log.warning("the positions of log files cannot be read, they start at their end: %s", error)
        for path in self._matching():
            try:
                self._committed[path] = position_at(Path(path), end=True)
            except OSError as error:
                self.unreadable[path] = str(error.strerror)
        if self._committed:
            self._save()

    def _matching(self) -> list[str]:
        found: dict[str, None] = {}
        for pattern in self.patterns:
            found.update(dict.fromkeys(sorted(p for p in glob.iglob(pattern) if os.path.isfile(p))))
        paths = list(found)
        self.left_out = max(0, len(paths) - FILES)
        return paths[:FILES]

    def _poll_one(self, path: str, limit: int, lines: list[bytes], paths: list[str]) -> int:
        """Bytes it took."""
        taken = 0
        try:
            position = self._committed.get(path) or self._first_position(path)
            more = True
            while more and limit - taken >= tail.LINE_BYTES:
                got, position, more = read_lines(Path(path), position, limit - taken)
                lines += got
                paths += [path] * len(got)
                taken += sum(map(len, got)) + len(got)
            if position != self._committed.get(path):
                self._pending[path] = position
        except OSError as error:
            self.unreadable[path] = str(error.strerror)
        return taken

    def _first_position(self, path: str) -> Position:
        """The beginning; but the end of a file that was followed under another name, whose rest is read from there."""
        start = position_at(Path(path), end=False)
        followed = any((p.device, p.inode) == (start.device, start.inode) for p in self._committed.values())
        return position_at(Path(path), end=True) if followed else start

    def _save(self) -> None:
        if self.positions_file is None:
            return
        draft = self.positions_file.with_suffix(".new")
        draft.write_text(json.dumps({p: position.to_json() for p, position in self._committed.items()}), "utf-8")
        os.replace(draft, self.positions_file)

    def _batch(self, lines: list[bytes], paths: list[str], now: float) -> LogBatch:
        rows = [(line.decode("utf-8", "replace"), path) for line, path in zip(lines, paths, strict=True) if line]
        attributes = canonical(self.resource | ({"service.name": self.service} if self.service else {}))
        resource = fingerprint(attributes)
        of_file = {p: canonical({"log.file.name": os.path.basename(p), "log.file.path": p}) for p in set(paths)}
        count = len(rows)
        zeros = np.zeros(count, np.uint64)
        return LogBatch(
            resources=Resources(np.array([resource], np.uint64), np.array([attributes], object)),
            resource=np.full(count, resource, np.uint64),
            time_ns=np.full(count, int(now * NS), np.int64),
            severity=np.fromiter((guess_severity(body) for body, _ in rows), np.uint8, count),
            body=np.array([body for body, _ in rows], object),
            template=zeros,
            trace_hi=zeros,
            trace_lo=zeros,
            span_id=zeros,
            attributes=np.array([of_file[path] for _, path in rows], object),
        )

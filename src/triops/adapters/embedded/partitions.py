"""One DuckDB file a UTC day, attached while it is used.

At most `attached` files stay attached; over it the least recently used that no one uses is detached. A query over more
days than that attaches them all while it runs. Owns the files and their names, not what is in them.
"""

import contextlib
import os
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from triops.adapters.embedded.engine import Engine
from triops.adapters.embedded.faults import is_full
from triops.kernel.clock import DAY_NS, day_of
from triops.kernel.errors import StoreFull, Unavailable

_ENDING = ".duckdb"
REWRITE_ENDING = ".rewrite"
_PATIENCE_S = 5.0  # for running queries, when closing
_SHORT_LOG = 8 << 20  # bytes that are merged without being missed: a tenth of a second


class Partitions:
    """Thread-safe. A day is *pinned* while a thread reads or writes it, and only an unpinned one is detached."""

    def __init__(
        self,
        engine: Engine,
        kind: str,
        tables: Sequence[tuple[str, str]],
        attached: int = 16,
        added: Sequence[tuple[str, str]] = (),
    ) -> None:
        """`tables`: (name, column definitions) of each table that a day file has; `added`: (table, column definition)
        of each column that files of earlier versions lack."""
        self.engine = engine
        self.kind = kind
        self.folder = engine.folder / kind
        self._tables = tables
        self._added = added
        self._bound = attached
        self._changed = threading.Condition()
        self._days: set[str] = set()
        self._attached: OrderedDict[str, None] = OrderedDict()
        self._pins: Counter[str] = Counter()
        self._taken: set[str] = set()
        self._logged: dict[str, int] = {}  # bytes of a day's log when it was looked at last
        self._merged: set[str] = set()  # days whose log DuckDB has merged since they were attached

    def open(self) -> None:
        """List the days; remove what a killed rewrite left. Reads no data: a day's log is replayed when it is used."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self.folder.iterdir():
            if REWRITE_ENDING in path.name:
                path.unlink(missing_ok=True)
        self._days = {path.name.removesuffix(_ENDING) for path in self.folder.glob(f"*{_ENDING}")}

    def close(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._pins, timeout=_PATIENCE_S)
            for day in list(self._attached):
                if not self._pins[day]:  # one still in use is closed with the engine, which interrupts its readers
                    self._detach(day)

    def days(self, start_ns: int | None = None, end_ns: int | None = None) -> list[str]:
        """Days that have a file and touch [start, end), oldest first."""
        first = "" if start_ns is None else _day(start_ns)
        last = "9999" if end_ns is None else _day(end_ns - 1)
        with self._changed:
            return sorted(day for day in self._days if first <= day <= last)

    @contextlib.contextmanager
    def reading(self, days: Sequence[str]) -> Iterator[list[str]]:
        """The catalog names of those of `days` that still exist, in their order, kept attached meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: self._taken.isdisjoint(days))
            pinned: list[str] = []
            try:
                for day in days:
                    if day in self._days:
                        self._attach(day)
                        self._pins[day] += 1
                        pinned.append(day)
            except BaseException:
                self._unpin(pinned)
                raise
        try:
            yield [self.name_of(day) for day in pinned]
        finally:
            self._unpin(pinned)

    @contextlib.contextmanager
    def writing(self, day: str) -> Iterator[str]:
        """The catalog name of a day, created when it is new."""
        with self._changed:
            self._changed.wait_for(lambda: day not in self._taken)
            self._attach(day)
            self._pins[day] += 1
        try:
            yield self.name_of(day)
        finally:
            self._unpin([day])

    @contextlib.contextmanager
    def taken(self, day: str) -> Iterator[Path]:
        """The file of a day, detached and used by no one else. Waits for its users to finish."""
        with self._changed:
            self._changed.wait_for(lambda: day not in self._taken)
            self._taken.add(day)
            self._changed.wait_for(lambda: not self._pins[day])
            if day in self._attached:
                self._detach(day)
        try:
            yield self.path_of(day)
        finally:
            with self._changed:
                self._taken.discard(day)
                self._pins += Counter()  # drops zeros
                self._changed.notify_all()

    def refresh(self, day: str) -> None:
        """After a commit: let go of a day whose log DuckDB has merged, if no one uses it; it is attached when it is
        used next. Of texts that DuckDB compressed itself it unpacks 2,048 where one is asked for; of texts that it
        found in a file, that one."""
        try:
            size = _files(self.path_of(day))[1].stat().st_size
        except FileNotFoundError:
            size = 0
        with self._changed:
            if size < self._logged.get(day, 0):
                self._merged.add(day)
            self._logged[day] = size
            if day in self._merged and size <= _SHORT_LOG and not self._pins[day] and day in self._attached:
                self._detach(day)

    def reopen(self, day: str) -> None:
        """After a failed commit: forget DuckDB's state of the file and replay its log, which leaves out a torn end."""
        with self.taken(day):
            pass

    def drop(self, day: str) -> int:
        """Delete a day; answers the bytes given back."""
        with self.taken(day) as path:
            freed = self.bytes_of(day)
            for part in _files(path):
                part.unlink(missing_ok=True)
            with self._changed:
                self._days.discard(day)
            _sync_folder(self.folder)
        return freed

    def replace(self, day: str, new: Path) -> None:
        """Put a rewritten file in a day's place, at once. Raises: StoreFull while the old log cannot be merged."""
        with self.taken(day) as path:
            log = _files(path)[1]
            if log.exists() and log.stat().st_size:
                # It would be replayed into the new file, and so bring the erased rows back.
                raise StoreFull(f"the log of {self.kind}/{day} cannot be merged into its file")
            log.unlink(missing_ok=True)
            os.replace(new, path)
            _sync_folder(self.folder)

    def bytes_of(self, day: str) -> int:
        return sum(part.stat().st_size for part in _files(self.path_of(day)) if part.exists())

    def path_of(self, day: str) -> Path:
        return self.folder / f"{day}{_ENDING}"

    def name_of(self, day: str) -> str:
        return f"{self.kind}_{day.replace('-', '_')}"

    def attach_file(self, connection: object, path: Path, name: str) -> None:
        """Attach a file under a name and make its tables and columns where they are missing."""
        run = connection.execute  # type: ignore[attr-defined]
        quoted = str(path).replace("'", "''")
        run(f"ATTACH '{quoted}' AS {name}")
        try:
            run("BEGIN")
            for table, columns in self._tables:
                run(f"CREATE TABLE IF NOT EXISTS {name}.{table} ({columns})")
            for table, column in self._added:
                run(f"ALTER TABLE {name}.{table} ADD COLUMN IF NOT EXISTS {column}")
            run("COMMIT")
        except duckdb.Error:
            with contextlib.suppress(duckdb.Error):
                run("ROLLBACK")
            with contextlib.suppress(duckdb.Error):
                run(f"DETACH {name}")
            raise

    def _attach(self, day: str) -> None:
        if day in self._attached:
            self._attached.move_to_end(day)
            return
        cursor = self.engine.cursor()
        try:
            self.attach_file(cursor, self.path_of(day), self.name_of(day))
        except duckdb.Error as error:
            if day not in self._days:
                for part in _files(self.path_of(day)):
                    part.unlink(missing_ok=True)
            if is_full(error):
                raise StoreFull("the disk is full") from error
            raise Unavailable(f"the partition {self.kind}/{day} cannot be opened: {error}") from error
        finally:
            cursor.close()
        self._days.add(day)
        self._attached[day] = None
        self._shrink(keep=day)

    def _detach(self, day: str) -> None:
        cursor = self.engine.cursor()
        # Detaching merges the log into the file. Where the disk has no room for that, DuckDB detaches all the same
        # and the log stays, to be replayed.
        with contextlib.suppress(duckdb.Error):
            cursor.execute(f"DETACH {self.name_of(day)}")
        cursor.close()
        del self._attached[day]
        self._logged.pop(day, None)
        self._merged.discard(day)

    def _shrink(self, keep: str = "") -> None:
        for day in list(self._attached):
            if len(self._attached) <= self._bound:
                return
            if day != keep and not self._pins[day]:
                self._detach(day)

    def _unpin(self, days: Sequence[str]) -> None:
        with self._changed:
            for day in days:
                self._pins[day] -= 1
            self._pins += Counter()  # drops zeros
            self._shrink()
            self._changed.notify_all()


def _files(path: Path) -> tuple[Path, Path]:
    return path, path.with_name(path.name + ".wal")


def _day(time_ns: int) -> str:
    return day_of(min(max(time_ns, 0), 2_932_896 * DAY_NS))  # up to 9999-12-31


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

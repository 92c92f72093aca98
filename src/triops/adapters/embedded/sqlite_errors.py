"""What SQLite says, as kinds of our own: told apart by result code, never by text."""

import shutil
import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from triops.kernel.errors import Conflict, Invalid, StoreFull, Unavailable

_TAKEN = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_BROKEN = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
}
_ROOM_BYTES = 1 << 20  # an I/O error on a disk with less room than this is a full disk


def translate(error: BaseException, path: Path) -> BaseException:
    """The error to raise to the caller of a read or write; a fault in a statement stays what it is."""
    if isinstance(error, UnicodeEncodeError):
        return Invalid("text that is not valid Unicode", got=ascii(error.object), expected="no lone surrogates")
    if isinstance(error, OverflowError):
        return Invalid("a number that does not fit 64 bits")
    original = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(original, sqlite3.Error):
        return error
    code = getattr(original, "sqlite_errorcode", 0)
    primary = code & 0xFF
    if code in _TAKEN:
        return Conflict("there is one already")
    if primary == sqlite3.SQLITE_FULL or (primary == sqlite3.SQLITE_IOERR and _no_room(path)):
        return StoreFull(f"no room for records in {path}")
    if primary == sqlite3.SQLITE_IOERR:
        return Unavailable(f"cannot read or write {path}: {original}")
    if primary in _BUSY:
        return Unavailable(f"{path} is locked by another program")
    if primary in _BROKEN:
        return Unavailable(f"cannot use {path}: {original}")
    return error


def _no_room(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _ROOM_BYTES
    except OSError:
        return False

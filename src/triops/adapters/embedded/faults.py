"""What DuckDB raises, as our kinds of error."""

import errno
import os

import duckdb

from triops.kernel.errors import Invalid, Overloaded, StoreFull, TooLarge, TriopsError, Unavailable

# DuckDB gives no error number: the operating system's own words for "no room" are all there is to tell it by.
_NO_ROOM = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


def is_full(error: BaseException) -> bool:
    """Whether the disk (or a quota, or a limit on file size) has no room left."""
    return any(words in str(error) for words in _NO_ROOM)


def is_conversion(error: BaseException) -> bool:
    """Whether the values were at fault, and not the store."""
    return isinstance(error, duckdb.InvalidInputException | duckdb.ConversionException | duckdb.OutOfRangeException)


def write_error(error: Exception) -> TriopsError:
    """For the sender of rows that could not be stored."""
    if isinstance(error, TriopsError):
        return error
    if is_full(error):
        return StoreFull("the disk is full: nothing of this request's day was stored")
    if isinstance(error, duckdb.OutOfMemoryException):
        return Overloaded("the store has no memory left for this request", retry_after_s=5.0)
    if is_conversion(error) or isinstance(error, TypeError | ValueError | AttributeError):
        return Invalid("a row cannot be stored", field="batch", got=str(error), expected="columns of the stated types")
    return Unavailable(f"the store failed to commit: {_first_line(error)}")


def read_error(error: Exception, timeout_s: float) -> TriopsError:
    """For the reader whose query failed."""
    if isinstance(error, TriopsError):
        return error
    if isinstance(error, duckdb.InterruptException):
        return Unavailable(f"the query took longer than {timeout_s:g} s; narrow its time range")
    if isinstance(error, duckdb.OutOfMemoryException):
        return TooLarge("the query needs more memory than the store may use; narrow its time range")
    if is_conversion(error):
        return Invalid("the query holds a value that cannot be compared", field="query", got=_first_line(error))
    if is_full(error):
        return StoreFull("the disk is full, and the query needs room to work")
    return Unavailable(f"the store failed to answer: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]

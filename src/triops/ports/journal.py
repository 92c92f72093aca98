"""The gateway's journal: an append-only record of calls that stands before every answer.

Durability: `append` hands the bytes to the operating system before it returns, so that the death of this process loses
    nothing; they are on the disk (`fdatasync`) at most 50 ms later, which is what a power failure can lose.
Ordering: sequence numbers count up by one without gaps, from 1, across segments and restarts.
Idempotency: none on append; who applies the journal remembers the last sequence number that it applied.
Limits: segments of 64 MB; applied ones are dropped by `drop_through`. Over a bound, or where the disk has hardly any
    room left, no intent is taken; what has begun may still end. A torn last record (a power failure) is cut off
    when the journal is opened; a torn record elsewhere is an error that names the segment.
Errors: StoreFull (the bound, the disk; nothing of the record is kept), TooLarge (a body over 16 MB), Unavailable
    (closed, or another process holds it).
"""

from collections.abc import Sequence
from typing import Final, Protocol

from triops.kernel.value import value

MOST_BODY: Final = 16 << 20  # bytes of one record
MOST_READ: Final = 32 << 20  # of bodies, read at a time


@value
class Entry:
    """`kind`: "i" an intent, "o" an outcome (a killed call's settlement is one), "p" how far a stream is; whoever reads
    passes over kinds that it does not know. `body`: one JSON object."""

    seq: int
    kind: str
    body: bytes


class Journal(Protocol):
    """The writer's side: one process has it open for writing."""

    def append(self, kind: str, body: bytes) -> int:
        """Synchronous and short (one `write`); answers the entry's sequence number."""
        ...

    def close(self) -> None: ...


class JournalReader(Protocol):
    """Reads while another process writes."""

    def read(self, after: int, most: int, most_bytes: int = MOST_READ) -> Sequence[Entry]:
        """At most `most` entries with a sequence number above `after`, in order; none after their bodies came to
        `most_bytes`; [] when there is nothing new."""
        ...

    def drop_through(self, seq: int) -> None:
        """Segments that hold nothing above `seq` may go."""
        ...

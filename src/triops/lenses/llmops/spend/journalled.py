"""The journal's records as they are read back: intents wait for their outcome, and the two are one call.

An intent of an earlier range waits as the bytes it came in, and over a bound only as its sequence number: the journal
keeps what no position has passed, so it can be read again. Nothing changes until a range is taken as applied.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from triops.kernel.value import value
from triops.ports.journal import Entry

_HELD_BYTES = 64 << 20
Again = Callable[[int], Entry | None]  # the entry of a sequence number, read again


@value
class Call:
    """A call that has ended. `seq`: of its outcome. `intent`: of its first attempt; both as `kernel.call` names their
    fields, which may be missing where they have their default."""

    seq: int
    intent: dict[str, Any]
    outcome: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Range:
    """What entries of (`after`, `last`] close. `open_from`: no call that is open after it began before it.
    `unmatched`: outcomes of no open call, and records that are none; they are skipped."""

    after: int
    last: int
    open_from: int
    calls: Sequence[Call]
    opened: dict[str, tuple[int, bytes]]
    closed: frozenset[str]
    unmatched: int


@dataclass
class OpenCalls:
    """`again` reads an entry whose bytes were not held."""

    again: Again
    held_bytes: int = _HELD_BYTES
    _open: dict[str, tuple[int, bytes | None]] = field(default_factory=dict)
    _held: int = 0

    def __len__(self) -> int:
        return len(self._open)

    def read(self, after: int, entries: Sequence[Entry]) -> Range:
        """Pure, apart from reading again what was not held."""
        opened: dict[str, tuple[int, bytes]] = {}
        fresh: dict[str, dict[str, Any]] = {}
        calls: list[Call] = []
        closed: set[str] = set()
        unmatched = 0
        for entry in entries:
            if entry.kind not in ("i", "o"):
                continue
            record = _record(entry.body)
            if record is None:
                unmatched += 1
                continue
            call = record["call"]
            if entry.kind == "i":
                if call not in opened and call not in self._open:
                    opened[call] = (entry.seq, entry.body)
                    fresh[call] = record
                continue
            intent = fresh.pop(call, None) if call in opened else self._intent(call) if call not in closed else None
            if intent is None:
                unmatched += 1
                continue
            if call in opened:
                del opened[call]
            else:
                closed.add(call)
            calls.append(Call(entry.seq, intent, record))
        last = entries[-1].seq if entries else after
        waiting = next((seq for call, (seq, _) in self._open.items() if call not in closed), 0)
        waiting = waiting or next((seq for seq, _ in opened.values()), last + 1)
        return Range(after, last, waiting, calls, opened, frozenset(closed), unmatched)

    def take(self, taken: Range) -> None:
        """The range is applied: its open calls wait, its closed ones are forgotten."""
        for call in taken.closed:
            _, body = self._open.pop(call)
            self._held -= len(body or b"")
        for call, (seq, body) in taken.opened.items():
            kept = body if self._held + len(body) <= self.held_bytes else None
            self._held += len(kept or b"")
            self._open[call] = (seq, kept)

    def _intent(self, call: str) -> dict[str, Any] | None:
        seq, body = self._open.get(call, (0, None))
        if not seq:
            return None
        if body is None:
            entry = self.again(seq)
            body = entry.body if entry is not None and entry.seq == seq else b""
        return _record(body)


def _record(body: bytes) -> dict[str, Any] | None:
    """A record's fields, or None for what is none."""
    try:
        record = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("call"), str) else None

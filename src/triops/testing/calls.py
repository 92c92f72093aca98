"""Calls as the gateway journals them, and a journal that is a list: for tests of what stands on the journal."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import orjson

from triops.kernel.call import Attempt, Intent, Outcome
from triops.kernel.completion import Usage
from triops.ports.journal import MOST_READ, Entry

AT_NS = 1_795_255_200 * 10**9  # 2026-11-21T10:00:00Z
BILLED = Usage(1000, 500)


@dataclass
class ListJournal:
    """Both sides of `ports.journal`, in memory: for books and services that do not ask where it lies."""

    entries: list[Entry] = field(default_factory=list)
    dropped: int = 0

    def append(self, kind: str, body: bytes) -> int:
        last = self.entries[-1].seq if self.entries else self.dropped
        self.entries.append(Entry(last + 1, kind, body))
        return last + 1

    def intent(self, intent: Intent) -> int:
        return self.append("i", orjson.dumps(intent))

    def outcome(self, outcome: Outcome) -> int:
        return self.append("o", orjson.dumps(outcome))

    def read(self, after: int, most: int, most_bytes: int = MOST_READ) -> Sequence[Entry]:
        found: list[Entry] = []
        for entry in self.entries:
            if entry.seq > after and len(found) < most and most_bytes > 0:
                found.append(entry)
                most_bytes -= len(entry.body)
        return found

    def drop_through(self, seq: int) -> None:
        self.dropped = max(self.dropped, max((e.seq for e in self.entries if e.seq <= seq), default=0))
        self.entries = [entry for entry in self.entries if entry.seq > seq]

    def close(self) -> None:
        """Nothing is open."""


def intent(number: int, **fields: object) -> Intent:
    """The first intent of call `number`, an ordinary chat."""
    plain = Intent(
        f"{number:032x}",
        "default",
        AT_NS + number * 1_000_000,
        0,
        "openai.chat",
        "chat",
        "fast",
        "fast",
        "upstream",
        "small-1",
        key="support-bot",
        application="support",
        team="care",
        trace=f"{number + 1:032x}",
        span=f"{number + 1:016x}",
        input='[{"role":"user","parts":[{"kind":"text","text":"Hello"}]}]',
    )
    return replace(plain, **fields)  # type: ignore[arg-type]


def attempt(of: Intent, cost: int | None = 450, usage: Usage = BILLED, **fields: object) -> Attempt:
    plain = Attempt(of.provider, of.model, of.at_ns, of.at_ns + 20_000_000, 200, usage=usage, cost=cost)
    return replace(plain, **fields)  # type: ignore[arg-type]


def outcome(of: Intent, *attempts: Attempt, **fields: object) -> Outcome:
    made = Outcome(
        of.call,
        of.at_ns + 25_000_000,
        200,
        model=of.model,
        attempts=attempts or (attempt(of),),
        first_ns=5_000_000,
        finish=("stop",),
        output='[{"parts":[{"kind":"text","text":"Hi"}],"finish":"stop"}]',
        output_bytes=2,
    )
    return replace(made, **fields)  # type: ignore[arg-type]

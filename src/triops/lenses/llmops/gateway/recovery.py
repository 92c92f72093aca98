"""What a kill left behind: calls in the journal that never came to their end."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Protocol

import orjson

from triops.kernel.call import Attempt, Intent, Outcome, Progress
from triops.kernel.completion import Usage
from triops.ports.journal import JournalReader

_BATCH = 5000


class Settling(Protocol):
    def killed(self, intents: Sequence[Intent], progress: Progress | None) -> None:
        """A call without an outcome is given one. `progress`: of its last attempt, as far as is known."""
        ...

    def happened(self, intent: Intent, outcome: Outcome) -> None:
        """A call that the books do not have yet."""
        ...


def settle_killed(reader: JournalReader, applied: int, open_from: int, last: int, settling: Settling) -> int:
    """Reads from `open_from` up to `last`; what is up to `applied` is in the books. Answers how many were killed."""
    open_calls: dict[str, list[Intent]] = {}
    streams: dict[str, Progress] = {}
    after = min(applied, open_from - 1) if open_from else applied
    while after < last:
        entries = reader.read(after, _BATCH)
        if not entries:
            break
        for entry in entries:
            if entry.kind == "i":
                intent = intent_of(orjson.loads(entry.body))
                open_calls.setdefault(intent.call, []).append(intent)
                streams.pop(intent.call, None)
            elif entry.kind == "p":
                progress = Progress(**_known(Progress, orjson.loads(entry.body)))
                streams[progress.call] = progress
            elif entry.kind == "o":
                outcome = outcome_of(orjson.loads(entry.body))
                intents = open_calls.pop(outcome.call, None)
                streams.pop(outcome.call, None)
                if intents and entry.seq > applied:
                    settling.happened(intents[0], outcome)
        after = entries[-1].seq
    for call, intents in open_calls.items():
        settling.killed(intents, streams.get(call))
    return len(open_calls)


def intent_of(tree: Mapping[str, Any]) -> Intent:
    return Intent(**{**_known(Intent, tree), "tags": tuple(tree.get("tags", ()))})


def outcome_of(tree: Mapping[str, Any]) -> Outcome:
    known = _known(Outcome, tree)
    known["attempts"] = tuple(_attempt(one) for one in tree.get("attempts", ()))
    for name in ("finish", "guards", "dropped"):
        known[name] = tuple(tree.get(name, ()))
    return Outcome(**known)


def _attempt(tree: Mapping[str, Any]) -> Attempt:
    return Attempt(**{**_known(Attempt, tree), "usage": Usage(**_known(Usage, tree.get("usage", {})))})


def _known(noun: type, tree: Mapping[str, Any]) -> dict[str, Any]:
    """Members of another version's record that we do not have are left out."""
    return {field.name: tree[field.name] for field in fields(noun) if field.name in tree}

"""From a call to what the book of spend keeps of it: a row an attempt, or one row where nobody was asked."""

from collections.abc import Mapping
from typing import Any, Final

from triops.kernel.ids import ProjectId
from triops.ledger.calls.book import Charge
from triops.lenses.llmops.spend.journalled import Call

_TOKENS: Final = 10**12  # of one attempt: what says more is no count
_PICO: Final = (1 << 63) - 1
_TEXT: Final = 256
_NOT_ERRORS: Final = ("", "disconnected")
_NOBODY: Final[Mapping[str, Any]] = {}


def charges_of(call: Call) -> list[Charge]:
    """In the order of attempts; what belongs to the call as a whole stands on the last.

    Raises: KeyError, TypeError, ValueError, AttributeError for a record that is no call.
    """
    intent, outcome = call.intent, call.outcome
    project = intent["project"]
    if not isinstance(project, str) or not 1 <= len(project) <= _TEXT:
        raise ValueError("not a project")
    at_ms = int(intent["at_ns"]) // 1_000_000
    attempts = outcome.get("attempts") or ()
    error = outcome.get("error") or ""
    hit = outcome.get("cache") == "hit"
    route, prompt, version = _text(intent, "route"), _text(intent, "prompt"), _whole(intent.get("prompt_version"))
    who = (_text(intent, "key"), _text(intent, "application"), _text(intent, "team"), _text(intent, "user"), route)
    rows: list[Charge] = []
    last = len(attempts) - 1
    for at, attempt in enumerate(attempts):
        usage = attempt.get("usage") or _NOBODY
        tokens = (
            _whole(usage.get("input")),
            _whole(usage.get("output")),
            _whole(usage.get("cached_input")),
            _whole(usage.get("cache_write")),
        )
        cost, guessed, ended = attempt.get("cost"), bool(attempt.get("estimated")), at == last
        spent = _whole(cost, _PICO)
        counts = (
            int(ended),
            0,
            1,
            int(ended and error not in _NOT_ERRORS),
            int(bool(attempt.get("error"))),
            0,
            int(guessed),
            int(cost is None and any(tokens)),
            *tokens,
        )
        dims = (*who, _text(attempt, "provider"), _text(attempt, "model"), prompt, version)
        saved = _whole(outcome.get("saved"), _PICO) if ended else 0
        rows.append(
            Charge(call.seq, at, ProjectId(project), dims, at_ms, counts, spent, spent if guessed else 0, saved)
        )
    if not rows:
        failed = int(error not in _NOT_ERRORS)
        counts = (1, failed, 0, failed, 0, int(hit), 0, 0, 0, 0, 0, 0)
        dims = (*who, _text(intent, "provider"), _text(outcome, "model") if hit else "", prompt, version)
        rows.append(
            Charge(call.seq, 0, ProjectId(project), dims, at_ms, counts, saved=_whole(outcome.get("saved"), _PICO))
        )
    return rows


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name) or ""
    return value[:_TEXT] if isinstance(value, str) else ""


def _whole(value: Any, most: int = _TOKENS) -> int:
    return min(max(value, 0), most) if isinstance(value, int) else 0

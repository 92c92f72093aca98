"""Two accounts of the same calls compared: what differs, in one line each."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from triops.sdk import Client
from triops.testing.reconciliation.driving import Saw
from triops.testing.reconciliation.mix import KEPT, KEYS, PRICES, Call

Account = Mapping[str, Mapping[str, Any]]  # Triops' rows of spend by user


@dataclass
class Report:
    """`differences` is empty where the two agree. Counts: `exact` calls equal the provider's account, `estimated` ones
    were cut, `refused` and `hits` never reached it."""

    differences: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    cost: int = 0


def spend_of(client: Client) -> dict[str, Mapping[str, Any]]:
    """A project's rows of spend by user."""
    rows = [row for key in KEYS for row in client.call("GET", "/spend", by="user", key=key)["rows"]]
    found = {row["user"]: row for row in rows}
    if len(found) != len(rows):
        raise AssertionError("one user is under two keys")
    return found


def pico(text: str) -> int:
    return int(Decimal(text) * 10**12)


def compared(
    calls: Sequence[Call], seen: Mapping[str, Saw], ours: Account, ledger: Iterable[Mapping[str, Any]], *, kills: bool
) -> Report:
    """`kills`: a process was killed meanwhile, so that calls may have had no answer; one that never got as far as the
    journal is in no account."""
    theirs: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for entry in ledger:
        theirs[entry["user"]].append(entry)
    report = Report()
    shared = [entry for user in list(theirs) if user.startswith(KEPT) for entry in theirs.pop(user)]
    asked = sum(row["attempts"] for call in calls if call.route == "kept" and (row := ours.get(call.user)))
    if asked != len(shared) and not kills:
        report.differences.append(f"{asked} attempts under a cache, the provider was asked {len(shared)} times")
    for call in calls:
        if call.route == "kept":
            theirs[call.user] = _taken(ours.get(call.user), shared)
        said = _of(call, seen[call.user], ours.get(call.user), theirs.pop(call.user, []), report, kills)
        if said:
            report.differences.append(f"{call.user} {call.route} {call.dialect} stream={call.stream}: {said}")
    report.differences += [f"the provider was asked by nobody's call: {user}" for user in theirs]
    return report


def _of(
    call: Call,
    saw: Saw,
    row: Mapping[str, Any] | None,
    entries: Sequence[Mapping[str, Any]],
    report: Report,
    kills: bool,
) -> str:
    told = [entry for entry in entries if entry["told"]]
    billed = [entry for entry in entries if entry["status"] == 200]
    answered = saw.whole and saw.status == 200
    if row is None:
        report.counts["unknown"] += 1
        return "" if kills and not entries and not (saw.whole and saw.call) else "it is not in the books"
    if row["requests"] != 1:
        return f"{row['requests']} requests"
    cost = pico(row["cost_usd"])
    report.cost += cost
    if saw.cost and pico(saw.cost) != cost:
        return f"the caller was told ${saw.cost}, the books say ${row['cost_usd']}"
    asked = row["attempts"] - (1 if call.route == "dead" and row["attempts"] else 0)
    lost = kills and not saw.whole
    if asked != len(entries) and not (lost and 0 <= asked - len(entries) <= 1):
        return f"{row['attempts']} attempts, the provider was asked {len(entries)} times"
    if row["hits"] or row["refused"]:
        report.counts["hits" if row["hits"] else "refused"] += 1
        return f"it cost ${row['cost_usd']}" if cost else ""
    uncertain = row["estimated"]
    if uncertain != len(billed) - len(told) and not ((lost or call.leaves) and 0 <= uncertain <= len(entries) + 1):
        return f"{uncertain} attempts are estimated; of {len(billed)} billed ones {len(told)} told their usage"
    certain = cost - pico(row["estimated_cost_usd"])
    if uncertain:
        report.counts["estimated"] += 1
        most = sum(_cost(entry) for entry in told)
        if certain > most or (certain != most and not (lost or call.leaves)):
            return f"${certain / 10**12} is certain, the provider's told usage costs ${most / 10**12}"
        report.counts["killed"] += lost
        return "" if row["failed"] or call.leaves or lost or call.route == "untold" else "its fault is not reported"
    if answered and not call.leaves:
        report.counts["exact"] += 1
    else:
        report.counts["failed" if not call.leaves else "drained"] += 1
    for name, ours_, theirs in (
        ("input tokens", row["input_tokens"], sum(entry["input_tokens"] for entry in told)),
        ("cached tokens", row["cached_tokens"], sum(entry["cached_tokens"] for entry in told)),
        ("output tokens", row["output_tokens"], sum(entry["output_tokens"] for entry in told)),
        ("pico-dollars", cost, sum(_cost(entry) for entry in told)),
    ):
        if ours_ != theirs:
            return f"{ours_} {name}, the provider says {theirs}"
    return ""


def _taken(row: Mapping[str, Any] | None, shared: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The provider knows a call under a cache by what it asked, not by who did: one that is like it, once."""
    if row is None or not row["attempts"]:
        return []
    like = (row["input_tokens"], row["output_tokens"])
    for place, entry in enumerate(shared):
        if (entry["input_tokens"], entry["output_tokens"]) == like:
            return [shared.pop(place)]
    return []


def _cost(entry: Mapping[str, Any]) -> int:
    read, cached, written = PRICES[entry["model"]]
    plain = entry["input_tokens"] - entry["cached_tokens"]
    return int(plain * read + entry["cached_tokens"] * cached + entry["output_tokens"] * written)

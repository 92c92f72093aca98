"""What calls become beside money: spans, metrics, entities; and budgets that are passed become anomalies."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.unit.test_watch_calls import Call as Heard
from tests.unit.test_watch_calls import columns
from triops.adapters.sealing import AesSealing
from triops.kernel.anomaly import Anomaly
from triops.kernel.call import Intent, Outcome
from triops.kernel.document import Document
from triops.kernel.ids import ProjectId
from triops.kernel.signal import MetricBatch
from triops.kernel.tenant import DEFAULT_PROJECT, Role
from triops.ledger.anomalies import Anomalies
from triops.ledger.calls.book import SpendBook
from triops.ledger.calls.credentials import Credentials
from triops.ledger.calls.keys import GatewayKeys
from triops.ledger.calls.totals import Question, Totals
from triops.ledger.documents import Documents
from triops.ledger.entities import Entities
from triops.ledger.keys import Keys
from triops.lenses.llmops.gateway.config import configured
from triops.lenses.llmops.spend.applying import Applied, Applying
from triops.lenses.llmops.spend.budgets import Budgets
from triops.lenses.llmops.spend.charging import charges_of
from triops.lenses.llmops.spend.environment import EnvironmentKeys
from triops.lenses.llmops.spend.graph import Graph, documented, subject_of
from triops.lenses.llmops.spend.journalled import Call
from triops.lenses.llmops.spend.metering import Metering
from triops.lenses.llmops.spend.recording import SpanRows
from triops.lenses.llmops.spend.snapshots import Snapshots
from triops.ports.records import Records
from triops.testing.books import open_records
from triops.testing.calls import AT_NS, ListJournal, attempt, intent, outcome
from triops.testing.clock import FakeClock

AT = AT_NS / 1e9


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    async with open_records(tmp_path) as opened:
        yield opened


def ended(asked: Intent, end: Outcome, seq: int = 1) -> Call:
    return Call(seq, orjson.loads(orjson.dumps(asked)), orjson.loads(orjson.dumps(end)))


def applied(*calls: Call) -> Applied:
    charges = [charge for call in calls for charge in charges_of(call)]
    return Applied({DEFAULT_PROJECT: calls}, charges)


async def nothing(*_: object, **__: object) -> None:
    return None


def test_a_call_is_a_span_with_the_names_of_opentelemetry() -> None:
    asked = intent(
        7,
        parent="00000000000000aa",
        user="ann",
        session="s1",
        tags=("beta",),
        prompt="support",
        prompt_version=3,
        prompt_label="production",
        settings={"temperature": 0.5, "max_tokens": 50, "stop": ["."]},
    )
    failed = attempt(asked, None, error="server", message="it broke", status=503, provider="first")
    end = outcome(asked, failed, attempt(asked, 450), guards=({"rule": "pii", "where": "input", "count": 1},))
    end = replace(end, answer_id="chatcmpl-7")
    rows = SpanRows()
    rows.add(ended(asked, end))
    batch = rows.batch()
    assert (int(batch.trace_lo[0]), int(batch.span_id[0]), int(batch.parent_id[0])) == (8, 8, 0xAA)
    assert (batch.name[0], int(batch.kind[0]), int(batch.status[0])) == ("chat fast", 3, 0)
    assert (int(batch.time_ns[0]), int(batch.duration_ns[0])) == (asked.at_ns, 25_000_000)
    assert (batch.scope[0], batch.peer[0]) == ("triops.gateway", "provider:upstream")
    assert orjson.loads(batch.resources.attributes[0])["service.name"] == "support"
    told = orjson.loads(batch.attributes[0])
    assert (
        told.items()
        >= {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "upstream",
            "gen_ai.request.model": "fast",
            "gen_ai.response.id": "chatcmpl-7",
            "gen_ai.response.model": "small-1",
            "gen_ai.usage.input_tokens": 2000,
            "gen_ai.usage.output_tokens": 1000,
            "gen_ai.request.temperature": 0.5,
            "gen_ai.request.stop_sequences": ["."],
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.conversation.id": "s1",
            "user.id": "ann",
            "tag.tags": ["beta"],
            "triops.cost_usd": "0.00000000045",
            "triops.cost_pico": 450,
            "triops.first_token_ms": 5.0,
            "triops.prompt.version": 3,
            "triops.attempts": 2,
        }.items()
    )
    assert orjson.loads(told["gen_ai.input.messages"])[0]["role"] == "user"
    event = orjson.loads(batch.events[0])[0]
    assert event["attributes"]["error.type"] == "server"
    assert list(told) == sorted(told)


def test_a_failed_call_is_an_error_and_a_metadata_only_call_says_nothing() -> None:
    asked = intent(1, input="", key="", application="", trace="not hex")
    end = outcome(asked, error="timeout", message="no first token", status=504, output="")
    rows = SpanRows()
    rows.add(ended(asked, end))
    batch = rows.batch()
    assert (int(batch.status[0]), batch.status_message[0]) == (2, "no first token")
    assert "gen_ai.input.messages" not in batch.attributes[0]
    assert orjson.loads(batch.resources.attributes[0])["service.name"] == "gateway"


def test_a_first_token_is_within_its_call() -> None:
    asked = intent(1)
    rows = SpanRows()
    rows.add(ended(asked, outcome(asked, first_ns=26_000_000)))
    batch = rows.batch()
    assert orjson.loads(batch.attributes[0])["triops.first_token_ms"] == int(batch.duration_ns[0]) / 1e6 == 25.0


def test_a_call_that_asked_nobody_cost_nothing() -> None:
    asked = intent(1)
    rows = SpanRows()
    rows.add(ended(asked, outcome(asked, cache="hit", attempts=(), saved=450)))
    told = rows.batch().attributes[0]
    assert '"triops.cost_usd":"0"' in told
    assert "gen_ai.usage" not in told


async def test_calls_are_metrics_that_count_up() -> None:
    sent: list[MetricBatch] = []

    async def send(project: ProjectId, batch: MetricBatch) -> None:
        sent.append(batch)

    metering = Metering(send)
    for seq in (1, 2):
        asked = intent(seq)
        await metering.applied(applied(ended(asked, outcome(asked), seq)), 10.0)
        await metering.tick(10.0)
    await metering.tick(10_000.0)
    assert len(sent) == 2, "what is quiet is not sent again"
    values = dict(zip(zip(sent[1].series.name, sent[1].series.labels, strict=True), sent[1].value, strict=True))
    by_name = {name: value for (name, labels), value in values.items() if "le" not in labels}
    assert by_name["triops.llm.requests"] == 2
    assert by_name["triops.llm.cost_usd"] == 900 / 1e12
    assert by_name["gen_ai.client.operation.duration_count"] == 2
    assert by_name["gen_ai.server.time_to_first_token_sum"] == pytest.approx(0.01)
    buckets = [value for (name, _), value in values.items() if name == "gen_ai.client.operation.duration_bucket"]
    assert buckets == sorted(buckets)
    assert max(buckets) == 2


async def test_what_callers_name_makes_no_more_than_so_many_series_and_entities(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[MetricBatch] = []

    async def send(project: ProjectId, batch: MetricBatch) -> None:
        sent.append(batch)

    monkeypatch.setattr("triops.lenses.llmops.spend.metering._GROUPS", 3)
    monkeypatch.setattr("triops.lenses.llmops.spend.graph._NAMED", 4)
    metering, entities = Metering(send), Entities(records)
    graph = Graph(entities)
    for seq in range(1, 9):
        asked = intent(seq, prompt=f"made-up-{seq}", prompt_version=1)
        told = applied(ended(asked, outcome(asked), seq))
        await metering.applied(told, 10.0)
        await graph.applied(told, AT)
    await metering.tick(10.0)
    await graph.write(AT)
    requests = [
        (orjson.loads(labels)["prompt"], value)
        for name, labels, value in zip(sent[0].series.name, sent[0].series.labels, sent[0].value, strict=True)
        if name == "triops.llm.requests"
    ]
    assert requests == [("made-up-1", 1), ("made-up-2", 1), ("made-up-3", 1), ("other", 5)]
    seen = (await entities.topology(DEFAULT_PROJECT, 0.0)).relations
    assert {r.target for r in seen if r.target.startswith("prompt:")} == {f"prompt:made-up-{n}" for n in (1, 2, 3)}


async def test_calls_and_documents_make_the_graph(records: Records) -> None:
    entities = Entities(records)
    graph = Graph(entities)
    asked = intent(1, prompt="support", prompt_version=2)
    await graph.applied(applied(ended(asked, outcome(asked))), AT)
    await graph.write(AT)
    links = {(r.source, r.kind.value, r.target) for r in (await entities.topology(DEFAULT_PROJECT, 0.0)).relations}
    llm = "llm:upstream/small-1"
    assert links == {
        ("application:support", "uses", "prompt:support"),
        ("application:support", "calls", "route:fast"),
        ("route:fast", "calls", "provider:upstream"),
        ("route:fast", "uses", llm),
        (llm, "runs_on", "provider:upstream"),
        ("application:support", "runs_on", "service:support"),
        ("service:support", "uses", "application:support"),
    }
    told = replace(columns([Heard(0.0), Heard(0.0)]), application=["elsewhere", "support"], prompt=["", ""])
    graph.heard(DEFAULT_PROJECT, told, [True, False])
    await graph.write(AT + 1)
    more = (await entities.topology(DEFAULT_PROJECT, 0.0)).relations
    assert {(r.source, r.target) for r in more} - {(a, b) for a, _, b in links} == {
        ("application:elsewhere", "provider:local"),
        ("application:elsewhere", "llm:local/small"),
        ("application:elsewhere", "service:elsewhere"),
        ("service:elsewhere", "application:elsewhere"),
        ("llm:local/small", "provider:local"),
    }
    route = Document("Route", "fast", {"targets": [{"provider": "upstream", "model": "small-1"}]})
    key = Document("Key", "bot", {"application": "support", "routes": ["fast"]})
    things, relations = documented([route, key], AT)
    assert {one.id for one in things} == {"route:fast", "provider:upstream", llm, "key:bot", "application:support"}
    assert {(r.source, r.target) for r in relations} >= {("application:support", "route:fast"), ("route:fast", llm)}
    price = Document("Price", "small-1", {"provider": "upstream"})
    assert subject_of(price) == (llm, "price")
    assert subject_of(Document("Budget", "b", {"team": "care"})) == ("team:care", "config")
    assert subject_of(route) == ("route:fast", "config")


KEY = {"application": "support", "budget_usd": {"amount": "0.000001", "per": "day", "hard": True}}
DOCUMENTS = (
    Document("Key", "support-bot", KEY),
    Document("Budget", "care", {"team": "care", "amount": "0.0000005", "per": "month", "hard": False}),
    Document("Budget", "each", {"user": "*", "amount": "1", "per": "total"}),
)


async def journalled(records: Records, clock: FakeClock, *ends: tuple[Intent, Outcome]) -> Budgets:
    """The calls applied, and the budgets that stand on them."""
    reported.clear()
    anomalies, documents = Anomalies(records), Documents(records)
    await documents.put(DEFAULT_PROJECT, DOCUMENTS)

    async def report(project: ProjectId, claims: Sequence[Anomaly], now: float) -> None:
        reported.append(await anomalies.merge(project, claims))

    async def reserved() -> Mapping[tuple[str, str, str, str], int]:
        return {("default", "key", "support-bot", "day"): 100}

    budgets = Budgets(
        records, documents, Totals(records), clock, reserved, report, Keys(records).projects, anomalies.open
    )
    journal = ListJournal()
    for asked, end in ends:
        journal.intent(asked)
        journal.outcome(end)
    await Applying(SpendBook(records), journal, nothing, [budgets.applied]).tick(clock.now())
    return budgets


REFUSED = "the budget of $0.000001 a day of Key support-bot cannot pay this call: $0.0000009 is spent, …"
reported: list[Sequence[Anomaly]] = []


async def test_budgets_stand_and_are_told_once_a_window(records: Records) -> None:
    clock = FakeClock(AT + 60)
    calls = [(asked, outcome(asked, attempt(asked, 300_000))) for asked in (intent(n, user=f"u{n}") for n in range(3))]
    refused = intent(9)
    calls.append((refused, outcome(refused, attempts=(), status=429, error="budget_exceeded", message=REFUSED)))
    budgets = await journalled(records, clock, *calls)
    standing = {(one.spec.scope, one.name): one for one in await budgets.standing(DEFAULT_PROJECT)}
    key = standing["key", "support-bot"]
    assert (key.spent, key.reserved, key.left) == (900_000, 100, 99_900)
    assert standing["user", "u1"].spent == 300_000
    assert key.exhausted_at is not None
    assert key.exhausted_at > clock.now()
    for _ in range(3):
        await budgets.check(clock.now())
    claims = {(claim.entity, claim.symptom): claim for claim in reported[-1]}
    assert set(claims) == {("key:support-bot", True), ("team:care", False)}
    assert "$0.0000009 of the $0.000001 of this day spent, 1 call refused" in claims["key:support-bot", True].title
    assert len({claim.id for claims in reported for claim in claims}) == 2, "the same two all along"
    clock.advance(3600)
    await budgets.check(clock.now())
    ended = {claim.entity: claim.ended_at is not None for claim in reported[-1]}
    assert ended == {"key:support-bot": True, "team:care": False}, "nobody was refused for an hour"
    clock.advance(40 * 86_400)
    await budgets.check(clock.now())
    assert [(c.entity, c.ended_at) for c in reported[-1]] == [("team:care", clock.now())]


async def test_what_a_run_before_left_open_ends_too(records: Records) -> None:
    clock = FakeClock(AT + 60)
    asked = intent(1)
    calls = (asked, outcome(asked, attempt(asked, 10**6)))
    await (await journalled(records, clock, calls)).check(clock.now())
    later = FakeClock(AT + 40 * 86_400)
    again = Budgets(
        records,
        Documents(records),
        Totals(records),
        later,
        lambda: _none(),
        lambda project, claims, now: _keep(records, project, claims),
        Keys(records).projects,
        Anomalies(records).open,
    )
    await again.check(later.now())
    assert await Anomalies(records).open(DEFAULT_PROJECT) == []


async def _none() -> Mapping[tuple[str, str, str, str], int]:
    return {}


async def _keep(records: Records, project: ProjectId, claims: Sequence[Anomaly]) -> None:
    await Anomalies(records).merge(project, claims)


async def test_a_snapshot_is_what_the_gateway_can_parse(records: Records, tmp_path: Path) -> None:
    clock = FakeClock(AT + 60)
    asked = intent(1, user="ann")
    await journalled(records, clock, (asked, outcome(asked)))
    documents, keys, secrets = Documents(records), Keys(records), GatewayKeys(records)
    provider = {"dialect": "openai", "base_url": "https://api.example.com/v1", "credential": True}
    variable = {"dialect": "openai", "base_url": "https://api.example.com/v1", "api_key_env": "SOME_KEY"}
    await documents.put(
        DEFAULT_PROJECT, [Document("Provider", "sealed", provider), Document("Provider", "named", variable)]
    )
    credentials = Credentials(records, AesSealing("", tmp_path / "key"))
    snapshots = Snapshots(
        records,
        documents,
        keys,
        secrets,
        credentials,
        clock,
        _opened,
        lambda connection, project: (
            {"p": {"labels": {}, "shares": {}, "versions": {}}},
            f"{project}: too many prompts",
        ),
        EnvironmentKeys({"SOME_KEY": "sk-env"}.get),
        {"limits": {"calls": 5}},
    )
    version = snapshots.version
    await credentials.set(DEFAULT_PROJECT, "sealed", "sk-sealed", 1.0, "me")
    assert snapshots.version != version
    await secrets.create(DEFAULT_PROJECT, "support-bot", clock.now())
    await keys.create(ProjectId("other"), Role.EDITOR, "ci", clock.now())
    told = await snapshots.now()
    config = configured(orjson.loads(orjson.dumps(told)))
    project = config.projects["default"]
    assert {name: project.providers[name].credential for name in ("sealed", "named")} == {
        "sealed": "sk-sealed",
        "named": "sk-env",
    }
    assert sorted((caller.project, caller.key) for caller in config.callers.values()) == [
        ("default", "support-bot"),
        ("other", "api:ci"),
    ]
    assert (config.open, config.limits["calls"], config.applied_seq, config.open_from) == (True, 5, 2, 3)
    used = {(one["scope"], one["name"], one["period"]): one["pico"] for one in told["spent"]}
    named = (
        ("key", "support-bot"),
        ("team", "care"),
        ("application", "support"),
        ("route", "fast"),
        ("project", ""),
    )
    assert used == {("user", "ann", "total"): 450} | {
        (*who, period): 450 for who in named for period in ("day", "month", "total")
    }  # of documents that have no budget yet, too
    shown, problems = await snapshots.config(DEFAULT_PROJECT)
    assert {shown.providers[name].source for name in ("sealed", "named")} == {"set", "env"}
    assert "sk-" not in repr(shown.providers) + str(problems)
    assert "default: too many prompts" in problems
    assert list(project.prompts) == ["p"]


async def _opened() -> bool:
    return True


async def test_a_forgotten_user_leaves_the_sums(records: Records) -> None:
    calls = [(asked, outcome(asked)) for asked in (intent(1, user="ann"), intent(2, user="ben"), intent(3))]
    await journalled(records, FakeClock(AT), *calls)
    book, totals = SpendBook(records), Totals(records)

    async def by_user(*by: str) -> dict[Any, int]:
        start = AT_NS // 1_000_000 - 3_600_000
        found = await totals.sums(Question(DEFAULT_PROJECT, start, start + 2 * 86_400_000, ("user", *by)))
        return {one.by["user"]: one.cost for one in found}

    assert await by_user() == {"": 450, "ann": 450, "ben": 450}
    assert await book.forget_user(DEFAULT_PROJECT, "ann") > 0
    assert await book.forget_user(ProjectId("other"), "ben") == 0
    for by in ((), ("model",)):
        assert await by_user(*by) == {"": 900, "ben": 450}

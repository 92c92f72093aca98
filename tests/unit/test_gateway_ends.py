"""A call's end is recorded and settled however it comes: a stop in the middle, words that no record can hold."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.unit.gateway import PRICE, config
from triops.adapters.embedded.journal import FileJournal, FileJournalReader
from triops.adapters.providers.openai import OpenAIProvider
from triops.adapters.providers.transport import HttpUpstream
from triops.kernel.completion import Ask, Chat, Embed, Embedded, Reply
from triops.kernel.errors import StoreFull, TooLarge, TriopsError
from triops.lenses.llmops.gateway.admission import Admission
from triops.lenses.llmops.gateway.cache import Cache
from triops.lenses.llmops.gateway.counts import Counts
from triops.lenses.llmops.gateway.estimate import Estimators
from triops.lenses.llmops.gateway.parts import Parts
from triops.lenses.llmops.gateway.recorder import Recorder
from triops.lenses.llmops.gateway.router import Router
from triops.lenses.llmops.gateway.service import Gateway
from triops.lenses.llmops.gateway.specs import ProviderSpec
from triops.lenses.llmops.gateway.taker import Told
from triops.ports.journal import MOST_BODY
from triops.ports.providers import Event
from triops.testing.upstream import LoopbackProvider
from triops.web.local import check_local

ROUTE = "kind: Route\nname: fast\nspec: {targets: [{provider: upstream, model: small-1}], retries: 0}\n"
KEY = "kind: Key\nname: bot\nspec: {budget_usd: {amount: '1', per: day}}\n"


class Caller:
    """Takes an answer and keeps it."""

    def __init__(self) -> None:
        self.gone = False
        self.on_gone: Callable[[], None] | None = None
        self.events_seen = 0
        self.refused: list[TriopsError] = []
        self.finished = False

    def content(self) -> Chat | Embed:
        return Chat((), "m")

    def ending(self, messages: int) -> Chat | Embed:
        return self.content()

    def whole(self, answer: Reply | Embedded, raw: bytes | None, told: Told) -> None: ...
    def begin(self, told: Told) -> None: ...

    def events(self, events: Sequence[Event], native: bool) -> None:
        self.events_seen += len(events)

    def end(self, events: Sequence[Event], native: bool) -> None: ...

    def refuse(self, error: TriopsError, told: Told) -> int:
        self.refused.append(error)
        return error.status

    def finish(self) -> None:
        self.finished = True

    async def room(self) -> None: ...


async def here(spec: ProviderSpec, operation: str) -> ProviderSpec:
    return spec


@pytest.fixture(scope="module")
def up() -> Iterator[LoopbackProvider]:
    with LoopbackProvider() as provider:
        yield provider


@asynccontextmanager
async def gateway(url: str, folder: Path, model: str) -> AsyncIterator[tuple[Gateway, FileJournal]]:
    provider = f'kind: Provider\nname: upstream\nspec: {{dialect: openai, base_url: "{url}/v1", allow_private: true}}'
    price = PRICE.replace("provider: upstream,", f'provider: upstream, model: "{model}",')
    route = ROUTE.replace("small-1", f'"{model}"')
    told = config(provider, route, price, KEY, secrets={"trg_bot": "bot"})
    journal, upstream, estimators = FileJournal(folder), HttpUpstream(), Estimators()
    parts = Parts(
        Recorder(journal, estimators, lambda seq: None, 1000), upstream, lambda spec: OpenAIProvider(), here,
        time.time_ns, random.Random(1), Router(), Admission(), estimators, Cache(), Counts(),
    )  # fmt: skip
    try:
        yield Gateway(parts, told, check_local), journal
    finally:
        await upstream.close()
        journal.close()


HEADERS = {"authorization": "Bearer trg_bot"}


def asked(**more: Any) -> Ask:
    raw = {"model": "fast", "messages": [{"role": "user", "content": "hi"}], **more}
    return Ask("openai.chat", "chat", "fast", raw, 100, stream=bool(more.get("stream")), max_tokens=50)


def outcomes(folder: Path) -> list[dict[str, Any]]:
    return [orjson.loads(e.body) for e in FileJournalReader(folder).read(0, 1000) if e.kind == "o"]


async def test_a_stop_in_the_middle_of_a_stream_records_and_settles_it(up: LoopbackProvider, tmp_path: Path) -> None:
    async with gateway(up.url, tmp_path, "m!words=500,between_ms=20") as (gate, journal):
        caller = Caller()
        call = asyncio.create_task(gate.answer(asked(stream=True), HEADERS, caller))
        while caller.events_seen < 5:
            await asyncio.sleep(0.001)
        await gate.stop(1.0)
        assert call.done()
        journal.close()
        (outcome,) = outcomes(tmp_path)
        (attempt,) = outcome["attempts"]
        assert (outcome["error"], attempt["estimated"]) == ("killed", True)
        assert attempt["usage"]["output"] > 0
        assert attempt["cost"] > 0
        (budget,) = gate.state()["budgets"]["default"]
        assert (budget["spent"], budget["reserved"]) == (attempt["cost"], 0)


async def test_a_stream_that_said_its_end_is_not_waited_for(tmp_path: Path) -> None:
    """The caller would have stopped reading at [DONE], had he asked the provider himself."""
    events = [
        b'data: {"choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": null}]}\n\n',
        b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\n',
        b'data: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}\n\n',
        b"data: [DONE]\n\n",
    ]

    async def stays(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        writer.write(head + b"".join([b"%x\r\n%b\r\n" % (len(event), event) for event in events]))
        await reader.read()
        writer.close()

    server = await asyncio.start_server(stays, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with gateway(url, tmp_path, "small-1") as (gate, _):
            caller = Caller()
            async with asyncio.timeout(20):  # of the 60 s that it might take between two parts
                await gate.answer(asked(stream=True), HEADERS, caller)
            assert caller.finished
    (outcome,) = outcomes(tmp_path)
    (attempt,) = outcome["attempts"]
    assert (outcome["error"], attempt["error"], attempt["estimated"]) == ("", "", False)
    assert (attempt["usage"]["input"], attempt["usage"]["output"]) == (7, 3)


@pytest.mark.parametrize("stop", [["x" * 1000] * 20_000, "\ud800"])
async def test_words_that_no_record_holds_are_left_out_of_it(up: LoopbackProvider, tmp_path: Path, stop: Any) -> None:
    async with gateway(up.url, tmp_path, "small-1") as (gate, _):
        caller = Caller()
        ask = asked()
        # what `raw` says of settings goes into the record as it came
        await gate.answer(replace(ask, raw={**ask.raw, "stop": stop}), HEADERS, caller)
        assert caller.finished
        await gate.answer(asked(), HEADERS, Caller())
    entries = FileJournalReader(tmp_path).read(0, 1000)
    assert {orjson.loads(entry.body)["call"] for entry in entries if entry.kind == "i"} == {
        outcome["call"] for outcome in outcomes(tmp_path)
    }
    assert len(outcomes(tmp_path)) == 2


async def test_without_room_for_the_record_nobody_is_asked(
    up: LoopbackProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triops.adapters.embedded.journal._SPARED", 1 << 62)
    before = len(list(up.ledger().entries()))
    async with gateway(up.url, tmp_path, "small-1") as (gate, journal):
        caller = Caller()
        await gate.answer(asked(), HEADERS, caller)
        assert isinstance(caller.refused[-1], StoreFull)
        assert caller.finished
        assert (len(list(up.ledger().entries())), journal.last) == (before, 0)
        (budget,) = gate.state()["budgets"]["default"]
        assert (budget["spent"], budget["reserved"]) == (0, 0)


def test_the_journal_takes_no_record_that_it_would_not_read(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path)
    with pytest.raises(TooLarge):
        journal.append("i", b"x" * (MOST_BODY + 1))
    assert journal.append("i", b"y") == 1
    journal.close()
    assert [entry.body for entry in FileJournalReader(tmp_path).read(0, 10)] == [b"y"]

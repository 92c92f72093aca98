"""The provider on loopback does what it is told, and its account says what it did."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from triops.testing.server import wait_for
from triops.testing.upstream import LoopbackProvider
from triops.testing.upstream.ledger import Entry
from triops.testing.upstream.orders import USUAL, Orders, read, text_of

HI = [{"role": "user", "content": "hello there"}]


@pytest.fixture(scope="module")
def provider() -> Iterator[LoopbackProvider]:
    with LoopbackProvider(key="sk-1") as running:
        yield running


def post(provider: LoopbackProvider, orders: str = "", path: str = "/v1/chat/completions", **members: Any) -> Any:
    body = {"model": "small-1", "messages": HI, "input": "hello there", "user": f"{orders}{path}", **members}
    headers = {"authorization": "Bearer sk-1", "x-upstream": orders}
    return httpx.post(provider.url + path, json=body, headers=headers, timeout=10)


def last(provider: LoopbackProvider) -> Entry:
    return list(provider.ledger().entries())[-1]


def test_orders_are_read() -> None:
    assert read("words=3,cut_after=2, garbage=sse,unknown=1,flush") == Orders(
        words=3, cut_after=2, garbage="sse", flush=1
    )
    assert text_of("m!status=500", "ann!words=2", "words=3") == "status=500,words=2,words=3"
    assert read(text_of("m", "ann", "")) == USUAL


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_told_is_what_is_billed(provider: LoopbackProvider, path: str, stream: bool) -> None:
    answer = post(provider, "words=5,cached=2,think=2", path, stream=stream, stream_options={"include_usage": True})
    trees = (
        [answer.json()]
        if not stream
        else [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    )
    usage = next(found for tree in reversed(trees) if (found := (tree.get("response") or tree).get("usage")))
    entry = last(provider)
    names = ("prompt_tokens", "completion_tokens") if "chat" in path else ("input_tokens", "output_tokens")
    assert [usage[name] for name in names] == [entry.input_tokens, entry.output_tokens] == [10, 7]
    assert (entry.cached_tokens, entry.reasoning_tokens, entry.told, entry.end) == (2, 2, True, "whole")


def test_refusals_are_not_billed(provider: LoopbackProvider) -> None:
    answer = post(provider, "status=429,retry_after=7")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert (last(provider).end, last(provider).input_tokens) == ("refused", 0)
    assert httpx.post(f"{provider.url}/v1/chat/completions", json={"model": "m", "messages": HI}).status_code == 401
    assert post(provider, messages=[]).json()["error"]["param"] == "messages"


def test_orders_for_some_requests_only(provider: LoopbackProvider) -> None:
    assert [post(provider, "status=500,times=2").status_code for _ in range(4)] == [500, 500, 200, 200]
    assert [post(provider, "status=503,every=3").status_code for _ in range(6)] == [200, 200, 503] * 2


@pytest.mark.parametrize("stream", [False, True])
def test_a_cut_answer(provider: LoopbackProvider, stream: bool) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        post(provider, "cut_after=3", stream=stream)
    entry = last(provider)
    assert (entry.end, entry.told, entry.output_tokens) == ("cut", False, 2 if stream else 8)


def test_a_client_that_leaves_while_nothing_comes(provider: LoopbackProvider) -> None:
    before = provider.connections
    with socket.create_connection(("127.0.0.1", int(provider.url.rpartition(":")[2]))) as connection:
        body = json.dumps({"model": "small-1!stall_after=3", "messages": HI, "stream": True}).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nauthorization: Bearer sk-1\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        connection.sendall(head.encode() + body)
        got = b""
        while got.count(b"data: ") < 3:
            got += connection.recv(65536)
    wait_for(lambda: last(provider).end == "left")
    assert last(provider).output_tokens == 2
    wait_for(lambda: provider.connections <= before)


def test_streams_in_other_clothes(provider: LoopbackProvider) -> None:
    answer = post(provider, "crlf=1,comments=1,done=0,usage=0", stream=True)
    assert b"\r\n\r\n" in answer.content
    assert b": a comment" in answer.content
    assert b"[DONE]" not in answer.content
    assert not last(provider).told


@pytest.mark.parametrize(("kind", "start"), [("json", b'{"id": "half'), ("html", b"<html>"), ("sse", b"data: {not")])
def test_garbage(provider: LoopbackProvider, kind: str, start: bytes) -> None:
    assert post(provider, f"garbage={kind}").content.startswith(start)


def test_a_big_answer_and_the_account_itself(provider: LoopbackProvider) -> None:
    assert len(post(provider, "big=2").content) > 2 << 20
    provider.ledger().clear()
    post(provider)
    told = httpx.get(f"{provider.url}/ledger").json()
    assert told["sums"] == {"requests": 1, "whole": 1, "input_tokens": 10, "output_tokens": 8}
    assert [entry["model"] for entry in told["entries"]] == ["small-1"]

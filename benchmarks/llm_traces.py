"""Claim: small spans of models' calls are taken, durable before the 200 and searchable, at ≥ 20,000/s on one core; a
text (a word never seen, a rare one, any case) is looked for in 100,000 of 1.5 kB within 50 ms.

    python -m benchmarks.llm_traces [--seconds 8] [--spans 100000] [--peer-spans 100000] [--no-peers]

Durability of Triops: DuckDB's write-ahead log is synced (fsync) before each answer; the index is written in the same
commit. The peer is Phoenix (SQLite; answers before it has stored): the same spans, OpenInference's names, which are its
own. Searches go over HTTP, one after another, by one client, a page of 50; medians. Phoenix is asked in its GraphQL for
spans with the text in their input, as its page asks.
"""

import argparse
import http.client
import json
import random
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.ingest import FEW, flood, measure, trace_body
from benchmarks.peers import QUIET, environment, free_port, server, tree_memory_mb, triops_command

PROTOBUF = {"Content-Type": "application/x-protobuf"}
SMALL, LARGE = 120, 1500  # bytes of what is said
RARE = "Zephyrine Quillfeather"
ROUNDS = 9


class Talk:
    """Words as frequent as a language's, in sentences of any length."""

    def __init__(self, rng: random.Random) -> None:
        letters = "etaoinshrdlucmfwypvbgkjqxz"
        self._rng = rng
        self.words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(30_000)]
        self._said = rng.choices(self.words, weights=[1 / (rank + 1) for rank in range(30_000)], k=2_000_000)

    def text(self, size: int) -> str:
        at = self._rng.randrange(len(self._said) - size)
        return " ".join(self._said[at : at + size // 3])[:size]


def calls(rng: random.Random, talk: Talk, spans: int, size: int, rare: int = -1) -> bytes:
    """A request of calls, two a trace. `rare`: which of them says the rare words."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "assistant"
    out = resource.scope_spans.add()
    out.scope.name = "openinference.instrumentation.openai"
    now = time.time_ns()
    trace = b""
    for n in range(spans):
        if n % 2 == 0:
            trace = rng.randbytes(16)
        start = now - rng.randrange(10**9)
        span = out.spans.add(
            trace_id=trace,
            span_id=rng.randbytes(8),
            name="ChatCompletion",
            kind=1,
            start_time_unix_nano=start,
            end_time_unix_nano=start + rng.randrange(10**9),
        )
        said = talk.text(size - size // 5)
        texts = {
            "openinference.span.kind": "LLM",
            "llm.model_name": f"small-{n % 4}",
            "llm.provider": "openai",
            "input.value": f"{said} {RARE}" if n == rare else said,
            "output.value": talk.text(size // 5),
            "session.id": f"talk-{rng.randrange(1000)}",
            "user.id": f"user-{rng.randrange(200)}",
        }
        for key, text in texts.items():
            span.attributes.add(key=key).value.string_value = text
        for key, count in (("llm.token_count.prompt", size // 4), ("llm.token_count.completion", 40)):
            span.attributes.add(key=key).value.int_value = count
    return request.SerializeToString()


def fill(port: int, talk: Talk, rng: random.Random, spans: int, each: int = 1000) -> float:
    """Seconds. The rare words are said once in the first tenth, so that they are not the newest."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    began = time.perf_counter()
    for number in range(spans // each):
        body = calls(rng, talk, each, LARGE, rare=each // 2 if number == spans // each // 10 else -1)
        while True:
            connection.request("POST", "/v1/traces", body, PROTOBUF)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                break
            time.sleep(0.1)
    return time.perf_counter() - began


def questions(talk: Talk) -> dict[str, tuple[str, bool]]:
    """Name → (text, whether something holds it)."""
    return {
        "a word never seen": ("wyvernhound", False),
        "rare words": (RARE, True),
        "rare words, other case": (RARE.upper(), True),
        "a word in some": (next(word for word in talk.words[5_000:] if len(word) > 5), True),
        "a word in most": (talk.words[3], True),
    }


def search(name: str, talk: Talk, ask: Callable[[str], int]) -> dict[str, float]:
    """Medians in milliseconds. `ask` answers how many it found."""
    medians = {}
    for question, (text, there) in questions(talk).items():
        took = []
        for _ in range(ROUNDS + 1):
            began = time.perf_counter()
            count = ask(text)
            took.append((time.perf_counter() - began) * 1000)
        medians[question] = statistics.median(took[1:])
        wrong = "" if (count > 0) == there else f"   (found {count})"
        print(f"{name:12} {question:26} {medians[question]:9.1f} ms   slowest {max(took[1:]):.0f}{wrong}", flush=True)
    return medians


def triops_asks(port: int) -> Callable[[str], int]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(text: str) -> int:
        connection.request("GET", f"/triops/v1/llm/traces?limit=50&q={quote(text)}")
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body[:300]
        return len(json.loads(body)["items"])

    return ask


def phoenix_asks(port: int) -> Callable[[str], int]:
    query = """query($id: ID!, $condition: String) { node(id: $id) { ... on Project {
        spans(first: 50, filterCondition: $condition, sort: {col: startTime, dir: desc}) {
          edges { node { name statusCode startTime latencyMs } } } } } }"""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/projects", timeout=60) as answer:
        project = json.load(answer)["data"][0]["id"]

    def ask(text: str) -> int:
        variables = {"id": project, "condition": f"{text!r} in input.value"}
        body = json.dumps({"query": query, "variables": variables})
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)  # it closes what it kept after a while
        connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
        found = json.loads(connection.getresponse().read())
        connection.close()
        assert not found.get("errors"), found
        return len(found["data"]["node"]["spans"]["edges"])

    return ask


def ours(
    options: argparse.Namespace, talk: Talk, rng: random.Random, small: Sequence[list[bytes]]
) -> tuple[float, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        with server(
            triops_command(Path(folder) / "data", port),
            f"http://127.0.0.1:{port}/health",
            env=QUIET | {"TRIOPS_GATEWAY_ENABLED": "false"},
        ) as process:
            plain = [[trace_body(rng) for _ in range(60)] for _ in range(options.senders)]
            measure("Triops, spans of a service", process.pid, 1000, "spans",
                    lambda: flood(port, "/v1/traces", PROTOBUF, plain, options.seconds))  # fmt: skip
            large = [[calls(rng, talk, 1000, SMALL) for _ in range(30)] for _ in range(options.senders)]
            measure("Triops, small calls", process.pid, 1000, "spans",
                    lambda: flood(port, "/v1/traces", PROTOBUF, large, options.seconds))  # fmt: skip
            alike = measure(f"Triops, small calls, {FEW} a request", process.pid, FEW, "spans",
                            lambda: flood(port, "/v1/traces", PROTOBUF, list(small), options.seconds))  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        with server(
            triops_command(Path(folder) / "data", port),
            f"http://127.0.0.1:{port}/health",
            env=QUIET | {"TRIOPS_GATEWAY_ENABLED": "false"},
        ) as process:
            took = fill(port, talk, rng, options.spans)
            print(f"Triops: {options.spans:,} calls of {LARGE} bytes in {took:.0f} s, by one sender")
            medians = search("Triops", talk, triops_asks(port))
            print(f"Triops: {tree_memory_mb(process.pid):,.0f} MB resident")
    return alike, medians


def theirs(
    binary: Path, options: argparse.Namespace, talk: Talk, rng: random.Random, small: Sequence[list[bytes]]
) -> tuple[float, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        env = {
            "PHOENIX_WORKING_DIR": folder,
            "PHOENIX_PORT": str(port),
            "PHOENIX_GRPC_PORT": str(free_port()),
            "PHOENIX_HOST": "127.0.0.1",
        }
        with server([str(binary), "serve"], f"http://127.0.0.1:{port}/healthz", limit_s=180, env=env) as process:
            took = fill(port, talk, rng, options.peer_spans, FEW)
            asks = phoenix_asks(port)
            until = time.monotonic() + 1800
            while not asks(RARE) and time.monotonic() < until:  # it stores later
                time.sleep(1)
            waited, before = time.perf_counter(), -1
            while (count := _stored(port)) != before:  # until no more comes
                before = count
                time.sleep(3)
            print(f"Phoenix: {count:,} calls stored, {took + time.perf_counter() - waited:.0f} s")
            medians = search("Phoenix", talk, asks)
            rate = measure(f"Phoenix, small calls, {FEW} a request (not yet stored)", process.pid, FEW, "spans",
                           lambda: flood(port, "/v1/traces", PROTOBUF, list(small), options.seconds))  # fmt: skip
            return rate, medians


def _stored(port: int) -> int:
    body = json.dumps({"query": "{ projects { edges { node { recordCount } } } }"}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        edges = json.load(answer)["data"]["projects"]["edges"]
    return sum(edge["node"]["recordCount"] for edge in edges)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--senders", type=int, default=8)
    parser.add_argument("--spans", type=int, default=100_000)
    parser.add_argument("--peer-spans", type=int, default=100_000)
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    rng = random.Random(7)
    talk = Talk(rng)
    print("server on one core; durability: write-ahead log synced before the answer (Triops)")
    small = [[calls(rng, talk, FEW, SMALL) for _ in range(60)] for _ in range(options.senders)]
    rate, medians = ours(options, talk, rng, small)
    if options.no_peers:
        return
    binaries = environment("phoenix", "arize-phoenix")
    if binaries is None:
        return
    peer, peers = theirs(binaries / "phoenix", options, talk, rng, small)
    print(f"ratio Triops / Phoenix, small calls: {rate / peer:.1f}x")
    for question, took in medians.items():
        scale = f" (of {options.spans:,} against {options.peer_spans:,})" if options.spans != options.peer_spans else ""
        print(f"ratio Triops / Phoenix, {question}: {peers[question] / took:.0f}x{scale}")


if __name__ == "__main__":
    main()

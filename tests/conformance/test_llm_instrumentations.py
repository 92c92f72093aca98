"""Applications that are instrumented by others, unmodified, calling a model through the gateway: each sends its spans
by OTLP, and one call is one trace with the gateway's own span below the client's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from triops.testing.server import RunningTriops, wait_for
from triops.testing.upstream import LoopbackProvider

openai = pytest.importorskip("openai")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    folder: Path = tmp_path_factory.mktemp("instrumentations")
    with LoopbackProvider() as upstream:
        documents = [
            {"kind": "Provider", "name": "upstream",
             "spec": {"dialect": "openai", "base_url": f"{upstream.url}/v1", "allow_private": True}},
            {"kind": "Route", "name": "fast", "spec": {"targets": [{"provider": "upstream", "model": "small-1"}]}},
            {"kind": "Price", "name": "small-1",
             "spec": {"input_per_million_usd": "1", "output_per_million_usd": "2"}},
        ]  # fmt: skip
        config = folder / "triops.yaml"
        config.write_text(yaml.safe_dump_all(documents))
        with RunningTriops(folder / "data", "--config", str(config)) as running:
            yield running


@pytest.fixture
def tracing(server: RunningTriops) -> Iterator[TracerProvider]:
    provider = TracerProvider(resource=Resource.create({"service.name": "assistant"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{server.url}/v1/traces")))
    yield provider
    provider.shutdown()


@pytest.fixture
def client(server: RunningTriops) -> Iterator[Any]:
    def carry(request: httpx.Request) -> None:  # what an instrumentation of the HTTP client does
        inject(request.headers)

    http = httpx.Client(event_hooks={"request": [carry]})
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="any", http_client=http) as client:
        yield client


def got(server: RunningTriops, path: str, **query: Any) -> Any:
    answer = httpx.get(f"{server.url}/triops/v1{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def whole(server: RunningTriops, text: str, spans: int) -> Any:
    """The one trace with a text, when all of its spans have come."""

    def found() -> Any:
        items = got(server, "/llm/traces", q=text)["items"]
        return items and items[0]["spans"] >= spans and items

    (line,) = wait_for(found, what=f"{spans} spans of the trace with {text!r}")
    return got(server, f"/llm/traces/{line['trace']}")


def asked(client: Any, tracing: TracerProvider, words: str) -> None:
    with tracing.get_tracer("app").start_as_current_span("POST /ask"):
        client.chat.completions.create(model="fast", messages=[{"role": "user", "content": words}])


def check(trace: Any, words: str) -> None:
    line = trace["trace"]
    gateway = next(span for span in trace["items"] if span["attributes"].get("triops.call"))
    theirs = next(span for span in trace["items"] if span["type"] == "llm" and span is not gateway)
    assert (line["calls"], line["root"], line["application"]) == (1, "POST /ask", "assistant")
    assert line["input_tokens"] == gateway["input_tokens"] == theirs["input_tokens"] > 0
    assert line["cost_usd"] == gateway["cost_usd"] == theirs["total_cost_usd"] is not None
    assert theirs["cost_usd"] is None
    assert gateway["parent"] == theirs["span"]
    assert theirs["input"][-1]["parts"][0]["content"] == words
    assert theirs["output"][-1]["role"] == "assistant"


def test_opentelemetry_instrumentation_openai_v2(
    server: RunningTriops, tracing: TracerProvider, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = pytest.importorskip("opentelemetry.instrumentation.openai_v2")
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "span_only")
    instrumentor = module.OpenAIInstrumentor()
    instrumentor.instrument(tracer_provider=tracing)
    try:
        asked(client, tracing, "Where is my green parcel?")
    finally:
        instrumentor.uninstrument()
    check(whole(server, "green parcel", 3), "Where is my green parcel?")


def test_openinference_instrumentation_openai(server: RunningTriops, tracing: TracerProvider, client: Any) -> None:
    module = pytest.importorskip("openinference.instrumentation.openai")
    context = pytest.importorskip("openinference.instrumentation")
    instrumentor = module.OpenAIInstrumentor()
    instrumentor.instrument(tracer_provider=tracing)
    try:
        with context.using_attributes(session_id="talk-9", user_id="ada", tags=["beta"]):
            asked(client, tracing, "Where is my blue parcel?")
    finally:
        instrumentor.uninstrument()
    trace = whole(server, "BLUE parcel", 3)
    check(trace, "Where is my blue parcel?")
    assert (trace["trace"]["session"], trace["trace"]["user"], trace["trace"]["tags"]) == ("talk-9", "ada", ["beta"])
    (session,) = got(server, "/llm/sessions", session="talk-9")["items"]
    assert (session["calls"], session["traces"], session["users"]) == (1, 1, ["ada"])
    assert session["cost_usd"] == trace["trace"]["cost_usd"]
    assert got(server, "/llm/sessions/talk-9")["items"][0]["trace"] == trace["trace"]["trace"]
    (user,) = got(server, "/llm/users", user="ada")["items"]
    assert (user["user"], user["sessions"], user["calls"]) == ("ada", 1, 1)


def test_langgraph_with_langfuse(server: RunningTriops, client: Any) -> None:
    """An agent of LangGraph on langchain-openai, traced by Langfuse's callback."""
    graphs = pytest.importorskip("langgraph.graph")
    models = pytest.importorskip("langchain_openai")
    langfuse = pytest.importorskip("langfuse")
    handlers = pytest.importorskip("langfuse.langchain")
    model = models.ChatOpenAI(model="fast", base_url=f"{server.url}/v1", api_key="any", http_client=client._client)
    tracer = langfuse.Langfuse(public_key="pk-graph", secret_key="any", base_url=server.url, flush_interval=0.2)

    def answer(state: Any) -> Any:
        return {"messages": [model.invoke(state["messages"])]}

    graph = graphs.StateGraph(graphs.MessagesState)
    graph.add_node("answer", answer)
    graph.add_edge(graphs.START, "answer")
    graph.add_edge("answer", graphs.END)
    handler = handlers.CallbackHandler(public_key="pk-graph")
    graph.compile().invoke(
        {"messages": [("user", "Where is my red parcel?")]},
        config={"callbacks": [handler], "metadata": {"langfuse_session_id": "talk-graph", "langfuse_user_id": "bob"}},
    )
    tracer.flush()
    trace = whole(server, "red parcel", 3)
    assert trace["trace"]["calls"] == 1
    assert trace["trace"]["cost_usd"] is not None
    assert (trace["trace"]["session"], trace["trace"]["user"]) == ("talk-graph", "bob")
    assert {"chain", "llm"} <= {span["type"] for span in trace["items"]}
    tracer.shutdown()

"""Applications that ask language models: calls through the gateway to a provider on loopback, and an agent's trace."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from opentelemetry import trace as otel_trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from triops.sdk import Client
from triops.testing.server import wait_for
from triops.testing.upstream import LoopbackProvider

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
TOOL = {
    "type": "function",
    "function": {
        "name": "order_status",
        "description": "Where an order is",
        "parameters": {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]},
    },
}
QUESTIONS = (
    "Where is my parcel? It should have come on Tuesday.",
    "How do I send back shoes that do not fit?",
    f"My name is {HOSTILE}, please greet me.",
    "Which sizes are there of the blue jacket, and when will more come?",
)


@dataclass(frozen=True)
class Spoken:
    """What a test may look for."""

    agent_trace: str
    session: str
    calls: int


def documents(provider: str) -> list[dict[str, Any]]:
    def price(name: str, input: str, output: str) -> dict[str, Any]:
        amounts = {"input_per_million_usd": input, "output_per_million_usd": output, "from": "2026-01-01"}
        return {"kind": "Price", "name": f"loopback-{name}", "spec": {"provider": "loopback", "model": name, **amounts}}

    def key(name: str, team: str, amount: str, per: str) -> dict[str, Any]:
        budget = {"amount": amount, "per": per, "hard": False}
        return {"kind": "Key", "name": name, "spec": {"application": name, "team": team, "budget_usd": budget}}

    def route(name: str, model: str, **more: Any) -> dict[str, Any]:
        return {"kind": "Route", "name": name, "spec": {"targets": [{"provider": "loopback", "model": model}], **more}}

    house = {"dialect": "openai", "base_url": f"{provider}/v1", "allow_private": True}
    return [
        {"kind": "Provider", "name": "loopback", "spec": house},
        route("quick", "small-1"),
        route("kept", "small-1", cache={"ttl_s": 300}),
        route("clever", "large-2"),
        route("broken", "small-1!status=400"),
        price("small-1", "0.15", "0.60"),
        price("large-2", "2.50", "10.00"),
        key("help-desk", "care", "0.01", "day"),
        key("shop-search", "shop", "25.00", "month"),
        {
            "kind": "Prompt",
            "name": "greeting",
            "spec": {
                "messages": [{"role": "system", "content": "You help the customers of {{shop}}."}],
                "labels": {"production": 1},
            },
        },
    ]


def speak(url: str, provider: LoopbackProvider, client: Client) -> Spoken:
    """Some 30 calls of two applications in sessions, of which one fails and some come from the cache."""
    client.apply(documents(provider.url))
    secrets = {name: client.create_gateway_key(name)["secret"] for name in ("help-desk", "shop-search")}
    calls = 0
    with httpx.Client(base_url=f"{url}/v1", timeout=20) as http:
        for number, body in enumerate(_bodies()):
            key = "shop-search" if body["model"] == "kept" else "help-desk"
            headers = {
                "authorization": f"Bearer {secrets[key]}",
                "x-triops-session": f"visit-{number % 5}",
                "x-triops-user": f"customer-{number % 3}",
                "x-triops-tags": "web,test",
            }
            http.post("/chat/completions", json=body, headers=headers)
            calls += 1
        agent = _agent(url, http, secrets["help-desk"])
    wait_for(lambda: len(_traces(client)) > calls, limit_s=30, what="the calls' traces")
    return Spoken(agent, "visit-1", calls)


def _traces(client: Client) -> list[Any]:
    found: list[Any] = client.call("GET", "/llm/traces", limit=1000)["items"]
    return found


def _bodies() -> Iterator[dict[str, Any]]:
    prompt = {"name": "greeting", "label": "production", "variables": {"shop": "Nordwind"}}
    for number in range(24):
        said = {"role": "user", "content": QUESTIONS[number % 4]}
        model = ("quick", "clever", "kept", "quick")[number % 4]
        body: dict[str, Any] = {"model": model, "messages": [said]}
        if number % 4 == 0:
            body["prompt"] = prompt
        if number % 3 == 0:
            body["stream"] = True
        yield body
    yield {"model": "broken", "messages": [{"role": "user", "content": "Is anyone there?"}]}
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    words = {"type": "text", "text": "What is on this picture?"}
    yield {"model": "clever", "messages": [{"role": "user", "content": [words, picture]}]}


def _agent(url: str, http: httpx.Client, secret: str) -> str:
    """An application's own spans around two calls through the gateway: ask, use a tool, ask again."""
    provider = TracerProvider(resource=Resource.create({"service.name": "help-desk"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces")))
    tracer = provider.get_tracer("agent")
    said: list[dict[str, Any]] = [{"role": "user", "content": "Where is order 4711?"}]
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "support",
        "session.id": "visit-agent",
        "user.id": "customer-7",
    }
    with tracer.start_as_current_span("invoke_agent support", attributes=attributes) as root:
        first = _ask(http, secret, said)
        said.append(first)
        for call in first["tool_calls"]:
            name, arguments = call["function"]["name"], call["function"]["arguments"]
            tool = {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": name,
                "gen_ai.tool.call.id": call["id"],
                "gen_ai.tool.call.arguments": arguments,
                "gen_ai.tool.call.result": '{"order": "4711", "state": "on its way", "expected": "Tuesday"}',
            }
            with tracer.start_as_current_span(f"execute_tool {name}", attributes=tool):
                answer = tool["gen_ai.tool.call.result"]
            said.append({"role": "tool", "tool_call_id": call["id"], "content": answer})
        _ask(http, secret, said)
    provider.shutdown()
    return f"{root.get_span_context().trace_id:032x}"


def _ask(http: httpx.Client, secret: str, said: list[dict[str, Any]]) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {secret}"}
    inject(headers, otel_trace.set_span_in_context(otel_trace.get_current_span()))
    answer = http.post("/chat/completions", json={"model": "quick", "messages": said, "tools": [TOOL]}, headers=headers)
    answer.raise_for_status()
    message: dict[str, Any] = answer.json()["choices"][0]["message"]
    return message

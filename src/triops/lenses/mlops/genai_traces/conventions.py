"""Names under which instrumentations say what a span of a model's call is, took, gave and used.

In the order in which they are asked: OpenInference, OpenTelemetry's GenAI conventions, Traceloop (OpenLLMetry),
Langfuse, Laminar, Google's agents.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Convention:
    kind: str = ""
    kinds: Mapping[str, str] | None = None  # to MLflow's span types
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    input_tokens: str = ""
    output_tokens: str = ""
    total_tokens: str = ""
    cache_read: tuple[str, ...] = ()
    cache_created: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    provider: str = ""


CONVENTIONS = (
    Convention(
        kind="openinference.span.kind",
        kinds={
            name: name
            for name in (
                "TOOL",
                "CHAIN",
                "LLM",
                "RETRIEVER",
                "EMBEDDING",
                "AGENT",
                "RERANKER",
                "UNKNOWN",
                "GUARDRAIL",
                "EVALUATOR",
            )
        },
        inputs=("input.value",),
        outputs=("output.value",),
        input_tokens="llm.token_count.prompt",
        output_tokens="llm.token_count.completion",
        total_tokens="llm.token_count.total",
        cache_read=("llm.token_count.prompt_details.cache_read",),
        cache_created=("llm.token_count.prompt_details.cache_write",),
        models=("llm.response.model_name", "llm.model_name", "llm.request.model_name", "embedding.model_name"),
        provider="llm.provider",
    ),
    Convention(
        kind="gen_ai.operation.name",
        kinds={
            "chat": "CHAT_MODEL",
            "create_agent": "AGENT",
            "embeddings": "EMBEDDING",
            "execute_tool": "TOOL",
            "generate_content": "LLM",
            "invoke_agent": "AGENT",
            "text_completion": "LLM",
            "response": "LLM",
        },
        inputs=("gen_ai.input.messages", "gen_ai.tool.call.arguments"),
        outputs=("gen_ai.output.messages", "gen_ai.tool.call.result"),
        input_tokens="gen_ai.usage.input_tokens",
        output_tokens="gen_ai.usage.output_tokens",
        cache_read=("gen_ai.usage.cache_read.input_tokens",),
        cache_created=("gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
        models=("gen_ai.response.model", "gen_ai.request.model"),
        provider="gen_ai.provider.name",
    ),
    Convention(
        kind="traceloop.span.kind",
        kinds={"workflow": "WORKFLOW", "task": "TASK", "agent": "AGENT", "tool": "TOOL", "unknown": "UNKNOWN"},
        inputs=("traceloop.entity.input", "gen_ai.prompt.0.content"),
        outputs=("traceloop.entity.output", "gen_ai.completion.0.content"),
        input_tokens="gen_ai.usage.prompt_tokens",
        output_tokens="gen_ai.usage.completion_tokens",
        total_tokens="llm.usage.total_tokens",
        provider="gen_ai.system",
    ),
    Convention(inputs=("langfuse.observation.input",), outputs=("langfuse.observation.output",)),
    Convention(inputs=("lmnr.span.input",), outputs=("lmnr.span.output",)),
    Convention(
        inputs=("gcp.vertex.agent.llm_request", "gcp.vertex.agent.tool_call_args"),
        outputs=("gcp.vertex.agent.llm_response", "gcp.vertex.agent.tool_response"),
    ),
)

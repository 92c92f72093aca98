"""Names under which instrumentations say what a span of a model's call is, took, gave and used.

In the order in which they are asked: OpenInference, Claude Code, OpenTelemetry's GenAI conventions, Traceloop
(OpenLLMetry), Google's agents, Vercel's AI SDK, VoltAgent, LiveKit, Laminar, Langfuse.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Convention:
    kind: str = ""
    kinds: Mapping[str, str] | None = None  # to MLflow's span types
    marks: Mapping[str, str] | None = None  # names whose presence says the type
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    input_tokens: str = ""
    output_tokens: str = ""
    total_tokens: str = ""
    cache_read: tuple[str, ...] = ()
    cache_created: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    provider: str = ""
    tools: tuple[str, ...] = ()


_VOLTAGENT = {"agent": "AGENT", "llm": "LLM", "tool": "TOOL", "memory": "MEMORY"}

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
        kind="span.type",
        kinds={
            prefix + name: type_
            for prefix in ("", "claude_code.")
            for name, type_ in (("interaction", "AGENT"), ("llm_request", "LLM"), ("tool", "TOOL"))
        },
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
        tools=("gen_ai.tool.definitions",),
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
    Convention(
        inputs=("gcp.vertex.agent.llm_request", "gcp.vertex.agent.tool_call_args"),
        outputs=("gcp.vertex.agent.llm_response", "gcp.vertex.agent.tool_response"),
    ),
    Convention(
        kind="ai.operationId",
        kinds={
            "ai.generateText": "LLM",
            "ai.generateText.doGenerate": "LLM",
            "ai.streamText": "LLM",
            "ai.streamText.doStream": "LLM",
            "ai.generateObject": "LLM",
            "ai.generateObject.doGenerate": "LLM",
            "ai.streamObject": "LLM",
            "ai.streamObject.doStream": "LLM",
            "ai.toolCall": "TOOL",
            "ai.embed": "EMBEDDING",
            "ai.embed.doEmbed": "EMBEDDING",
            "ai.embedMany": "EMBEDDING",
        },
        inputs=("ai.prompt", "ai.toolCall.args", "ai.value", "ai.values", "ai.prompt.messages"),
        outputs=("ai.response.text", "ai.toolCall.result", "ai.response.object", "ai.embedding", "ai.embeddings"),
    ),
    Convention(
        kind="span.type",
        kinds=_VOLTAGENT,
        inputs=("agent.messages", "llm.messages", "input"),
        outputs=("output",),
        input_tokens="usage.prompt_tokens",
        output_tokens="usage.completion_tokens",
        total_tokens="usage.total_tokens",
    ),
    Convention(  # what a child has from its parent, so the last to be asked
        kind="entity.type",
        kinds=_VOLTAGENT,
        input_tokens="llm.usage.prompt_tokens",
        output_tokens="llm.usage.completion_tokens",
        total_tokens="llm.usage.total_tokens",
    ),
    Convention(
        marks={
            "gen_ai.request.model": "LLM",
            "lk.retry_count": "LLM",
            "lk.function_tool.name": "TOOL",
            "lk.agent_name": "AGENT",
            "lk.instructions": "AGENT",
            "lk.generation_id": "AGENT",
        },
        inputs=("lk.user_input", "lk.user_transcript", "lk.chat_ctx", "lk.input_text"),
        outputs=("lk.response.text", "lk.response.function_calls"),
    ),
    Convention(
        kind="lmnr.span.type",
        kinds={
            "LLM": "LLM",
            "CACHED": "LLM",
            "TOOL": "TOOL",
            "DEFAULT": "CHAIN",
            "PIPELINE": "CHAIN",
            "EXECUTOR": "AGENT",
            "EVALUATOR": "EVALUATOR",
            "HUMAN_EVALUATOR": "EVALUATOR",
            "EVALUATION": "EVALUATOR",
        },
        inputs=("lmnr.span.input",),
        outputs=("lmnr.span.output",),
    ),
    Convention(
        kind="langfuse.observation.type",
        kinds={
            "generation": "LLM",
            "embedding": "EMBEDDING",
            "tool": "TOOL",
            "retriever": "RETRIEVER",
            "agent": "AGENT",
            "chain": "CHAIN",
            "evaluator": "EVALUATOR",
            "guardrail": "GUARDRAIL",
            "span": "UNKNOWN",
        },
        inputs=("langfuse.observation.input",),
        outputs=("langfuse.observation.output",),
    ),
)

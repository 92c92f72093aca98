"""Under which attribute names a span says each thing that lists of traces show, the most telling name first.

`SAID` maps a name to the field it fills and its rank in that field. `MARKS` begin the names (with the quote that opens
a JSON key) of which a span of a model's call, or of an application around it, has at least one; a span without any is
no such span; one of `WHOSE` may still say whose the trace around it is.
"""

from collections.abc import Mapping
from typing import Final

from triops.kernel.genai.conventions import CONVENTIONS

MARKS: Final = (
    '"gen_ai.', '"llm.', '"openinference.', '"traceloop.', '"langfuse.', '"ai.operationId"', '"mlflow.span', '"lmnr.',
    '"input.value"', '"output.value"', '"lk.', '"gcp.vertex.agent.',
)  # fmt: skip

# With which a span of any kind says whose a trace is.
WHOSE: Final = ('"user.id"', '"session.id"', '"enduser.id"')

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "kind": (
        "mlflow.spanType", "openinference.span.kind", "gen_ai.operation.name", "langfuse.observation.type",
        "llm.request.type", "traceloop.span.kind", "ai.operationId", "lmnr.span.type",
    ),
    "model": (
        "gen_ai.response.model", "llm.response.model_name", "ai.response.model", "gen_ai.request.model",
        "llm.model_name", "llm.request.model_name", "embedding.model_name", "ai.model.id", "mlflow.llm.model",
        "langfuse.observation.model.name", "langfuse.observation.model",
    ),
    "provider": (
        "gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider",
        "mlflow.llm.provider",
    ),
    "input_tokens": (
        "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt",
        "llm.usage.prompt_tokens", "ai.usage.inputTokens", "ai.usage.promptTokens",
    ),
    "output_tokens": (
        "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion",
        "llm.usage.completion_tokens", "ai.usage.outputTokens", "ai.usage.completionTokens",
    ),
    "cached_tokens": (
        "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read", "ai.usage.cachedInputTokens",
        "ai.usage.inputTokenDetails.cacheReadTokens",
    ),
    "cache_write_tokens": (
        "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens", "llm.token_count.prompt_details.cache_write",
        "ai.usage.inputTokenDetails.cacheWriteTokens",
    ),
    "usage": ("langfuse.observation.usage_details", "mlflow.chat.tokenUsage"),
    "cost_pico": ("triops.cost_pico",),
    "cost": ("triops.cost_usd", "gen_ai.usage.cost", "llm.cost.total", "gen_ai.usage.total_cost"),
    "costs": ("langfuse.observation.cost_details", "mlflow.llm.cost"),
    "estimated": ("triops.estimated",),
    "answer_id": ("gen_ai.response.id",),
    "gateway": ("triops.call",),
    "cache": ("triops.cache",),
    "output_chars": ("triops.output_bytes",),
    "application": ("triops.application", "gen_ai.application_name"),
    "prompt": ("triops.prompt.name", "langfuse.observation.prompt.name", "gen_ai.prompt.name"),
    "prompt_version": (
        "triops.prompt.version", "langfuse.observation.prompt.version", "gen_ai.prompt.version",
        "llm.prompt_template.version",
    ),
    "prompt_label": ("triops.prompt.label",),
    "user": (
        "user.id", "langfuse.user.id", "langfuse.trace.user_id", "enduser.id",
        "traceloop.association.properties.user_id", "ai.telemetry.metadata.userId",
    ),
    "session": (
        "session.id", "gen_ai.conversation.id", "langfuse.session.id", "langfuse.trace.session_id",
        "traceloop.association.properties.session_id", "ai.telemetry.metadata.sessionId",
    ),
    "key": ("triops.key",),
    "tags": ("tag.tags", "langfuse.trace.tags", "ai.telemetry.metadata.tags"),
    "first_ms": ("triops.first_token_ms", "ai.response.msToFirstChunk"),
    "first_s": ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token"),
    "first_at": ("langfuse.observation.completion_start_time",),
    "error": ("error.type",),
    "note": ("langfuse.observation.status_message",),  # of an error, where the level says that it is one
    "level": ("langfuse.observation.level",),
    "finish": ("gen_ai.response.finish_reasons", "ai.response.finishReason"),
    "input": (
        "gen_ai.input.messages", "langfuse.observation.input", "mlflow.spanInputs", "ai.prompt.messages",
        "traceloop.entity.input", "gen_ai.tool.call.arguments", "gen_ai.retrieval.query.text", "ai.prompt",
        "ai.toolCall.args", "ai.value", "lmnr.span.input", "lk.user_input", "gcp.vertex.agent.llm_request",
        "gcp.vertex.agent.tool_call_args", "input.value", "gen_ai.prompt", "langfuse.trace.input",
    ),
    "output": (
        "gen_ai.output.messages", "langfuse.observation.output", "mlflow.spanOutputs", "ai.response.text",
        "traceloop.entity.output", "gen_ai.tool.call.result", "gen_ai.retrieval.documents", "ai.response.object",
        "ai.toolCall.result", "lmnr.span.output", "lk.response.text", "gcp.vertex.agent.llm_response",
        "gcp.vertex.agent.tool_response", "output.value", "gen_ai.completion", "langfuse.trace.output",
    ),
    "system": ("gen_ai.system_instructions", "gen_ai.system_instruction"),
}  # fmt: skip

SAID: Final[Mapping[str, tuple[str, int]]] = {
    name: (field, rank) for field, names in _NAMES.items() for rank, name in enumerate(names)
}

# The most telling name of each field.
BEST: Final[Mapping[str, str]] = {field: names[0] for field, names in _NAMES.items()}

# Messages that a sender spread over attributes of their own: `llm.input_messages.0.message.content`, …
SPREAD: Final = {
    "llm.input_messages.": "input",
    "llm.output_messages.": "output",
    "gen_ai.prompt.": "input",
    "gen_ai.completion.": "output",
    "retrieval.documents.": "output",
    "embedding.embeddings.": "input",
}

_SHOWN: Final = {"CHAT_MODEL": "llm", "WORKFLOW": "chain", "TASK": "chain", "UNKNOWN": "span", "RERANKER": "reranker"}
_ALSO: Final = {
    "chat": "llm", "completion": "llm", "text_completion": "llm", "generation": "llm", "embedding": "embedding",
    "event": "event", "retrieval": "retriever", "rerank": "reranker", "invoke_workflow": "chain",
    "plan": "agent",
}  # fmt: skip

# What a span's kind is called in its convention → our word for it.
TYPES: Final[Mapping[str, str]] = {
    kind: _SHOWN.get(type_, type_.lower())
    for convention in CONVENTIONS
    for kind, type_ in [
        *(convention.kinds or {}).items(),
        *((type_, type_) for type_ in (convention.kinds or {}).values()),  # our own word and MLflow's
    ]
} | _ALSO  # fmt: skip

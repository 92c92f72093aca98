"""Which attributes hold what people and models said, and which what else went in and out of an application."""

from typing import Any, Final

from triops.kernel.genai.names import SAID, SPREAD

_MESSAGES: Final = frozenset(
    (
        "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.system_instruction",
        "langfuse.observation.input", "langfuse.observation.output", "ai.prompt.messages", "ai.prompt",
        "ai.response.text", "mlflow.chat.messages", "gen_ai.prompt", "gen_ai.completion",
    )
)  # fmt: skip
_MESSAGE_PREFIXES: Final = (
    "llm.input_messages.", "llm.output_messages.", "gen_ai.prompt.", "gen_ai.completion.", "llm.prompts",
    "llm.completions",
)  # fmt: skip
_LABELS: Final = ("gen_ai.prompt.name", "gen_ai.prompt.version")
_OTHER: Final = frozenset(
    (
        "metadata", "langfuse.trace.metadata", "langfuse.observation.metadata", "llm.prompt_template.variables",
        "llm.prompt_template.template", "tool.parameters", "exception.message", "exception.stacktrace", "error.message",
        "gen_ai.tool.definitions", "llm.tools", "langfuse.experiment.item.expected_output", "llm.function_call",
        "langfuse.observation.status_message",
    )
)  # fmt: skip
_OTHER_PREFIXES: Final = (
    "retrieval.", "reranker.", "embedding.", "lk.", "gcp.vertex.agent.", "llm.prompt_template.",
    "langfuse.trace.metadata.", "langfuse.observation.metadata.",
)  # fmt: skip
_FIELDS: Final = ("input", "output", "system", "note")


def is_message(name: str) -> bool:
    return name in _MESSAGES or (name.startswith(_MESSAGE_PREFIXES) and name not in _LABELS)


def is_content(name: str) -> bool:
    """Of whatever kind. Names of models, counts, ids of users and sessions are none."""
    place = SAID.get(name)
    if place is not None:
        return place[0] in _FIELDS or name in _OTHER
    return (
        is_message(name)
        or name in _OTHER
        or name.startswith(_OTHER_PREFIXES)
        or (name.startswith(tuple(SPREAD)) and name not in _LABELS)
    )


def is_event_content(name: Any) -> bool:
    """Of an event, by its name: its attributes hold what was said."""
    return isinstance(name, str) and (name.startswith("gen_ai.") or name == "exception")

"""What becomes of members of a request that a provider has no word for: hints are dropped and named, the rest is
refused."""

from collections.abc import Mapping
from typing import Any

from triops.kernel.errors import Invalid

# bookkeeping, places and prices, how much is said or thought, help with a tool: none changes what the answer means
HINTS = frozenset(
    {
        "cache_control",
        "context_management",
        "defer_loading",
        "diagnostics",
        "eager_input_streaming",
        "include",
        "inference_geo",
        "input_examples",
        "keep_alive",
        "logit_bias",
        "max_tool_calls",
        "metadata",
        "output_config",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "response_format.json_schema.description",
        "safety_identifier",
        "service_tier",
        "shift",
        "speed",
        "store",
        "stream_options",
        "think",
        "thinking",
        "text.format.description",
        "text.verbosity",
        "truncate",
        "truncation",
        "user",
        "user_profile_id",
        "verbosity",
        "workspace_id",
    }
)
_DEFAULTS = {"modalities": ["text"], "allowed_callers": ["direct"]}


def leave_out(extra: Mapping[str, Any], dropped: list[str]) -> None:
    """Raises: Invalid for what is no hint. What only says the default changes nothing."""
    for name, value in extra.items():
        member = name.rpartition("].")[2]  # of a tool or a block: `tools[1].input_examples`
        if member in HINTS or name.startswith(("options.", "reasoning.")):
            dropped.append(name)
        elif member in _DEFAULTS and value == _DEFAULTS[member]:
            continue
        else:
            raise no_word(name, value)


def no_word(field: str, got: Any = None, expected: Any = None) -> Invalid:
    return Invalid("this provider has no word for it", field=field, got=got, expected=expected)

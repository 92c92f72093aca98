"""Usage and times as OpenAI's endpoints report them, of chat completions, responses and embeddings."""

from collections.abc import Mapping
from typing import Any

from triops.adapters.providers.json_body import count_of
from triops.kernel.completion import Usage


def usage_of(value: Any) -> Usage | None:
    """None where the provider did not say, or said what is no usage. Tokens of reasoning that were counted apart from
    the output (their sum is then the total) are billed with it."""
    if not isinstance(value, dict):
        return None
    read = _count(value, "prompt_tokens")
    if read is None:
        read = _count(value, "input_tokens")
    if read is None:
        return None
    written = _count(value, "completion_tokens")
    if written is None:
        written = _count(value, "output_tokens") or 0
    cached = stored = reasoning = 0
    if said := value.get("prompt_tokens_details") or value.get("input_tokens_details"):
        cached = min(_count(said, "cached_tokens") or 0, read)
        stored = min(_count(said, "cache_write_tokens") or 0, read)
    elif "prompt_cache_hit_tokens" in value:  # DeepSeek
        cached = min(_count(value, "prompt_cache_hit_tokens") or 0, read)
    if thought := value.get("completion_tokens_details") or value.get("output_tokens_details"):
        reasoning = _count(thought, "reasoning_tokens") or 0
        if reasoning and _count(value, "total_tokens") == read + written + reasoning:
            written += reasoning  # xAI
        reasoning = min(reasoning, written)
    return Usage(read, written, cached, stored, reasoning)


def created_of(value: Any) -> int:
    """Unix seconds; 0 for what is no such time."""
    return int(value) if isinstance(value, int | float) and 0 <= value < 1e11 else 0


def _count(value: Mapping[str, Any], field: str) -> int | None:
    return count_of(value.get(field)) if isinstance(value, dict) else None

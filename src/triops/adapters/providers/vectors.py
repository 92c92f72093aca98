"""Vectors of embeddings, as providers send them and as ours."""

from typing import Any

from triops.adapters.providers.leaving import no_word
from triops.kernel.completion import Embed
from triops.ports.providers import Fault


def texts_of(content: Embed) -> list[str]:
    """Raises: Invalid for token ids, which only their own model can read."""
    for index, given in enumerate(content.inputs):
        if not isinstance(given, str):
            raise no_word(f"input[{index}]", "token ids", "a text")
    return [given for given in content.inputs if isinstance(given, str)]


def vector_of(values: Any) -> tuple[float, ...]:
    """Raises: Fault (garbage)."""
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise Fault("garbage", "an embedding that is no list of numbers")
    return tuple(map(float, values))

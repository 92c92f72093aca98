"""Embeddings as a provider speaks them. Vectors are asked for as numbers where the request is ours, and read as numbers
or packed (base64 of single precision). Members that have no word here are sent on where the caller spoke OpenAI, else
dropped and named (the members of `leaving.HINTS`) or refused."""

import base64
import binascii
import struct
from collections.abc import Mapping
from typing import Any

from triops.adapters.providers.leaving import leave_out
from triops.adapters.providers.openai_usage import usage_of
from triops.kernel.completion import Embed, Embedded
from triops.ports.providers import Fault


def embed_of(embed: Embed, dialect: str) -> tuple[dict[str, Any], list[str]]:
    """The request without its model, and what was dropped. Raises: Invalid."""
    texts = [one if isinstance(one, str) else list(one) for one in embed.inputs]
    tree: dict[str, Any] = {"input": texts[0] if len(texts) == 1 else texts, "encoding_format": "float"}
    if embed.dimensions is not None:
        tree["dimensions"] = embed.dimensions
    dropped: list[str] = []
    for name, value in embed.extra.items():
        if dialect == "openai.embeddings":
            tree[name] = value
        else:
            leave_out({name: value}, dropped)
    return tree, dropped


def embedded_of(tree: Mapping[str, Any]) -> Embedded:
    """In the order of their places. Raises: Fault (garbage)."""
    data = tree.get("data")
    if not isinstance(data, list) or not data:
        raise Fault("garbage", "an answer without embeddings")
    vectors: list[tuple[float, ...] | None] = [None] * len(data)
    for i, one in enumerate(data):
        place = one.get("index", i) if isinstance(one, dict) else None
        if type(place) is not int or not 0 <= place < len(data) or vectors[place] is not None:
            raise Fault("garbage", "embeddings whose places are not 0, 1, …")
        vectors[place] = _vector(one.get("embedding"))
    model = tree.get("model")
    return Embedded(
        tuple(vector for vector in vectors if vector is not None),
        model if isinstance(model, str) else "",
        usage_of(tree.get("usage")),
    )


def _vector(value: Any) -> tuple[float, ...]:
    if isinstance(value, str):
        try:
            packed = base64.b64decode(value, validate=True)
        except binascii.Error:
            packed = b"?"
        if len(packed) % 4 == 0:
            return struct.unpack(f"<{len(packed) // 4}f", packed)
    elif isinstance(value, list) and all(type(one) is float or type(one) is int for one in value):
        return tuple(value)
    raise Fault("garbage", "an embedding that is no vector")

"""POST /v1/embeddings. Its clients ask for base64 unless they are told otherwise: single precision, little endian."""

import base64
import sys
from array import array
from collections.abc import Mapping
from typing import Any

import orjson

from triops.edges.openai.asking import asked
from triops.edges.openai.dialect import OpenAIDialect
from triops.kernel.completion import Ask, Embed, Embedded, Reply
from triops.kernel.errors import Invalid, NotOffered
from triops.web.dialects import Encoder
from triops.web.members import tree_of, whole

_EXPECTED = "a text, a list of texts, token ids, or a list of lists of token ids"
_READ = frozenset({"model", "input", "dimensions", "encoding_format"})
_MOST_INPUTS = 2048  # as OpenAI bounds them


class EmbeddingsDialect(OpenAIDialect):
    name = "openai.embeddings"
    path = "/v1/embeddings"

    def ask(self, body: bytes, headers: Mapping[str, str]) -> Ask:
        raw = tree_of(body)
        given = raw.get("input")
        if not isinstance(given, str | list) or not given:
            raise Invalid("nothing to embed", field="input", got=given, expected=_EXPECTED)
        if raw.get("encoding_format") not in (None, "float", "base64"):
            raise Invalid(
                "not an encoding", field="encoding_format", got=raw["encoding_format"], expected="float, base64"
            )
        return asked(self.name, raw, len(body), headers, operation="embeddings")

    def content(self, ask: Ask) -> Embed:
        raw = ask.raw
        return Embed(
            inputs=_inputs(raw["input"]),
            dimensions=whole(raw, "dimensions", 1, most=1 << 20),
            encoding=_encoding(ask),
            extra={name: value for name, value in raw.items() if name not in _READ and value is not None},
        )

    def reply(self, ask: Ask, answer: Reply | Embedded) -> bytes:
        assert isinstance(answer, Embedded)
        packed = _encoding(ask) == "base64"
        data = [
            {"object": "embedding", "index": i, "embedding": _packed(vector) if packed else vector}
            for i, vector in enumerate(answer.vectors)
        ]
        read = answer.usage.input if answer.usage is not None else 0
        tree: dict[str, Any] = {
            "object": "list",
            "data": data,
            "model": answer.model or ask.model,
            "usage": {"prompt_tokens": read, "total_tokens": read},
        }
        return orjson.dumps(tree)

    def encoder(self, ask: Ask) -> Encoder:
        raise NotOffered("embeddings are not streamed")


def _encoding(ask: Ask) -> str:
    return ask.raw.get("encoding_format") or "float"


def _inputs(value: Any) -> tuple[str | tuple[int, ...], ...]:
    if isinstance(value, str):
        return (value,)
    if type(value[0]) is int:
        return (_tokens(value, "input"),)
    if len(value) > _MOST_INPUTS:
        raise Invalid("too many inputs", field="input", got=len(value), expected=f"at most {_MOST_INPUTS}")
    return tuple(one if isinstance(one, str) else _tokens(one, f"input[{i}]") for i, one in enumerate(value))


def _tokens(value: Any, path: str) -> tuple[int, ...]:
    if not isinstance(value, list) or not value or not all(type(one) is int and one >= 0 for one in value):
        raise Invalid("neither text nor token ids", field=path, got=value, expected=_EXPECTED)
    return tuple(value)


def _packed(vector: tuple[float, ...]) -> str:
    numbers = array("f", vector)  # what single precision does not hold becomes infinite
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()

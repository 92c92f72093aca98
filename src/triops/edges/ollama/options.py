"""What `chat` and `generate` have in common: `options`, `format`, `think`, images, and Ollama's way of saying when."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from triops.kernel.completion import Format, Part
from triops.kernel.errors import Invalid
from triops.web.members import flag, mapping, number, sequence, texts, whole

# how the base64 of an image's first bytes begins; Ollama's images come without their type
_MAGIC = (("/9j/", "image/jpeg"), ("iVBORw0KGgo", "image/png"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp"))
_WHOLE = ("top_k", "seed", "num_predict")
_READ = frozenset({"model", "messages", "tools", "stream", "options", "format", "think", "logprobs", "top_logprobs",
                   "prompt", "system", "images"})  # fmt: skip


def options_of(tree: Mapping[str, Any]) -> dict[str, Any]:
    """`options`, where whole numbers may have come as `42.0`."""
    given = tree.get("options")
    options = {} if given is None else dict(mapping(given, "options"))
    for name in _WHOLE:
        value = options.get(name)
        if type(value) is float and value.is_integer() and abs(value) < 2**53:
            options[name] = int(value)
    return options


def max_tokens_of(options: Mapping[str, Any]) -> int | None:
    """`num_predict`; below zero means without a bound."""
    value = whole(options, "num_predict", -(1 << 31), "options")
    return None if value is None or value < 0 else value


def sampling_of(tree: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields of a `Chat` that `options`, `format`, `think` and log probabilities say; and what has no field there,
    by its name (`think`, `truncate`, `options.num_ctx`)."""
    options, extra = options_of(tree), dict[str, Any]()
    think = tree.get("think")
    if think is not None and not isinstance(think, bool | str):
        raise Invalid("not a way to think", field="think", got=think, expected="true, false or a level")
    if think is False:
        extra["think"] = False
    extra.update({name: value for name, value in tree.items() if name not in _READ and value is not None})
    fields = {
        "format": format_of(tree.get("format")),
        "reasoning_effort": "medium" if think is True else think or "",
        "max_tokens": max_tokens_of(options),
        "temperature": number(options, "temperature", "options"),
        "top_p": number(options, "top_p", "options"),
        "top_k": whole(options, "top_k", 0, "options"),
        "seed": whole(options, "seed", -(1 << 63), "options"),
        "stop": texts(options, "stop", "options"),
        "presence_penalty": number(options, "presence_penalty", "options"),
        "frequency_penalty": number(options, "frequency_penalty", "options"),
        "logprobs": flag(tree, "logprobs") is True,
        "top_logprobs": whole(tree, "top_logprobs", 0),
    }
    known = {*fields, "num_predict"}
    rest = {name: value for name, value in options.items() if name not in known and value is not None}
    extra.update({f"options.{name}": value for name, value in rest.items()})
    return fields, extra


def format_of(value: Any) -> Format | None:
    if value is None or value == "":
        return None
    if value == "json":
        return Format()
    if not isinstance(value, dict):
        raise Invalid("not a format", field="format", got=value, expected='"json" or a JSON Schema')
    return Format(value)


def images_of(tree: Mapping[str, Any], path: str) -> tuple[Part, ...]:
    if tree.get("images") is None:
        return ()
    images = []
    for index, data in enumerate(sequence(tree["images"], path)):
        if not isinstance(data, str):
            raise Invalid("not a text", field=f"{path}[{index}]", got=data, expected="base64")
        media = next((media for start, media in _MAGIC if data.startswith(start)), "image/png")
        images.append(Part("image", data=data, media_type=media))
    return tuple(images)


def now_text() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")

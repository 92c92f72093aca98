"""What stands beside the text in a chat completion's message: images, and members that have no word of ours (audio,
details of reasoning), which go to callers of the same dialect under their names."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from triops.adapters.providers.json_body import as_text
from triops.kernel.completion import CHAT_MEMBER, Part
from triops.ports.providers import Fault

MEMBERS: Final = frozenset(
    {
        "role", "content", "refusal", "tool_calls", "function_call", "reasoning_content", "reasoning", "annotations",
        "images",
    }
)  # fmt: skip
_REPEATED = frozenset({"index", "type", "id", "format"})  # in each piece of a member, where others are continued
_DEPTH = 8


def images_of(message: Mapping[str, Any]) -> list[Part]:
    """Those that a model made, as OpenRouter and LiteLLM have them."""
    images = message.get("images")
    urls = [_url(one) for one in images] if isinstance(images, list) else []
    return [_image(url) for url in urls if url]


def _url(image: Any) -> str:
    held = image.get("image_url") if isinstance(image, dict) else image
    return as_text(held.get("url") if isinstance(held, dict) else held)


def _image(url: str) -> Part:
    head, comma, data = url.partition(";base64,")
    if comma and head.startswith("data:"):
        return Part("image", data=data, media_type=head[5:])
    return Part("image", url=url)


def signature_of(call: Mapping[str, Any]) -> str:
    """Of a tool call, where Google's chat completions have it; "" for none."""
    extra = call.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    return as_text(google.get("thought_signature")) if isinstance(google, dict) else ""


def members_of(message: Mapping[str, Any]) -> list[Part]:
    return [member_of(name, held) for name, held in message.items() if name not in MEMBERS and held is not None]


def member_of(name: str, value: Any) -> Part:
    """Raises: Fault (garbage)."""
    try:
        return Part("block", orjson.dumps(value).decode(), name=name, media_type=CHAT_MEMBER)
    except orjson.JSONEncodeError:
        raise Fault("garbage", "an answer that is nested too deep") from None


def merged(pieces: Sequence[Any], depth: int = _DEPTH) -> Any:
    """The pieces of a streamed member put together as OpenAI's clients do it: texts follow one another, objects in
    lists belong to those of the same `index`; of anything else the last one counts."""
    if len(pieces) == 1 or not depth:
        return pieces[-1]
    if all(isinstance(piece, str) for piece in pieces):
        return "".join(pieces)
    if all(isinstance(piece, dict) for piece in pieces):
        names = dict.fromkeys(name for piece in pieces for name in piece)
        return {name: _merged_member(name, pieces, depth) for name in names}
    if all(isinstance(piece, list) for piece in pieces):
        groups: dict[Any, list[Any]] = {}
        for one in (one for piece in pieces for one in piece):
            index = one.get("index") if isinstance(one, dict) else None
            groups.setdefault(index if type(index) is int else f"{len(groups)}", []).append(one)
        return [merged(group, depth - 1) for group in groups.values()]
    return pieces[-1]


def _merged_member(name: str, pieces: Sequence[Mapping[str, Any]], depth: int) -> Any:
    said = [piece[name] for piece in pieces if piece.get(name) is not None]
    if not said:
        return None
    return said[0] if name in _REPEATED else merged(said, depth - 1)

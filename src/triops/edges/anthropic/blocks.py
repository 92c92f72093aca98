"""Anthropic's content blocks, between their JSON and `Part`.

A block that has no word of ours (a server tool's call or result, a search result, a file by its id) becomes a part of
kind `block`: a provider of Anthropic's dialect writes it back as it came, any other refuses it.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from triops.kernel.completion import ANTHROPIC_BLOCK, ANTHROPIC_MEMBER, Citation, Part
from triops.kernel.errors import Invalid
from triops.web.members import mapping, needed, sequence, text

_OUTSIDE = ("tool_use", "tool_result", "thinking", "redacted_thinking")


def parts_of(content: Any, path: str, *, inside: bool = False) -> tuple[Part, ...]:
    """`content`: a text, or a list of blocks. `inside`: a tool's result, which holds no call and no other result."""
    if isinstance(content, str):
        return (Part("text", text=content),)
    blocks = ((mapping(block, f"{path}[{i}]"), f"{path}[{i}]") for i, block in enumerate(sequence(content, path)))
    return tuple(_part(block, at, inside) for block, at in blocks)


def _part(block: dict[str, Any], path: str, inside: bool) -> Part:
    kind = block.get("type")
    if inside and kind in _OUTSIDE:
        raise Invalid("no such block in a tool's result", field=f"{path}.type", got=kind, expected="text, image, …")
    if kind == "text":
        return Part("text", text=needed(block, "text", path), citations=_cited(block, path))
    if kind == "image":
        return _sourced(block, "image", path)
    if kind == "document":
        return _document(block, path)
    if kind == "tool_use":
        given = mapping(block.get("input"), f"{path}.input")
        said, id, name = json_of(given, path), needed(block, "id", path), needed(block, "name", path)
        return Part("tool_call", said, id, name, parts=_caller(block, path))
    if kind == "tool_result":
        content = block.get("content")
        parts = () if content is None else parts_of(content, f"{path}.content", inside=True)
        return Part(
            "tool_result", id=needed(block, "tool_use_id", path), parts=parts, error=block.get("is_error") is True
        )
    if kind == "thinking":
        return Part("thinking", text=text(block, "thinking", path), signature=text(block, "signature", path))
    if kind == "redacted_thinking":
        return Part("thinking", data=needed(block, "data", path))
    if not isinstance(kind, str):
        raise Invalid("not a block's type", field=f"{path}.type", got=kind, expected="text, image, tool_use, …")
    return _opaque(block, path)


def _opaque(block: dict[str, Any], path: str) -> Part:
    return Part("block", name=str(block["type"]), text=json_of(block, path), media_type=ANTHROPIC_BLOCK)


def _caller(block: dict[str, Any], path: str) -> tuple[Part, ...]:
    """Who but the model called a tool."""
    caller = block.get("caller")
    if not isinstance(caller, dict) or caller.get("type") == "direct":
        return ()
    return (Part("block", json_of(caller, path), name="caller", media_type=ANTHROPIC_MEMBER),)


def _cited(block: dict[str, Any], path: str) -> tuple[Citation, ...]:
    """Of an earlier answer's text, for who gave it. Those that other providers' sources were told as go no further."""
    if not block.get("citations"):
        return ()
    given = [mapping(one, f"{path}.citations") for one in sequence(block["citations"], f"{path}.citations")]
    return tuple(Citation("anthropic", one) for one in given if one.get("encrypted_index") != "")


def _sourced(block: dict[str, Any], kind: Any, path: str) -> Part:
    source = mapping(block.get("source"), f"{path}.source")
    if source.get("type") == "base64":
        return Part(
            kind,
            data=needed(source, "data", f"{path}.source"),
            media_type=needed(source, "media_type", f"{path}.source"),
            name=text(block, "title", path),
        )
    if source.get("type") == "url":
        media = "application/pdf" if kind == "file" else ""
        return Part(
            kind, url=needed(source, "url", f"{path}.source"), media_type=media, name=text(block, "title", path)
        )
    return _opaque(block, path)


def _document(block: dict[str, Any], path: str) -> Part:
    source = mapping(block.get("source"), f"{path}.source")
    citations = block.get("citations")
    if isinstance(citations, dict) and citations.get("enabled"):
        return _opaque(block, path)  # its answer's citations have no word of ours
    if source.get("type") == "text":
        title, data = text(block, "title", path), needed(source, "data", f"{path}.source")
        return Part("text", text=f"{title}\n\n{data}" if title else data)
    return _sourced(block, "file", path)


def json_of(value: Any, path: str) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError as error:  # nested deeper than is written
        raise Invalid(f"not JSON that can be written: {error}", field=path) from None


def blocks_of(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """An answer's parts. A refusal is told as text; tools' arguments that are no object stand under `arguments`; images
    and other providers' blocks, for which there is no form, are left out."""
    return [block for part in parts if (block := _block(part)) is not None]


def _block(part: Part) -> dict[str, Any] | None:
    match part.kind:
        case "text" | "refusal":
            cited = [told for citation in part.citations if (told := citation_tree(citation)) is not None]
            return {"type": "text", "text": part.text, "citations": cited or None} if part.text else None
        case "thinking":
            if part.data:
                return {"type": "redacted_thinking", "data": part.data}
            return {"type": "thinking", "thinking": part.text, "signature": part.signature}
        case "tool_call":
            called = {"type": "tool_use", "id": part.id, "name": part.name, "input": _arguments(part.text)}
            return {**called, **members_of(part.parts)}
        case "block" if part.media_type == ANTHROPIC_BLOCK:
            block: dict[str, Any] = orjson.loads(part.text)
            return block
    return None


def members_of(parts: Sequence[Part]) -> dict[str, Any]:
    """What stands beside the content, or in a call, by name."""
    return {
        part.name: orjson.loads(part.text)
        for part in parts
        if part.kind == "block" and part.media_type == ANTHROPIC_MEMBER
    }


def citation_tree(citation: Citation) -> dict[str, Any] | None:
    """Another family's source on the web as Anthropic's clients know one; None for what they have no word for."""
    if citation.family == "anthropic":
        return dict(citation.own)
    if not citation.url:
        return None
    source = {"url": citation.url, "title": citation.title or None, "cited_text": citation.text}
    return {"type": "web_search_result_location", **source, "encrypted_index": ""}


def _arguments(given: str) -> dict[str, Any]:
    try:
        value = orjson.loads(given) if given else {}
    except orjson.JSONDecodeError:
        value = given
    return value if isinstance(value, dict) else {"arguments": value}

"""Moderations as a provider speaks them. What came is sent on; what was changed on the way is written again."""

from collections.abc import Mapping
from typing import Any

import orjson

from triops.adapters.providers.json_body import as_text
from triops.adapters.providers.openai_usage import usage_of
from triops.adapters.providers.openai_write import part_tree
from triops.kernel.completion import MODERATED, Chat, Choice, Part, Reply
from triops.ports.providers import Fault


def moderation_of(chat: Chat) -> dict[str, Any]:
    """The request without its model. Raises: Invalid."""
    parts = [message.parts for message in chat.messages]
    if all(len(some) == 1 and some[0].kind == "text" for some in parts):
        return {"input": [some[0].text for some in parts]}
    return {"input": [part_tree(part) for some in parts for part in some]}


def moderated_of(tree: Mapping[str, Any]) -> Reply:
    """Raises: Fault (garbage)."""
    results = tree.get("results")
    if not isinstance(results, list) or not results:
        raise Fault("garbage", "an answer without results")
    try:
        held = Part("block", orjson.dumps(results).decode(), name="results", media_type=MODERATED)
    except orjson.JSONEncodeError:
        raise Fault("garbage", "an answer that is nested too deep") from None
    usage = usage_of(tree.get("usage"))
    return Reply(as_text(tree.get("id")), as_text(tree.get("model")), (Choice(0, (held,)),), usage)

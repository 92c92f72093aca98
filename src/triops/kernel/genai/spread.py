"""Messages that a sender spread over attributes of their own, put together again.

`llm.input_messages.0.message.content`, `llm.input_messages.0.message.tool_calls.0.tool_call.function.name`
(OpenInference), `gen_ai.prompt.0.content` (OpenLLMetry), `retrieval.documents.0.document.content`.
"""

from collections.abc import Mapping
from typing import Any

from triops.kernel.genai.names import SPREAD

_MOST = 2048  # attributes of one span that are put together
_DEEP = 12
_WRAPPERS = ("message", "tool_call", "message_content", "document", "embedding", "image", "image_url")


def gathered(attributes: Mapping[str, Any]) -> dict[str, list[Any]]:
    """`input` and `output`, each a list in the senders' order."""
    trees: dict[str, dict[str, Any]] = {}
    taken = 0
    for name, value in attributes.items():
        for prefix, field in SPREAD.items():
            if name.startswith(prefix) and name[len(prefix) : len(prefix) + 1].isdecimal() and taken < _MOST:
                taken += 1
                _put(trees.setdefault(field, {}), name[len(prefix) :].split(".", _DEEP), value)
                break
    found = {field: _listed(tree) for field, tree in trees.items()}
    return {field: value for field, value in found.items() if isinstance(value, list) and value}


def _put(tree: dict[str, Any], path: list[str], value: Any) -> None:
    for step in path[:-1]:
        inner = tree.get(step)
        if not isinstance(inner, dict):
            inner = tree[step] = {}
        tree = inner
    tree[path[-1]] = value


def _listed(tree: Any) -> Any:
    """Objects whose names are all numbers as lists; a wrapper of one name as what it wraps."""
    if not isinstance(tree, dict):
        return tree
    if tree and all(key.isdecimal() and len(key) < 6 for key in tree):
        return [_listed(tree[key]) for key in sorted(tree, key=int)]
    if len(tree) == 1 and (only := next(iter(tree))) in _WRAPPERS:
        return _listed(tree[only])
    return {key: _listed(value) for key, value in tree.items()}

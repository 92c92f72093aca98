"""Who calls, as an Ollama caller may say it: members that Ollama itself does not know."""

from typing import Any

from triops.web.envelope import MOST_WHO, texts_of
from triops.web.members import text


def who_of(tree: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The user and the metadata, which are taken out: no provider is to see them. Raises: Invalid."""
    metadata = texts_of(tree.pop("metadata", None))
    user = text(tree, "user") or metadata.get("user_id", "")
    tree.pop("user", None)
    return user[:MOST_WHO], metadata

"""What OpenAI's texts rest on: annotations, which chat completions nest under their type and responses do not."""

from collections.abc import Mapping
from typing import Any

from triops.adapters.providers.json_body import as_text
from triops.kernel.completion import Citation


def citations_of(given: Any) -> tuple[Citation, ...]:
    """Of a list of annotations; () for what is none."""
    if not given or not isinstance(given, list):
        return ()
    return tuple(citation_of(one) for one in given if isinstance(one, dict))


def citation_of(given: Mapping[str, Any]) -> Citation:
    kind = as_text(given.get("type"))
    inner = given.get(kind)
    own = {**inner, "type": kind} if isinstance(inner, dict) else dict(given)
    start, end = own.get("start_index"), own.get("end_index")
    if type(start) is not int or type(end) is not int:
        start = end = -1
    return Citation("openai", own, as_text(own.get("url")), as_text(own.get("title")), "", start, end)

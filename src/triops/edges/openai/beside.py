"""What stands beside the text of an answer, in OpenAI's words: annotations, images."""

from typing import Any

from triops.kernel.completion import Citation, Part

_KINDS = {"image/png": "png", "image/jpeg": "jpeg", "image/webp": "webp"}


def annotation_of(citation: Citation, begin: int, end: int, before: int = 0) -> dict[str, Any] | None:
    """As responses have it. `begin`, `end`: where the text stands that rests on it; `before`: how many characters stand
    before what its own places are counted from. None where there is no word for it: a source of another family without
    a URL."""
    if citation.family == "openai":
        if citation.start < 0:
            return dict(citation.own)
        places = {"start_index": citation.start + before, "end_index": citation.end + before}
        return {**citation.own, **places}
    if not citation.url:
        return None
    places = {"start_index": begin, "end_index": end}
    return {"type": "url_citation", "url": citation.url, "title": citation.title, **places}


def nested(annotation: dict[str, Any]) -> dict[str, Any]:
    """As chat completions have it."""
    kind = str(annotation.get("type"))
    return {"type": kind, kind: {name: value for name, value in annotation.items() if name != "type"}}


def image_url_of(image: Part) -> dict[str, Any]:
    """As OpenRouter and LiteLLM tell of images that a model made."""
    url = image.url or f"data:{image.media_type or 'image/png'};base64,{image.data}"
    return {"type": "image_url", "image_url": {"url": url}}


def image_item(id: str, image: Part) -> dict[str, Any]:
    """As a response tells of it; an image that is elsewhere has no form there."""
    kind = _KINDS.get(image.media_type, "png")
    item = {"id": id, "type": "image_generation_call", "status": "completed"}
    return {**item, "result": image.data, "output_format": kind}

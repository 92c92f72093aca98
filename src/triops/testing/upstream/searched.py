"""What a model that searches the web by its provider's own tool, or draws, has beside its text, as each family's
published reference has it. What is searched for is the last thing that the user said; the page that is found is called
so, too."""

from typing import Any, Final

PAGE: Final = "https://example.org/towns"
PIXEL: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
IMAGE_TOKENS: Final = 1290


def anthropic_blocks(looked: str) -> list[dict[str, Any]]:
    """The call and its result."""
    found = {"type": "web_search_result", "url": PAGE, "title": looked, "encrypted_content": "c2VhbGVk"}
    return [
        {"type": "server_tool_use", "id": "srvtoolu_0", "name": "web_search", "input": {"query": looked}},
        {
            "type": "web_search_tool_result",
            "tool_use_id": "srvtoolu_0",
            "content": [{**found, "page_age": None}],
            "caller": {"type": "direct"},
        },
    ]


def anthropic_citation(looked: str) -> dict[str, Any]:
    place = {"url": PAGE, "title": looked, "encrypted_index": "aW5kZXg="}
    return {"type": "web_search_result_location", "cited_text": looked, **place}


def response_call(looked: str, id: int) -> dict[str, Any]:
    action = {"type": "search", "query": looked, "queries": [looked], "sources": [{"type": "url", "url": PAGE}]}
    return {"id": f"ws_{id}", "type": "web_search_call", "status": "completed", "action": action}


def annotation(looked: str, text: str) -> dict[str, Any]:
    """Of the last word of the text, as responses have it."""
    begin = text.rstrip().rfind(" ") + 1
    return {"type": "url_citation", "url": PAGE, "title": looked, "start_index": begin, "end_index": len(text)}


def chat_annotation(looked: str, text: str) -> dict[str, Any]:
    inner = {name: value for name, value in annotation(looked, text).items() if name != "type"}
    return {"type": "url_citation", "url_citation": inner}


def chat_image() -> dict[str, Any]:
    """As OpenRouter has it."""
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}, "index": 0}

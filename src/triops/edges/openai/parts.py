"""What chat completions and responses say alike: data URLs and functions."""

from collections.abc import Mapping
from typing import Any

from triops.kernel.completion import Tool
from triops.web.members import flag, mapping, needed, text


def data_of(url: str) -> tuple[str, str]:
    """`data:image/png;base64,…` as its media type and its base64 text; ("", "") for any other URL."""
    if not url.startswith("data:"):
        return "", ""
    head, comma, data = url[5:].partition(",")
    if not comma or not head.endswith(";base64"):
        return "", ""
    return head[: -len(";base64")], data


def function_tool(given: Mapping[str, Any], path: str) -> Tool:
    """Raises: Invalid."""
    parameters = given.get("parameters")
    return Tool(
        name=needed(given, "name", path),
        description=text(given, "description", path),
        parameters={} if parameters is None else mapping(parameters, f"{path}.parameters"),
        strict=flag(given, "strict", path),
    )

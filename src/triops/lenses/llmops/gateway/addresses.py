"""Where a provider is: its base URL taken apart, and the headers that go to it."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from triops.kernel.errors import Invalid
from triops.ports.upstream import Host

DEFAULT_URLS: Final = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "gemini": "https://generativelanguage.googleapis.com/v1beta",
    "ollama": "http://127.0.0.1:11434",
}
_URL = re.compile(r"[\x21-\x7e]*")
_PORTS = {"http": 80, "https": 443}
_PATH = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*")
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_VALUE = re.compile(r"[\t\x20-\x7e]{0,4096}")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"})


def address_of(url: str, *, allow_private: bool = False, ca: str = "") -> tuple[Host, str]:
    """The host, and the path without a trailing slash. Raises: Invalid."""
    if not _URL.fullmatch(url):
        raise _not_a_url(url)  # `urlsplit` leaves out line breaks
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _not_a_url(url) from None
    name = parts.hostname or ""
    if parts.username is not None or parts.password is not None:
        raise Invalid("no user and password in a URL", field="spec.base_url", expected="api_key_env, or headers")
    if parts.scheme not in _PORTS or not _HOST.fullmatch(name) or parts.query or parts.fragment or port == 0:
        raise _not_a_url(url)
    path = parts.path.rstrip("/")
    if not _PATH.fullmatch(path):
        raise _not_a_url(url)
    return Host(parts.scheme, name, port or _PORTS[parts.scheme], allow_private, ca), path


def headers_of(headers: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Lower-case. Raises: Invalid for a name or value that would change the request itself."""
    found = []
    for name, value in headers.items():
        field = f"spec.headers.{name[:64]}"
        if not _HEADER.fullmatch(name) or name.lower() in _OURS:
            raise Invalid("not a header that may be added", field=field, got=name)
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise Invalid("not a header's value", field=field, expected="printable ASCII on one line")
        found.append((name.lower(), value))
    return tuple(found)


def _not_a_url(url: str) -> Invalid:
    return Invalid("not a base URL", field="spec.base_url", got=url, expected="https://host/v1")

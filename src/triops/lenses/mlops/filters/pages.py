"""The tokens of pages: base64 of JSON, as MLflow's are, so that a client's own may come back."""

import base64
import binascii
import json
from typing import Final

from triops.kernel.errors import Invalid

_MOST: Final = 1 << 31


def page_token(offset: int) -> str:
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()


def offset_of(token: str | None) -> int:
    """Where the page begins; 0 without a token. Raises: Invalid."""
    if not token:
        return 0
    try:
        decoded = base64.b64decode(token[:1000])
    except (binascii.Error, ValueError):
        raise Invalid("Invalid page token, could not base64-decode", field="page_token") from None
    try:
        parsed = json.loads(decoded)
    except (ValueError, RecursionError):
        raise Invalid(f"Invalid page token, decoded value={decoded!r}", field="page_token") from None
    offset = parsed.get("offset") if isinstance(parsed, dict) else None
    if not offset:
        raise Invalid(f"Invalid page token, parsed value={parsed}", field="page_token")
    try:
        number = int(offset)
    except (TypeError, ValueError, OverflowError):
        raise Invalid(f"Invalid page token, not stringable {offset}", field="page_token") from None
    if not 0 <= number < _MOST:
        raise Invalid(f"Invalid page token, parsed value={parsed}", field="page_token")
    return number
